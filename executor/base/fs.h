// File system calls with our errors: whole files, folders, temporary folders, locks, and paths inside a foreign tree.
//
// Paths that come from an image, a context or an archive are opened only through OpenInRoot, which the kernel keeps
// inside the root (openat2, RESOLVE_IN_ROOT): neither ".." nor a symbolic link leads out.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "executor/base/status.h"
#include "executor/base/unique_fd.h"

namespace slipway::fs {

/// Opens with O_CLOEXEC. The error names the path.
Result<UniqueFd> Open(const std::string& path, int flags, mode_t mode = 0644);
/// Opens `path` as seen from inside the folder `root_fd`: absolute links and ".." stay within it.
Result<UniqueFd> OpenInRoot(int root_fd, const std::string& path, int flags, mode_t mode = 0);
/// Opens `path` below `dir_fd` and refuses any symbolic link on the way (RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH).
Result<UniqueFd> OpenBeneath(int dir_fd, const std::string& path, int flags, mode_t mode = 0);
/// As those two, for reading, if it is a regular file; else FAILED_PRECONDITION, and nothing was opened: to open a
/// device or a pipe may do something, and who made the tree chose what is there.
Result<UniqueFd> OpenRegularInRoot(int root_fd, const std::string& path);
Result<UniqueFd> OpenRegularBeneath(int dir_fd, const std::string& path);

/// The whole file; RESOURCE_EXHAUSTED if it is larger than `limit` bytes.
Result<std::string> ReadFile(const std::string& path, uint64_t limit = 64U << 20);
/// Writes beside, syncs, renames: a reader sees the old or the new content, also after a crash.
Status WriteFileAtomic(const std::string& path, std::string_view content, mode_t mode = 0644);
/// Writes all bytes, whatever the number of calls it takes.
Status WriteAll(int fd, std::string_view bytes);
Status WriteAllAt(int fd, std::string_view bytes, int64_t offset);
/// Reads until `buffer` is full or the file ends; the number of bytes read.
Result<size_t> ReadFull(int fd, std::span<char> buffer);
Result<size_t> ReadFullAt(int fd, std::span<char> buffer, int64_t offset);

bool Exists(const std::string& path);
/// As mkdir -p.
Status MakeDirs(const std::string& path, mode_t mode = 0755);
/// Removes `path` and all below it without following links and without leaving its file system, however deep it is.
/// Folders of ours that forbid it by their mode are opened up. Not there is OK.
Status RemoveAll(const std::string& path);
Status Rename(const std::string& from, const std::string& to);
Status SyncDir(const std::string& path);
/// The names in a folder without "." and "..", sorted bytewise.
Result<std::vector<std::string>> ListDir(const std::string& path);
Result<std::vector<std::string>> ListDirFd(int dir_fd);

/// Path text only, nothing is looked up: joins with one slash; an absolute `b` is taken as relative.
std::string Join(std::string_view a, std::string_view b);
/// Go's path.Clean: "", "a//b", "a/./b", "a/../b", "/.." become ".", "a/b", "a/b", "b", "/".
std::string Clean(std::string_view path);
/// The last element, as Go's path.Base.
std::string_view BaseName(std::string_view path);
/// All but the last element, as Go's path.Dir (cleaned).
std::string DirName(std::string_view path);

/// A new folder that is removed with all it holds at the end of the scope.
class TempDir {
 public:
  /// Makes `<parent>/<prefix>XXXXXX`; `parent` empty means $TMPDIR or /tmp.
  static Result<TempDir> Make(const std::string& parent = "", std::string_view prefix = "slipway-");
  TempDir() = default;
  TempDir(TempDir&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  TempDir& operator=(TempDir&& other) noexcept;
  ~TempDir();
  const std::string& path() const { return path_; }
  /// Keeps the folder and hands its path on.
  std::string Release() { return std::exchange(path_, {}); }

 private:
  explicit TempDir(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

/// An exclusive lock on a file (flock); held until destroyed. FAILED_PRECONDITION if another process holds it.
class FileLock {
 public:
  static Result<FileLock> TryAcquire(const std::string& path);
  FileLock() = default;

 private:
  explicit FileLock(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace slipway::fs
