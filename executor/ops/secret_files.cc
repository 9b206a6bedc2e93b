#include "executor/ops/secret_files.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

namespace slipway::ops {

namespace {
// Fits all the secrets that one build may be given.
constexpr const char* kOptions = "mode=0700,size=8m,nr_inodes=1k";
// Linux 6.4 and later: not even a swap device gets to see them.
constexpr const char* kOptionsNoSwap = "mode=0700,size=8m,nr_inodes=1k,noswap";
constexpr unsigned long kFlags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
}  // namespace

Result<SecretFiles> SecretFiles::Make(const std::string& parent) {
  SecretFiles out;
  SLIPWAY_ASSIGN_OR_RETURN(out.folder_, fs::TempDir::Make(parent, "secrets-"));
  const std::string& path = out.folder_.path();
  if (::mount("tmpfs", path.c_str(), "tmpfs", kFlags, kOptionsNoSwap) != 0 &&
      ::mount("tmpfs", path.c_str(), "tmpfs", kFlags, kOptions) != 0) {
    return ErrnoStatus(errno, fmt::format("mount a tmpfs for secrets on '{}'", path));
  }
  out.mount_ = snapshot::ScopedMount(path);
  return out;
}

Result<std::string> SecretFiles::Add(std::string_view value, mode_t mode, uid_t uid, gid_t gid) {
  const std::string path = fs::Join(folder_.path(), std::to_string(count_++));
  SLIPWAY_ASSIGN_OR_RETURN(const UniqueFd file, fs::Open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
  SLIPWAY_RETURN_IF_ERROR(fs::WriteAll(file.get(), value));
  // The owner first: a change of owner takes set-id bits away.
  if (::fchown(file.get(), uid, gid) != 0 || ::fchmod(file.get(), mode & 07777) != 0) {
    return ErrnoStatus(errno, "set the owner and mode of a secret's file");
  }
  return path;
}

}  // namespace slipway::ops
