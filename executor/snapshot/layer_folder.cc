#include "executor/snapshot/layer_folder.h"

#include <linux/limits.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <array>
#include <cerrno>
#include <string_view>
#include <vector>

namespace slipway::snapshot {

namespace {
constexpr char kOpaque[] = "trusted.overlay.opaque";
}  // namespace

bool IsWhiteout(const struct stat& st) { return S_ISCHR(st.st_mode) && st.st_rdev == ::makedev(0, 0); }

Status MakeWhiteout(const std::string& path) {
  return ::mknod(path.c_str(), S_IFCHR, ::makedev(0, 0)) == 0
             ? Status()
             : ErrnoStatus(errno, fmt::format("make whiteout '{}'", path));
}

bool IsOpaque(const std::string& folder) {
  std::array<char, 2> value{};
  return ::lgetxattr(folder.c_str(), kOpaque, value.data(), value.size()) == 1 && value[0] == 'y';
}

Status MakeOpaque(const std::string& folder) {
  return ::lsetxattr(folder.c_str(), kOpaque, "y", 1, 0) == 0
             ? Status()
             : ErrnoStatus(errno, fmt::format("make '{}' opaque", folder));
}

Status CopyXattrs(const std::string& from, const std::string& to) {
  std::vector<char> names(1024);
  ssize_t size = ::llistxattr(from.c_str(), names.data(), names.size());
  if (size < 0 && errno == ERANGE) {
    names.resize(XATTR_LIST_MAX);
    size = ::llistxattr(from.c_str(), names.data(), names.size());
  }
  if (size < 0) return errno == ENOTSUP ? Status() : ErrnoStatus(errno, fmt::format("list attributes of '{}'", from));
  std::vector<char> value(size > 0 ? XATTR_SIZE_MAX : 0);
  for (const char* name = names.data(); name < names.data() + size; name += std::string_view(name).size() + 1) {
    if (std::string_view(name).starts_with("trusted.overlay.")) continue;
    const ssize_t length = ::lgetxattr(from.c_str(), name, value.data(), value.size());
    if (length < 0) return ErrnoStatus(errno, fmt::format("read attribute '{}' of '{}'", name, from));
    if (::lsetxattr(to.c_str(), name, value.data(), static_cast<size_t>(length), 0) != 0 && errno != ENOTSUP) {
      return ErrnoStatus(errno, fmt::format("set attribute '{}' of '{}'", name, to));
    }
  }
  return Status();
}

}  // namespace slipway::snapshot
