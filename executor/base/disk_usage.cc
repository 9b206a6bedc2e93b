#include "executor/base/disk_usage.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <vector>

#include "executor/base/fs.h"

namespace slipway::fs {

namespace {

constexpr int kDeepest = 128;
constexpr uint64_t kBlock = 512;  // of st_blocks, whatever the file system has

// Of one folder and what is in it.
uint64_t UsageBelow(int folder, dev_t device, int depth) {
  uint64_t sum = 0;
  const auto names = ListDirFd(folder);
  if (!names.ok()) return sum;
  for (const std::string& name : *names) {
    struct stat st {};
    if (::fstatat(folder, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0 || st.st_dev != device) continue;
    sum += static_cast<uint64_t>(st.st_blocks) * kBlock;
    if (!S_ISDIR(st.st_mode) || depth >= kDeepest) continue;
    const auto below = OpenBeneath(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (below.ok()) sum += UsageBelow(below->get(), device, depth + 1);
  }
  return sum;
}

}  // namespace

Result<uint64_t> DiskUsage(const std::string& path) {
  SLIPWAY_ASSIGN_OR_RETURN(const UniqueFd top, Open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  struct stat st {};
  if (::fstat(top.get(), &st) != 0) return ErrnoStatus(errno, fmt::format("look at '{}'", path));
  return static_cast<uint64_t>(st.st_blocks) * kBlock + UsageBelow(top.get(), st.st_dev, 1);
}

}  // namespace slipway::fs
