#include "executor/base/boot_id.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include "executor/base/fs.h"

namespace slipway {

namespace {
// Newer than the headers that we build with.
constexpr unsigned kMountId = 0x1000;        // STATX_MNT_ID
constexpr unsigned kUniqueMountId = 0x4000;  // STATX_MNT_ID_UNIQUE
}  // namespace

std::string BootId() {
  std::string id = fs::ReadFile("/proc/sys/kernel/random/boot_id", 100).ValueOr("");
  while (id.ends_with('\n')) id.pop_back();
  return id;
}

std::string BootAndMount(const std::string& path) {
  const std::string boot = BootId();
  struct statx info {};
  if (boot.empty() || ::statx(AT_FDCWD, path.c_str(), 0, kMountId | kUniqueMountId, &info) != 0) return "";
  if ((info.stx_mask & (kMountId | kUniqueMountId)) == 0) return boot;
  return fmt::format("{}.{}", boot, static_cast<uint64_t>(info.stx_mnt_id));
}

}  // namespace slipway
