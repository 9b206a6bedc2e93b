#include "executor/base/fs.h"

#include <dirent.h>
#include <linux/openat2.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "executor/base/log.h"

namespace slipway::fs {

namespace {

Result<UniqueFd> OpenAt2(int dir_fd, const std::string& path, int flags, mode_t mode, uint64_t resolve) {
  open_how how{};
  how.flags = static_cast<uint64_t>(flags | O_CLOEXEC);
  how.mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? mode : 0;
  how.resolve = resolve;
  while (true) {
    const long fd = ::syscall(SYS_openat2, dir_fd, path.c_str(), &how, sizeof(how));
    if (fd >= 0) return UniqueFd(static_cast<int>(fd));
    // EAGAIN: a rename elsewhere disturbed the walk below a root; the kernel asks to try again.
    if (errno != EINTR && errno != EAGAIN) return ErrnoStatus(errno, fmt::format("open '{}'", path));
  }
}

std::string_view KindOf(mode_t mode) {
  if (S_ISDIR(mode)) return "a folder";
  if (S_ISCHR(mode) || S_ISBLK(mode)) return "a device";
  if (S_ISFIFO(mode)) return "a pipe";
  if (S_ISSOCK(mode)) return "a socket";
  return "a symbolic link";
}

// `found` was opened with O_PATH, which does not reach the driver of a device. /proc opens that very file: a name could
// stand for another one by now.
Result<UniqueFd> OpenIfRegular(const UniqueFd& found, const std::string& path) {
  struct stat st {};
  if (::fstat(found.get(), &st) != 0) return ErrnoStatus(errno, fmt::format("look at '{}'", path));
  if (!S_ISREG(st.st_mode)) {
    return FailedPrecondition("open '{}': it is {}, not a regular file", path, KindOf(st.st_mode));
  }
  UniqueFd file(::open(fmt::format("/proc/self/fd/{}", found.get()).c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return ErrnoStatus(errno, fmt::format("open '{}'", path));
  return file;
}

// Removes one tree. Folders that forbid it are opened up first (we own what we remove). What lies deep is moved up to
// the top and removed from there, so neither the stack nor the number of descriptors bounds the depth of the tree.
class TreeRemover {
 public:
  explicit TreeRemover(dev_t device) : device_(device) {}

  Status Remove(const std::string& path) {
    if (::unlink(path.c_str()) == 0 || errno == ENOENT) return Status();
    SLIPWAY_ASSIGN_OR_RETURN(top_, OpenFolder(AT_FDCWD, path));
    SLIPWAY_RETURN_IF_ERROR(RemoveChildren(top_.get(), 1).With(path));
    while (!moved_up_.empty()) {
      const std::string name = std::move(moved_up_.back());
      moved_up_.pop_back();
      SLIPWAY_RETURN_IF_ERROR(RemoveAt(top_.get(), name, 1).With(path));
    }
    return RemoveFolder(AT_FDCWD, path);
  }

 private:
  static constexpr int kDeep = 32;

  Result<UniqueFd> OpenFolder(int parent, const std::string& name) const {
    constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    UniqueFd fd(::openat(parent, name.c_str(), kFlags));
    if (!fd.valid() && errno == EACCES && ::fchmodat(parent, name.c_str(), 0700, AT_SYMLINK_NOFOLLOW) == 0) {
      fd.Reset(::openat(parent, name.c_str(), kFlags));
    }
    struct stat st {};
    if (!fd.valid() || ::fstat(fd.get(), &st) != 0) return ErrnoStatus(errno, fmt::format("remove '{}'", name));
    if (st.st_dev != device_) return FailedPrecondition("remove '{}': something is mounted there", name);
    if ((st.st_mode & 0700) != 0700) (void)::fchmod(fd.get(), 0700);
    return fd;
  }

  static Status RemoveFolder(int parent, const std::string& name) {
    if (::unlinkat(parent, name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) return Status();
    return ErrnoStatus(errno, fmt::format("remove '{}'", name));
  }

  Status RemoveChildren(int fd, int depth) {
    SLIPWAY_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDirFd(fd));
    for (const std::string& name : names) SLIPWAY_RETURN_IF_ERROR(RemoveAt(fd, name, depth));
    return Status();
  }

  Status RemoveAt(int parent, const std::string& name, int depth) {
    if (::unlinkat(parent, name.c_str(), 0) == 0 || errno == ENOENT) return Status();
    if (errno != EISDIR && errno != EPERM && errno != EBUSY)
      return ErrnoStatus(errno, fmt::format("remove '{}'", name));
    SLIPWAY_ASSIGN_OR_RETURN(const UniqueFd fd, OpenFolder(parent, name));
    if (depth >= kDeep) return MoveUp(parent, name);
    SLIPWAY_RETURN_IF_ERROR(RemoveChildren(fd.get(), depth + 1).With(name));
    return RemoveFolder(parent, name);
  }

  Status MoveUp(int parent, const std::string& name) {
    while (true) {
      std::string up = fmt::format(".deep-{}", ++last_moved_);
      if (::renameat2(parent, name.c_str(), top_.get(), up.c_str(), RENAME_NOREPLACE) == 0) {
        moved_up_.push_back(std::move(up));
        return Status();
      }
      if (errno != EEXIST) return ErrnoStatus(errno, fmt::format("remove '{}'", name));
    }
  }

  const dev_t device_;
  UniqueFd top_;
  std::vector<std::string> moved_up_;
  uint64_t last_moved_ = 0;
};

}  // namespace

Result<UniqueFd> Open(const std::string& path, int flags, mode_t mode) {
  while (true) {
    const int fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
    if (fd >= 0) return UniqueFd(fd);
    if (errno != EINTR) return ErrnoStatus(errno, fmt::format("open '{}'", path));
  }
}

Result<UniqueFd> OpenInRoot(int root_fd, const std::string& path, int flags, mode_t mode) {
  return OpenAt2(root_fd, path.empty() ? "." : path, flags, mode, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

Result<UniqueFd> OpenBeneath(int dir_fd, const std::string& path, int flags, mode_t mode) {
  return OpenAt2(dir_fd, path.empty() ? "." : path, flags, mode, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
}

Result<UniqueFd> OpenRegularInRoot(int root_fd, const std::string& path) {
  SLIPWAY_ASSIGN_OR_RETURN(const UniqueFd found, OpenInRoot(root_fd, path, O_PATH));
  return OpenIfRegular(found, path);
}

Result<UniqueFd> OpenRegularBeneath(int dir_fd, const std::string& path) {
  SLIPWAY_ASSIGN_OR_RETURN(const UniqueFd found, OpenBeneath(dir_fd, path, O_PATH | O_NOFOLLOW));
  return OpenIfRegular(found, path);
}

Result<std::string> ReadFile(const std::string& path, uint64_t limit) {
  SLIPWAY_ASSIGN_OR_RETURN(UniqueFd fd, Open(path, O_RDONLY));
  std::string out;
  constexpr size_t kStep = 64U << 10;
  while (true) {
    const size_t had = out.size();
    out.resize(had + kStep);
    auto got = ReadFull(fd.get(), std::span(out).subspan(had));
    if (!got.ok()) return std::move(got).status().With(fmt::format("read '{}'", path));
    out.resize(had + *got);
    if (out.size() > limit) return ResourceExhausted("read '{}': the file is larger than {} bytes", path, limit);
    if (*got < kStep) return out;
  }
}

Status WriteFileAtomic(const std::string& path, std::string_view content, mode_t mode) {
  std::string temp = path + ".XXXXXX";
  UniqueFd fd(::mkostemp(temp.data(), O_CLOEXEC));
  if (!fd.valid()) return ErrnoStatus(errno, fmt::format("write '{}'", path));
  Status status = WriteAll(fd.get(), content);
  if (status.ok() && (::fchmod(fd.get(), mode) != 0 || ::fsync(fd.get()) != 0)) status = ErrnoStatus(errno, "sync");
  if (status.ok()) status = Rename(temp, path);
  if (!status.ok()) {
    ::unlink(temp.c_str());
    return std::move(status).With(fmt::format("write '{}'", path));
  }
  return SyncDir(DirName(path));
}

Status WriteAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n >= 0) {
      bytes.remove_prefix(static_cast<size_t>(n));
    } else if (errno != EINTR) {
      return ErrnoStatus(errno, "write");
    }
  }
  return Status();
}

Status WriteAllAt(int fd, std::string_view bytes, int64_t offset) {
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(fd, bytes.data(), bytes.size(), offset);
    if (n >= 0) {
      bytes.remove_prefix(static_cast<size_t>(n));
      offset += n;
    } else if (errno != EINTR) {
      return ErrnoStatus(errno, "write");
    }
  }
  return Status();
}

Result<size_t> ReadFull(int fd, std::span<char> buffer) {
  size_t done = 0;
  while (done < buffer.size()) {
    const ssize_t n = ::read(fd, buffer.data() + done, buffer.size() - done);
    if (n == 0) break;
    if (n > 0) {
      done += static_cast<size_t>(n);
    } else if (errno != EINTR) {
      return ErrnoStatus(errno, "read");
    }
  }
  return done;
}

Result<size_t> ReadFullAt(int fd, std::span<char> buffer, int64_t offset) {
  size_t done = 0;
  while (done < buffer.size()) {
    const ssize_t n = ::pread(fd, buffer.data() + done, buffer.size() - done, offset + static_cast<int64_t>(done));
    if (n == 0) break;
    if (n > 0) {
      done += static_cast<size_t>(n);
    } else if (errno != EINTR) {
      return ErrnoStatus(errno, "read");
    }
  }
  return done;
}

bool Exists(const std::string& path) {
  struct stat st {};
  return ::lstat(path.c_str(), &st) == 0;
}

Status MakeDirs(const std::string& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) == 0) return Status();
  if (errno == EEXIST) {
    struct stat st {};
    if (::stat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode)) return Status();
    return FailedPrecondition("make folder '{}': a file is in the way", path);
  }
  if (errno != ENOENT) return ErrnoStatus(errno, fmt::format("make folder '{}'", path));
  const std::string parent = DirName(path);
  if (parent == path) return ErrnoStatus(ENOENT, fmt::format("make folder '{}'", path));
  SLIPWAY_RETURN_IF_ERROR(MakeDirs(parent, mode));
  if (::mkdir(path.c_str(), mode) == 0 || errno == EEXIST) return Status();
  return ErrnoStatus(errno, fmt::format("make folder '{}'", path));
}

Status RemoveAll(const std::string& path) {
  struct stat st {};
  if (::lstat(path.c_str(), &st) != 0) {
    return errno == ENOENT ? Status() : ErrnoStatus(errno, fmt::format("remove '{}'", path));
  }
  return TreeRemover(st.st_dev).Remove(path);
}

Status Rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) == 0) return Status();
  return ErrnoStatus(errno, fmt::format("rename '{}' to '{}'", from, to));
}

Status SyncDir(const std::string& path) {
  SLIPWAY_ASSIGN_OR_RETURN(UniqueFd fd, Open(path, O_RDONLY | O_DIRECTORY));
  return ::fsync(fd.get()) == 0 ? Status() : ErrnoStatus(errno, fmt::format("sync folder '{}'", path));
}

Result<std::vector<std::string>> ListDir(const std::string& path) {
  SLIPWAY_ASSIGN_OR_RETURN(UniqueFd fd, Open(path, O_RDONLY | O_DIRECTORY));
  return ListDirFd(fd.get()).With(fmt::format("list '{}'", path));
}

Result<std::vector<std::string>> ListDirFd(int dir_fd) {
  UniqueFd own(::openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!own.valid()) return ErrnoStatus(errno, "list folder");
  DIR* dir = ::fdopendir(own.get());
  if (dir == nullptr) return ErrnoStatus(errno, "list folder");
  own.Release();
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(dir)) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
    errno = 0;
  }
  const int error = errno;
  ::closedir(dir);
  if (error != 0) return ErrnoStatus(error, "list folder");
  std::sort(names.begin(), names.end());
  return names;
}

std::string Join(std::string_view a, std::string_view b) {
  while (a.size() > 1 && a.ends_with('/')) a.remove_suffix(1);
  while (b.starts_with('/')) b.remove_prefix(1);
  if (b.empty()) return std::string(a);
  if (a.empty()) return std::string(b);
  return a == "/" ? fmt::format("/{}", b) : fmt::format("{}/{}", a, b);
}

std::string Clean(std::string_view path) {
  const bool rooted = path.starts_with('/');
  std::vector<std::string_view> parts;
  for (size_t pos = 0; pos <= path.size();) {
    size_t end = path.find('/', pos);
    if (end == std::string_view::npos) end = path.size();
    const std::string_view part = path.substr(pos, end - pos);
    if (part == "..") {
      if (!parts.empty() && parts.back() != "..") {
        parts.pop_back();
      } else if (!rooted) {
        parts.push_back(part);
      }
    } else if (!part.empty() && part != ".") {
      parts.push_back(part);
    }
    pos = end + 1;
  }
  if (parts.empty()) return rooted ? "/" : ".";
  return fmt::format("{}{}", rooted ? "/" : "", fmt::join(parts, "/"));
}

std::string_view BaseName(std::string_view path) {
  if (path.empty()) return ".";
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  if (path == "/") return path;
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

std::string DirName(std::string_view path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  return Clean(path.substr(0, slash + 1));
}

Result<TempDir> TempDir::Make(const std::string& parent, std::string_view prefix) {
  const char* env = std::getenv("TMPDIR");
  const std::string base = !parent.empty() ? parent : env != nullptr && *env != '\0' ? env : "/tmp";
  std::string path = Join(base, fmt::format("{}XXXXXX", prefix));
  if (::mkdtemp(path.data()) == nullptr)
    return ErrnoStatus(errno, fmt::format("make a temporary folder in '{}'", base));
  return TempDir(std::move(path));
}

TempDir& TempDir::operator=(TempDir&& other) noexcept {
  if (this != &other) {
    TempDir old(std::exchange(path_, std::exchange(other.path_, {})));
  }
  return *this;
}

TempDir::~TempDir() {
  if (path_.empty()) return;
  if (Status status = RemoveAll(path_); !status.ok()) spdlog::warn("{}", status.message());
}

Result<FileLock> FileLock::TryAcquire(const std::string& path) {
  SLIPWAY_ASSIGN_OR_RETURN(UniqueFd fd, Open(path, O_RDWR | O_CREAT, 0600));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return FailedPrecondition("'{}' is locked by another process", path);
    return ErrnoStatus(errno, fmt::format("lock '{}'", path));
  }
  return FileLock(std::move(fd));
}

}  // namespace slipway::fs
