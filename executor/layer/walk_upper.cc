// WalkUpper: what a container changed, read from the upper folder of its overlay.
#include <fcntl.h>
#include <linux/limits.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <optional>

#include "executor/base/fs.h"
#include "executor/layer/archive.h"
#include "executor/layer/overlay_format.h"

namespace slipway::layer {

namespace {

constexpr size_t kLongestLink = 4096;
constexpr size_t kUsualXattr = 256;

/// Attributes of this machine or of its kernel's own use, not of the image.
bool IsOfTheHost(std::string_view name) {
  return name.starts_with("trusted.") || name == "security.selinux" || name == "security.ima" ||
         name == "security.evm" || IsOverlayXattr(name);
}

class Walk {
 public:
  Walk(const Context& ctx, UniqueFd root) : ctx_(ctx), root_(std::move(root)) {}

  Result<tree::Tree> Run() {
    // Each frame holds what is left to do in a folder, so one descriptor is open at a time however deep the tree is.
    // What is in a folder is taken by name, right behind the folder itself: that is the order of a tree.
    std::vector<Frame> stack;
    SLIPWAY_ASSIGN_OR_RETURN(Frame top, ReadFolder(""));
    stack.push_back(std::move(top));
    while (!stack.empty()) {
      Frame& frame = stack.back();
      if (frame.next == frame.items.size()) {
        stack.pop_back();
        continue;
      }
      const tree::Entry& entry = Emit(std::move(frame.items[frame.next++]));
      if (!entry.is_dir()) continue;
      SLIPWAY_ASSIGN_OR_RETURN(Frame below, ReadFolder(entry.path));
      stack.push_back(std::move(below));
    }
    return tree::Tree(std::move(entries_));
  }

 private:
  using Inode = std::pair<dev_t, ino_t>;
  struct Item {
    tree::Entry entry;
    std::optional<Inode> shared;  // of a file with several names
  };
  struct Frame {
    std::vector<Item> items;
    size_t next = 0;
  };

  // Of the names of one file the first in the tree's order is the file, the others are links to it.
  const tree::Entry& Emit(Item item) {
    tree::Entry& entry = entries_.emplace_back(std::move(item.entry));
    if (!item.shared) return entry;
    const auto [first, is_first] = first_names_.try_emplace(*item.shared, entry.path);
    if (is_first) return entry;
    entry.type = tree::Type::kHardlink;
    entry.link = first->second;
    entry.size = 0;
    entry.xattrs.clear();
    return entry;
  }

  Result<Frame> ReadFolder(const std::string& path) {
    SLIPWAY_RETURN_IF_ERROR(ctx_.Err());
    SLIPWAY_ASSIGN_OR_RETURN(const UniqueFd folder, fs::OpenBeneath(root_.get(), path, O_RDONLY | O_DIRECTORY));
    SLIPWAY_ASSIGN_OR_RETURN(const std::vector<std::string> names, fs::ListDirFd(folder.get()));
    Frame frame;
    frame.items.reserve(names.size());
    for (const std::string& name : names) {
      Item item;
      item.entry.path = path.empty() ? name : fmt::format("{}/{}", path, name);
      SLIPWAY_ASSIGN_OR_RETURN(const bool kept, Read(folder.get(), name, item));
      if (kept) frame.items.push_back(std::move(item));
    }
    return frame;
  }

  // False for what has no place in a layer.
  Result<bool> Read(int folder, const std::string& name, Item& item) {
    tree::Entry& entry = item.entry;
    struct stat st {};
    if (::fstatat(folder, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) return Failed("look at", entry);
    if (S_ISSOCK(st.st_mode)) return false;
    if (S_ISCHR(st.st_mode) && st.st_rdev == ::makedev(0, 0)) {
      entry.type = tree::Type::kWhiteout;
      return true;
    }
    FillFromStat(st, entry);
    if (entry.type == tree::Type::kSymlink) SLIPWAY_RETURN_IF_ERROR(ReadLink(folder, name, entry));
    SLIPWAY_RETURN_IF_ERROR(ReadXattrs(folder, name, entry));
    if (entry.is_file() && st.st_nlink > 1) item.shared = Inode(st.st_dev, st.st_ino);
    return true;
  }

  static void FillFromStat(const struct stat& st, tree::Entry& entry) {
    entry.mode = st.st_mode & 07777;
    entry.uid = st.st_uid;
    entry.gid = st.st_gid;
    entry.mtime = {.seconds = st.st_mtim.tv_sec, .nanos = static_cast<uint32_t>(st.st_mtim.tv_nsec)};
    switch (st.st_mode & S_IFMT) {
      case S_IFDIR: entry.type = tree::Type::kDirectory; break;
      case S_IFLNK: entry.type = tree::Type::kSymlink; break;
      case S_IFIFO: entry.type = tree::Type::kFifo; break;
      case S_IFCHR:
      case S_IFBLK:
        entry.type = S_ISCHR(st.st_mode) ? tree::Type::kCharDevice : tree::Type::kBlockDevice;
        entry.dev_major = ::major(st.st_rdev);
        entry.dev_minor = ::minor(st.st_rdev);
        break;
      default:
        entry.type = tree::Type::kFile;
        entry.size = static_cast<uint64_t>(st.st_size);
        break;
    }
  }

  Status ReadLink(int folder, const std::string& name, tree::Entry& entry) {
    std::array<char, kLongestLink + 1> target{};
    const ssize_t size = ::readlinkat(folder, name.c_str(), target.data(), target.size());
    if (size < 0) return Failed("read link", entry);
    entry.link.assign(target.data(), static_cast<size_t>(size));
    return Status();
  }

  // There is no listxattrat on the kernels we support; the folder's descriptor gives a short path that no rename
  // disturbs.
  Status ReadXattrs(int folder, const std::string& name, tree::Entry& entry) {
    path_.clear();
    fmt::format_to(std::back_inserter(path_), "/proc/self/fd/{}/{}", folder, name);
    ssize_t size = ::llistxattr(path_.c_str(), names_.data(), names_.size());
    if (size < 0 && errno == ERANGE) {
      names_.resize(XATTR_LIST_MAX);
      size = ::llistxattr(path_.c_str(), names_.data(), names_.size());
    }
    if (size < 0) return errno == ENOTSUP ? Status() : Failed("list attributes of", entry);
    for (const char* at = names_.data(); at < names_.data() + size; at += std::string_view(at).size() + 1) {
      SLIPWAY_RETURN_IF_ERROR(ReadXattr(at, entry));
    }
    std::sort(entry.xattrs.begin(), entry.xattrs.end());
    return Status();
  }

  Status ReadXattr(const char* name, tree::Entry& entry) {
    const std::string_view text = name;
    if (text == "trusted.overlay.redirect" || text == "trusted.overlay.metacopy") {
      return FailedPrecondition("'{}' has the attribute '{}': the overlay was mounted with options that spread a layer",
                                entry.path, text);
    }
    const bool opaque = entry.is_dir() && text == kOpaqueXattr;
    if (IsOfTheHost(text) && !opaque) return Status();
    std::string value(kUsualXattr, '\0');
    ssize_t size = ::lgetxattr(path_.c_str(), name, value.data(), value.size());
    if (size < 0 && errno == ERANGE) {
      value.resize(XATTR_SIZE_MAX);
      size = ::lgetxattr(path_.c_str(), name, value.data(), value.size());
    }
    if (size < 0) return errno == ENODATA ? Status() : Failed("read an attribute of", entry);
    value.resize(static_cast<size_t>(size));
    if (opaque) {
      entry.opaque = value == kOpaqueValue;
    } else {
      entry.xattrs.emplace_back(text, std::move(value));
    }
    return Status();
  }

  static Status Failed(std::string_view what, const tree::Entry& entry) {
    return ErrnoStatus(errno, fmt::format("{} '{}'", what, entry.path));
  }

  Context ctx_;
  UniqueFd root_;
  std::vector<tree::Entry> entries_;
  std::map<Inode, std::string> first_names_;
  std::string path_;
  std::vector<char> names_ = std::vector<char>(1024);
};

}  // namespace

Result<tree::Tree> WalkUpper(const Context& ctx, const std::string& dir) {
  SLIPWAY_ASSIGN_OR_RETURN(UniqueFd root, fs::Open(dir, O_RDONLY | O_DIRECTORY));
  return Walk(ctx, std::move(root)).Run().With(fmt::format("read what changed, from '{}'", dir));
}

}  // namespace slipway::layer
