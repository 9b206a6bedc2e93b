#include "executor/ops/unchanged.h"

#include <sys/stat.h>
#include <sys/xattr.h>

#include <array>
#include <map>
#include <optional>

#include "executor/base/fs.h"
#include "executor/layer/overlay_format.h"

namespace slipway::ops {

namespace {

constexpr const char* kOrigin = "trusted.overlay.origin";

using Attributes = std::map<std::string, std::string>;

Result<Attributes> ReadAttributes(int fd) {
  Attributes out;
  std::array<char, 64U << 10> names;
  const ssize_t size = ::flistxattr(fd, names.data(), names.size());
  if (size < 0) return errno == ENOTSUP ? Result<Attributes>(std::move(out)) : ErrnoStatus(errno, "list attributes");
  for (const char* name = names.data(); name < names.data() + size; name += std::string_view(name).size() + 1) {
    if (layer::IsOverlayXattr(name)) continue;
    std::array<char, 64U << 10> value;
    const ssize_t length = ::fgetxattr(fd, name, value.data(), value.size());
    if (length < 0) return ErrnoStatus(errno, fmt::format("read the attribute '{}'", name));
    out[name].assign(value.data(), static_cast<size_t>(length));
  }
  return out;
}

Result<bool> SameContent(int a, int b) {
  std::array<char, 64U << 10> left;
  std::array<char, 64U << 10> right;
  for (int64_t at = 0;; at += static_cast<int64_t>(left.size())) {
    SLIPWAY_ASSIGN_OR_RETURN(const size_t in_a, fs::ReadFullAt(a, left, at));
    SLIPWAY_ASSIGN_OR_RETURN(const size_t in_b, fs::ReadFullAt(b, right, at));
    if (in_a != in_b || std::string_view(left.data(), in_a) != std::string_view(right.data(), in_b)) return false;
    if (in_a < left.size()) return true;
  }
}

class Sweep {
 public:
  Sweep(const Context& ctx, const std::vector<std::string>& lowers) : ctx_(ctx), lowers_(lowers) {}

  Status Folder(int folder, const std::string& path) {
    SLIPWAY_RETURN_IF_ERROR(ctx_.Err());
    SLIPWAY_ASSIGN_OR_RETURN(const std::vector<std::string> names, fs::ListDirFd(folder));
    for (const std::string& name : names) {
      const std::string at = path.empty() ? name : fmt::format("{}/{}", path, name);
      struct stat st {};
      if (::fstatat(folder, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0)
        return ErrnoStatus(errno, fmt::format("look at '{}'", at));
      if (S_ISDIR(st.st_mode)) {
        SLIPWAY_ASSIGN_OR_RETURN(const UniqueFd below, fs::OpenBeneath(folder, name, O_RDONLY | O_DIRECTORY));
        // What is in a new folder, or one that hides those below, is new.
        if (IsMerged(below.get(), at)) SLIPWAY_RETURN_IF_ERROR(Folder(below.get(), at));
      } else if (S_ISREG(st.st_mode)) {
        SLIPWAY_ASSIGN_OR_RETURN(const bool same, IsUnchanged(folder, name, at, st));
        if (same && st.st_nlink > 1) {
          linked_.push_back(at);
        } else if (same && ::unlinkat(folder, name.c_str(), 0) != 0) {
          return ErrnoStatus(errno, fmt::format("remove '{}'", at));
        }
      }
    }
    return Status();
  }

  /// What is unchanged and stays, for its other names.
  std::vector<std::string> TakeLinked() { return std::move(linked_); }

 private:
  static bool IsOpaque(int folder) {
    char value = 0;
    return ::fgetxattr(folder, layer::kOpaqueXattr, &value, 1) == 1 && layer::kOpaqueValue[0] == value;
  }

  bool IsMerged(int folder, const std::string& path) {
    if (IsOpaque(folder)) return false;
    const std::optional<UniqueFd> below = Below(path, O_PATH | O_DIRECTORY);
    return below.has_value();
  }

  // What the layers below show at `path`.
  std::optional<UniqueFd> Below(const std::string& path, int flags) {
    Open();
    for (const UniqueFd& lower : open_) {
      Result<UniqueFd> found = fs::OpenBeneath(lower.get(), path, flags | O_NOFOLLOW);
      if (found.ok()) return *std::move(found);
      if (!IsAbsent(lower.get(), path)) return std::nullopt;  // something else is there, or hides it
    }
    return std::nullopt;
  }

  // Whether this layer says nothing about `path`: neither it nor a folder above it stands for something else, or is
  // opaque.
  static bool IsAbsent(int lower, const std::string& path) {
    for (size_t slash = 0; slash != std::string::npos;) {
      slash = path.find('/', slash + 1);
      const Result<UniqueFd> at = fs::OpenBeneath(lower, path.substr(0, slash), O_PATH | O_NOFOLLOW);
      if (!at.ok()) return at.code() == Code::kNotFound;
      struct stat st {};
      if (::fstat(at->get(), &st) != 0 || !S_ISDIR(st.st_mode)) return false;
      const Result<UniqueFd> folder = fs::OpenBeneath(lower, path.substr(0, slash), O_RDONLY | O_DIRECTORY);
      if (!folder.ok() || IsOpaque(folder->get())) return false;
    }
    return false;
  }

  void Open() {
    if (!open_.empty()) return;
    for (const std::string& lower : lowers_) {
      Result<UniqueFd> fd = fs::Open(lower, O_RDONLY | O_DIRECTORY);
      if (fd.ok()) open_.push_back(*std::move(fd));
    }
  }

  static bool CameUp(int folder, const std::string& name) {
    const std::string path = fmt::format("/proc/self/fd/{}/{}", folder, name);
    return ::lgetxattr(path.c_str(), kOrigin, nullptr, 0) >= 0;
  }

  Result<bool> IsUnchanged(int folder, const std::string& name, const std::string& path, const struct stat& st) {
    // Only a file that came up from below can be as it was there; most files of a layer are new.
    if (st.st_nlink < 2 && !CameUp(folder, name)) return false;
    const std::optional<UniqueFd> found = Below(path, O_PATH);
    if (!found) return false;
    struct stat was {};
    if (::fstat(found->get(), &was) != 0) return ErrnoStatus(errno, fmt::format("look at '{}' of a layer below", path));
    if (was.st_mode != st.st_mode || was.st_uid != st.st_uid || was.st_gid != st.st_gid || was.st_size != st.st_size ||
        was.st_mtim.tv_sec != st.st_mtim.tv_sec || was.st_mtim.tv_nsec != st.st_mtim.tv_nsec) {
      return false;
    }
    // Not before it is known to be a file: opening a device may do something.
    SLIPWAY_ASSIGN_OR_RETURN(const UniqueFd file, fs::OpenRegularBeneath(folder, name));
    SLIPWAY_ASSIGN_OR_RETURN(const UniqueFd below, fs::Open(fmt::format("/proc/self/fd/{}", found->get()), O_RDONLY));
    SLIPWAY_ASSIGN_OR_RETURN(const Attributes now, ReadAttributes(file.get()));
    SLIPWAY_ASSIGN_OR_RETURN(const Attributes then, ReadAttributes(below.get()));
    if (now != then) return false;
    // A layer's tar has whole seconds: within one a file may have changed without a trace.
    return st.st_mtim.tv_nsec != 0 ? Result<bool>(true) : SameContent(file.get(), below.get());
  }

  const Context& ctx_;
  const std::vector<std::string>& lowers_;
  std::vector<UniqueFd> open_;
  std::vector<std::string> linked_;
};

}  // namespace

Result<std::vector<std::string>> DropUnchanged(const Context& ctx, const std::string& upper,
                                               const std::vector<std::string>& lowers) {
  if (lowers.empty()) return std::vector<std::string>();
  SLIPWAY_ASSIGN_OR_RETURN(const UniqueFd root, fs::Open(upper, O_RDONLY | O_DIRECTORY));
  Sweep sweep(ctx, lowers);
  SLIPWAY_RETURN_IF_ERROR(
      sweep.Folder(root.get(), "").With(fmt::format("look for what has not changed in '{}'", upper)));
  return sweep.TakeLinked();
}

}  // namespace slipway::ops
