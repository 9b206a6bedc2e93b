#include "executor/ops/cache_mounts.h"

#include "executor/base/fs.h"

namespace slipway::ops {

CacheMounts::Use::Use(Use&& other) noexcept
    : owner_(std::exchange(other.owner_, nullptr)),
      path_(std::move(other.path_)),
      exclusive_(other.exclusive_),
      is_new_(other.is_new_) {}

CacheMounts::Use& CacheMounts::Use::operator=(Use&& other) noexcept {
  if (this != &other) {
    Use old(std::move(*this));
    owner_ = std::exchange(other.owner_, nullptr);
    path_ = std::move(other.path_);
    exclusive_ = other.exclusive_;
    is_new_ = other.is_new_;
  }
  return *this;
}

CacheMounts::Use::~Use() {
  if (owner_ != nullptr) owner_->Release(path_, exclusive_);
}

std::string CacheMounts::PathOf(const std::string& id, int instance) const {
  return fs::Join(root_, fmt::format("{}-{}", Digest::Of(id).hex().substr(0, 32), instance));
}

Result<CacheMounts::Use> CacheMounts::Acquire(const Context& ctx, const std::string& id, graph::CacheSharing sharing) {
  Use use;
  use.exclusive_ = sharing != graph::CacheSharing::kShared;
  {
    std::unique_lock lock(mutex_);
    int instance = 0;
    if (sharing == graph::CacheSharing::kPrivate) {
      while (users_.contains(PathOf(id, instance))) ++instance;
    }
    const std::string path = PathOf(id, instance);
    if (sharing == graph::CacheSharing::kLocked) {
      SLIPWAY_RETURN_IF_ERROR(ctx.Wait(lock, released_, [&] { return !users_.contains(path); }));
    } else {
      SLIPWAY_RETURN_IF_ERROR(ctx.Wait(lock, released_, [&] { return !locked_.contains(path); }));
    }
    ++users_[path];
    if (use.exclusive_) locked_.insert(path);
    use.owner_ = this;
    use.path_ = path;
  }
  use.is_new_ = !fs::Exists(use.path_);
  SLIPWAY_RETURN_IF_ERROR(fs::MakeDirs(use.path_, 0755));
  return use;
}

void CacheMounts::Release(const std::string& path, bool exclusive) {
  std::lock_guard lock(mutex_);
  if (--users_[path] == 0) users_.erase(path);
  if (exclusive) locked_.erase(path);
  released_.notify_all();
}

}  // namespace slipway::ops
