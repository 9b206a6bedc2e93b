#include "executor/snapshot/mount_table.h"

#include <sys/mount.h>

#include <cerrno>
#include <cstdlib>

#include "executor/base/fs.h"
#include "executor/base/log.h"
#include "executor/snapshot/snapshotter.h"

namespace slipway::snapshot {

namespace {

constexpr uint64_t kLargestTable = 256U << 20;

bool IsOctal(char c) { return c >= '0' && c <= '7'; }

// The kernel writes blanks and backslashes as \ooo.
std::string Unescape(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && IsOctal(text[i + 1]) && IsOctal(text[i + 2]) &&
        IsOctal(text[i + 3])) {
      out += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

// The fifth of the fields: "36 35 98:0 /root /mount/point rw - ext4 …".
std::string_view MountPointField(std::string_view line) {
  for (int field = 0; field < 4; ++field) {
    const size_t blank = line.find(' ');
    if (blank == std::string_view::npos) return {};
    line.remove_prefix(blank + 1);
  }
  return line.substr(0, line.find(' '));
}

// The table has paths without links.
std::string RealPath(const std::string& path) {
  char* real = ::realpath(path.c_str(), nullptr);
  if (real == nullptr) return fs::Clean(path);
  std::string out = real;
  std::free(real);
  return out;
}

}  // namespace

std::vector<std::string> ParseMountPoints(std::string_view mountinfo) {
  std::vector<std::string> out;
  while (!mountinfo.empty()) {
    const size_t end = std::min(mountinfo.find('\n'), mountinfo.size());
    if (const std::string_view field = MountPointField(mountinfo.substr(0, end)); !field.empty())
      out.push_back(Unescape(field));
    mountinfo.remove_prefix(std::min(end + 1, mountinfo.size()));
  }
  return out;
}

bool IsAtOrBelow(std::string_view path, std::string_view folder) {
  if (folder == "/") return path.starts_with('/');
  return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}

Status UnmountBelow(const std::string& path) {
  const std::string real = RealPath(path);
  // A mount may hide others under the same name, so the table is read again until nothing is left.
  constexpr int kRounds = 16;
  for (int round = 0; round < kRounds; ++round) {
    SLIPWAY_ASSIGN_OR_RETURN(const std::string table, fs::ReadFile("/proc/self/mountinfo", kLargestTable));
    const std::vector<std::string> points = ParseMountPoints(table);
    bool any = false;
    // Backwards: what lies on something was mounted after it.
    for (auto it = points.rbegin(); it != points.rend(); ++it) {
      if (!IsAtOrBelow(*it, real)) continue;
      any = true;
      if (::umount2(it->c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0) continue;
      if (errno != EINVAL && errno != ENOENT) return ErrnoStatus(errno, fmt::format("unmount '{}'", *it));
    }
    if (!any) return Status();
  }
  return FailedPrecondition("unmount what is below '{}': there is always more", path);
}

}  // namespace slipway::snapshot
