#include "executor/runtime/mount_stubs.h"

#include <fcntl.h>
#include <limits.h>
#include <spdlog/spdlog.h>

#include <array>
#include <cerrno>

#include "executor/base/fs.h"
#include "executor/runtime/text.h"

namespace slipway::runtime {

namespace {

bool SameTime(const timespec& a, const timespec& b) { return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec; }

// An entry of a folder inside the root; the folder is opened so that no link leads out of it.
Result<UniqueFd> OpenDir(int root_fd, const std::string& path) {
  return fs::OpenInRoot(root_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

std::vector<std::string> Components(const std::string& path) {
  const auto views = Split(path, '/');
  return {views.begin(), views.end()};
}

std::string JoinComponents(const std::vector<std::string>& parts) {
  std::string out;
  for (const std::string& part : parts) out += (out.empty() ? "" : "/") + part;
  return out.empty() ? "." : out;
}

}  // namespace

Result<std::string> ResolveInRoot(int root_fd, const std::string& path) {
  constexpr int kMostLinks = 255;
  std::vector<std::string> todo = Components(path);  // reversed below: the next component is at the back
  std::reverse(todo.begin(), todo.end());
  std::vector<std::string> done;
  int links = 0;
  while (!todo.empty()) {
    const std::string part = std::move(todo.back());
    todo.pop_back();
    if (part == ".") continue;
    if (part == "..") {
      if (!done.empty()) done.pop_back();
      continue;
    }
    auto parent = OpenDir(root_fd, JoinComponents(done));
    std::array<char, PATH_MAX> target;
    const ssize_t n = parent.ok() ? ::readlinkat(parent->get(), part.c_str(), target.data(), target.size()) : -1;
    if (n < 0) {  // no link, or not there
      done.push_back(part);
      continue;
    }
    if (++links > kMostLinks)
      return InvalidArgument("resolve '{}' in the container's root: too many symbolic links", path);
    const std::string text(target.data(), static_cast<size_t>(n));
    if (text.starts_with('/')) done.clear();
    std::vector<std::string> parts = Components(text);
    todo.insert(todo.end(), std::make_move_iterator(parts.rbegin()), std::make_move_iterator(parts.rend()));
  }
  return JoinComponents(done);
}

Result<MountStubs> MountStubs::Make(const std::string& rootfs, const std::vector<Wanted>& wanted) {
  MountStubs stubs;
  SLIPWAY_ASSIGN_OR_RETURN(stubs.root_, fs::Open(rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC));
  for (const Wanted& one : wanted) {
    SLIPWAY_RETURN_IF_ERROR(
        stubs.MakeOne(one).With(fmt::format("make mount point '{}' in the container's root", one.path)));
  }
  return stubs;
}

MountStubs& MountStubs::operator=(MountStubs&& other) noexcept {
  if (this != &other) {
    Remove();
    root_ = std::move(other.root_);
    stubs_ = std::move(other.stubs_);
  }
  return *this;
}

Status MountStubs::MakeOne(const Wanted& wanted) {
  SLIPWAY_ASSIGN_OR_RETURN(const std::string resolved, ResolveInRoot(root_.get(), wanted.path));
  if (resolved == ".") return Status();
  const std::vector<std::string> parts = Components(resolved);
  std::vector<std::string> above;
  for (size_t i = 0; i < parts.size(); ++i) {
    const bool last = i + 1 == parts.size();
    const std::string parent = JoinComponents(above);
    above.push_back(parts[i]);
    SLIPWAY_ASSIGN_OR_RETURN(UniqueFd dir, OpenDir(root_.get(), parent));
    struct stat st {};
    if (::fstatat(dir.get(), parts[i].c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0) {
      if (!last && !S_ISDIR(st.st_mode)) return Status();  // the runtime will say what is wrong
      continue;
    }
    if (errno != ENOENT) return ErrnoStatus(errno, fmt::format("look for '{}'", parts[i]));
    SLIPWAY_RETURN_IF_ERROR(MakeEntry(parent, parts[i], !last || wanted.is_dir, last ? wanted.mode : 0755));
  }
  return Status();
}

Status MountStubs::MakeEntry(const std::string& parent, const std::string& name, bool is_dir, mode_t mode) {
  SLIPWAY_ASSIGN_OR_RETURN(UniqueFd dir, OpenDir(root_.get(), parent));
  struct stat before {};
  if (::fstat(dir.get(), &before) != 0) return ErrnoStatus(errno, "stat");
  if (is_dir) {
    if (::mkdirat(dir.get(), name.c_str(), mode) != 0) return errno == EEXIST ? Status() : ErrnoStatus(errno, "mkdir");
    if (::fchmodat(dir.get(), name.c_str(), mode, 0) != 0) return ErrnoStatus(errno, "chmod");  // whatever our umask is
  } else {
    const UniqueFd file(::openat(dir.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
    if (!file.valid()) return errno == EEXIST ? Status() : ErrnoStatus(errno, "create");
  }
  struct stat after {};
  if (::fstat(dir.get(), &after) != 0) return ErrnoStatus(errno, "stat");
  stubs_.push_back({.parent = parent,
                    .name = name,
                    .is_dir = is_dir,
                    .atime_before = before.st_atim,
                    .mtime_before = before.st_mtim,
                    .mtime_after = after.st_mtim});
  return Status();
}

std::vector<std::string> MountStubs::made() const {
  std::vector<std::string> out;
  for (const Stub& stub : stubs_) out.push_back(stub.parent == "." ? stub.name : fs::Join(stub.parent, stub.name));
  return out;
}

void MountStubs::Remove() {
  // Deepest last made, so backwards; then each folder has the times that it had before the stub was made in it.
  for (auto stub = stubs_.rbegin(); stub != stubs_.rend(); ++stub) {
    auto dir = OpenDir(root_.get(), stub->parent);
    if (!dir.ok()) continue;
    struct stat folder {};
    struct stat entry {};
    if (::fstat(dir->get(), &folder) != 0) continue;
    if (::fstatat(dir->get(), stub->name.c_str(), &entry, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (S_ISDIR(entry.st_mode) != stub->is_dir) continue;
    if (!stub->is_dir && (!S_ISREG(entry.st_mode) || entry.st_size != 0)) continue;
    if (::unlinkat(dir->get(), stub->name.c_str(), stub->is_dir ? AT_REMOVEDIR : 0) != 0) continue;
    // Where the container itself was at work in the folder, its time is kept; ours never shows.
    const bool untouched = SameTime(folder.st_mtim, stub->mtime_after);
    const std::array<timespec, 2> times = {untouched ? stub->atime_before : folder.st_atim,
                                           untouched ? stub->mtime_before : folder.st_mtim};
    if (::futimens(dir->get(), times.data()) != 0)
      spdlog::warn("put back the times of '{}': errno {}", stub->parent, errno);
  }
  stubs_.clear();
}

}  // namespace slipway::runtime
