#include "executor/ops/cache_mounts.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

#include "executor/base/cleanup.h"
#include "executor/base/disk_usage.h"
#include "executor/base/fs.h"
#include "executor/base/log.h"

namespace slipway::ops {

namespace {

constexpr std::string_view kUsed = ".used";

std::string StampOf(const std::string& path) { return path + std::string(kUsed); }

void Stamp(const std::string& path) {
  const UniqueFd stamp(::open(StampOf(path).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  if (stamp.valid() && ::futimens(stamp.get(), nullptr) == 0) return;
  spdlog::warn("note the use of cache mount '{}': {}", path, ErrnoStatus(errno, "write").message());
}

// Half made, on its way out, or the stamp of a folder that has gone.
bool IsLeftOver(const std::string& root, const std::string& name) {
  if (name.starts_with('.')) return true;
  return name.ends_with(kUsed) && !fs::Exists(fs::Join(root, name.substr(0, name.size() - kUsed.size())));
}

int Strictness(graph::CacheSharing sharing) {
  switch (sharing) {
    case graph::CacheSharing::kShared: return 0;
    case graph::CacheSharing::kPrivate: return 1;
    case graph::CacheSharing::kLocked: return 2;
  }
  return 0;
}

// A folder without a stamp was made before there were any, or its first user is not done.
timespec LastUse(const std::string& path) {
  struct stat st {};
  if (::lstat(StampOf(path).c_str(), &st) != 0 && ::lstat(path.c_str(), &st) != 0) return {};
  return st.st_mtim;
}

}  // namespace

CacheMounts::Use::Use(Use&& other) noexcept
    : owner_(std::exchange(other.owner_, nullptr)), path_(std::move(other.path_)), exclusive_(other.exclusive_) {}

CacheMounts::Use& CacheMounts::Use::operator=(Use&& other) noexcept {
  if (this != &other) {
    Use old(std::move(*this));
    owner_ = std::exchange(other.owner_, nullptr);
    path_ = std::move(other.path_);
    exclusive_ = other.exclusive_;
  }
  return *this;
}

CacheMounts::Use::~Use() {
  if (owner_ != nullptr) owner_->Release(path_, exclusive_);
}

Result<std::unique_ptr<CacheMounts>> CacheMounts::Open(std::string root) {
  SLIPWAY_RETURN_IF_ERROR(fs::MakeDirs(root, 0700));
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<std::string> names, fs::ListDir(root));
  for (const std::string& name : names) {
    if (IsLeftOver(root, name)) SLIPWAY_RETURN_IF_ERROR(fs::RemoveAll(fs::Join(root, name)));
  }
  return std::unique_ptr<CacheMounts>(new CacheMounts(std::move(root)));
}

std::string CacheMounts::PathOf(const std::string& id, int instance) const {
  return fs::Join(root_, fmt::format("{}-{}", Digest::Of(id).hex().substr(0, 32), instance));
}

std::string CacheMounts::HiddenPath() {
  const std::lock_guard lock(mutex_);
  return fs::Join(root_, fmt::format(".{}", ++hidden_));
}

Status CacheMounts::WaitFor(const Context& ctx, std::unique_lock<std::mutex>& lock, const std::string& path,
                            bool alone) {
  return ctx.Wait(lock, released_, [&] { return alone ? !users_.contains(path) : !locked_.contains(path); });
}

Result<CacheMounts::Use> CacheMounts::Acquire(const Context& ctx, const std::string& id, graph::CacheSharing sharing,
                                              const Fill& fill) {
  Use use;
  std::unique_lock lock(mutex_);
  int instance = 0;
  if (sharing == graph::CacheSharing::kPrivate) {
    while (users_.contains(PathOf(id, instance))) ++instance;
  }
  const std::string path = PathOf(id, instance);
  SLIPWAY_RETURN_IF_ERROR(WaitFor(ctx, lock, path, sharing == graph::CacheSharing::kLocked));
  const bool exclusive = sharing != graph::CacheSharing::kShared;
  // Whoever shares a folder that is not there can be no second user: the first has it for itself until it is filled.
  const bool is_new = !fs::Exists(path);
  ++users_[path];
  if (exclusive || is_new) locked_.insert(path);
  measured_.erase(path);
  use.owner_ = this;
  use.path_ = path;
  use.exclusive_ = exclusive || is_new;
  lock.unlock();
  if (!is_new) return use;
  SLIPWAY_RETURN_IF_ERROR(FillNow(use, fill));
  if (!exclusive) {
    lock.lock();
    use.exclusive_ = false;
    locked_.erase(path);
    released_.notify_all();
  }
  return use;
}

// By id, so that no two steps wait for each other; what is asked for twice is taken once, or a step would wait for
// itself.
Result<std::vector<CacheMounts::UsePtr>> CacheMounts::AcquireAll(const Context& ctx, const std::vector<Wish>& wishes) {
  std::map<std::string_view, std::pair<const Wish*, graph::CacheSharing>> by_id;
  for (const Wish& wish : wishes) {
    const auto [known, added] = by_id.try_emplace(wish.id, &wish, wish.sharing);
    if (!added && Strictness(wish.sharing) > Strictness(known->second.second)) known->second.second = wish.sharing;
  }
  std::map<std::string_view, UsePtr> uses;
  for (const auto& [id, wanted] : by_id) {
    SLIPWAY_ASSIGN_OR_RETURN(Use use, Acquire(ctx, wanted.first->id, wanted.second, wanted.first->fill));
    uses.emplace(id, std::make_shared<const Use>(std::move(use)));
  }
  std::vector<UsePtr> out;
  for (const Wish& wish : wishes) out.push_back(uses.at(wish.id));
  return out;
}

Status CacheMounts::FillNow(const Use& use, const Fill& fill) {
  const std::string hidden = HiddenPath();
  SLIPWAY_RETURN_IF_ERROR(fs::MakeDirs(hidden, 0755));
  Cleanup remove([&] { fs::RemoveAll(hidden).Ignore(); });
  SLIPWAY_RETURN_IF_ERROR(fill(hidden));
  SLIPWAY_RETURN_IF_ERROR(fs::Rename(hidden, use.path()));
  remove.Release();
  return Status();
}

void CacheMounts::Release(const std::string& path, bool exclusive) {
  // Before anybody can take it for older than it is; one that could not be filled is not there.
  if (fs::Exists(path)) Stamp(path);
  const std::lock_guard lock(mutex_);
  if (--users_[path] == 0) users_.erase(path);
  if (exclusive) locked_.erase(path);
  measured_.erase(path);
  released_.notify_all();
}

Result<std::vector<std::string>> CacheMounts::Folders() const {
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<std::string> names, fs::ListDir(root_));
  std::vector<std::string> out;
  for (const std::string& name : names) {
    if (!name.starts_with('.') && !name.ends_with(kUsed)) out.push_back(fs::Join(root_, name));
  }
  return out;
}

Result<uint64_t> CacheMounts::Bytes() {
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<std::string> folders, Folders());
  uint64_t sum = 0;
  for (const std::string& path : folders) {
    {
      const std::lock_guard lock(mutex_);
      if (const auto known = measured_.find(path); known != measured_.end()) {
        sum += known->second;
        continue;
      }
    }
    const uint64_t bytes = fs::DiskUsage(path).ValueOr(0);  // it may have been removed
    sum += bytes;
    const std::lock_guard lock(mutex_);
    if (!users_.contains(path)) measured_[path] = bytes;
  }
  return sum;
}

Result<size_t> CacheMounts::DropOldest(size_t one_in) {
  SLIPWAY_ASSIGN_OR_RETURN(std::vector<std::string> folders, Folders());
  std::vector<std::pair<timespec, std::string>> by_age;
  for (std::string& path : folders) by_age.emplace_back(LastUse(path), std::move(path));
  std::sort(by_age.begin(), by_age.end(), [](const auto& a, const auto& b) {
    return std::tuple(a.first.tv_sec, a.first.tv_nsec, a.second) <
           std::tuple(b.first.tv_sec, b.first.tv_nsec, b.second);
  });
  const size_t most = (by_age.size() + one_in - 1) / one_in;
  size_t dropped = 0;
  for (const auto& [used, path] : by_age) {
    if (dropped == most) break;
    SLIPWAY_ASSIGN_OR_RETURN(const bool gone, Drop(path));
    dropped += gone ? 1 : 0;
  }
  return dropped;
}

// False if somebody uses it. Out of the way first: nobody finds half of it, and nobody waits while it is removed.
Result<bool> CacheMounts::Drop(const std::string& path) {
  const std::string hidden = HiddenPath();
  {
    const std::lock_guard lock(mutex_);
    if (users_.contains(path)) return false;
    SLIPWAY_RETURN_IF_ERROR(fs::Rename(path, hidden));
    ::unlink(StampOf(path).c_str());
    measured_.erase(path);
  }
  SLIPWAY_RETURN_IF_ERROR(fs::RemoveAll(hidden));
  return true;
}

}  // namespace slipway::ops
