#include "executor/runtime/files_mount.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "executor/base/fs.h"
#include "executor/base/unique_fd.h"

namespace slipway::runtime {

namespace {

constexpr unsigned long kFlags = MS_NOSUID | MS_NODEV | MS_NOEXEC;

Status CheckName(const std::string& name) {
  const bool bad = name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos ||
                   name.find('\0') != std::string::npos;
  return bad ? InvalidArgument("'{}' is no name for a file in a volume", name) : Status();
}

Status MountTmpfs(const std::string& target, uint64_t bytes, size_t files) {
  // A page for each file, and room for the folder.
  const uint64_t size = (bytes / 4096 + files + 16) * 4096;
  const std::string options = fmt::format("mode=0755,size={},nr_inodes={}", size, files + 16);
  // Kernels before 6.4 do not know noswap.
  if (::mount("slipway-files", target.c_str(), "tmpfs", kFlags, (options + ",noswap").c_str()) == 0) return Status();
  if (::mount("slipway-files", target.c_str(), "tmpfs", kFlags, options.c_str()) == 0) return Status();
  return ErrnoStatus(errno, fmt::format("mount a tmpfs on '{}'", target));
}

Status WriteFile(int folder, const std::string& name, const std::string& bytes, uid_t uid, gid_t gid) {
  const UniqueFd fd(::openat(folder, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0400));
  if (!fd.valid()) return ErrnoStatus(errno, fmt::format("make '{}'", name));
  SLIPWAY_RETURN_IF_ERROR(fs::WriteAll(fd.get(), bytes).With(fmt::format("write '{}'", name)));
  if (::fchown(fd.get(), uid, gid) != 0 || ::fchmod(fd.get(), 0400) != 0) {
    return ErrnoStatus(errno, fmt::format("set the owner of '{}'", name));
  }
  return Status();
}

}  // namespace

Result<snapshot::ScopedMount> MountFiles(const std::map<std::string, std::string>& files, uid_t uid, gid_t gid,
                                         const std::string& target) {
  uint64_t bytes = 0;
  for (const auto& [name, content] : files) {
    SLIPWAY_RETURN_IF_ERROR(CheckName(name));
    bytes += (content.size() + 4095) / 4096 * 4096;
  }
  SLIPWAY_RETURN_IF_ERROR(fs::MakeDirs(target, 0700));
  SLIPWAY_RETURN_IF_ERROR(MountTmpfs(target, bytes, files.size()));
  snapshot::ScopedMount mount(target);
  {
    SLIPWAY_ASSIGN_OR_RETURN(const UniqueFd folder, fs::Open(target, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    for (const auto& [name, content] : files) {
      SLIPWAY_RETURN_IF_ERROR(WriteFile(folder.get(), name, content, uid, gid));
    }
  }
  if (::mount(nullptr, target.c_str(), nullptr, MS_REMOUNT | MS_RDONLY | kFlags, nullptr) != 0) {
    return ErrnoStatus(errno, fmt::format("make '{}' read-only", target));
  }
  return mount;
}

}  // namespace slipway::runtime
