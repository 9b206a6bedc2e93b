#include "cli/context_walker.h"

#include <dirent.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "executor/base/fs.h"

namespace slipway::cli {

namespace {

struct Folder;

struct Child {
  ContextEntry entry;
  bool included = true;
  std::unique_ptr<Folder> folder;  // of a directory that is entered
};

struct Folder {
  std::string path;  // "" for the root
  PatternMatcher::Folder matched;
  Xattrs xattrs;
  std::vector<Child> children;
};

struct CloseDir {
  void operator()(DIR* dir) const { ::closedir(dir); }
};

int64_t Nanos(const timespec& time) { return static_cast<int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec; }

std::optional<EntryKind> KindOf(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG: return EntryKind::kFile;
    case S_IFDIR: return EntryKind::kDirectory;
    case S_IFLNK: return EntryKind::kSymlink;
    case S_IFIFO: return EntryKind::kFifo;
    default: return std::nullopt;
  }
}

Status ReadFailure(int error, std::string_view what, const std::string& path) {
  return ExplainUnreadable(ErrnoStatus(error, fmt::format("{} '{}' of the context", what, path.empty() ? "." : path)));
}

Result<std::string> ReadLink(int dir_fd, const char* name, const std::string& path) {
  std::array<char, PATH_MAX> target;
  const ssize_t size = ::readlinkat(dir_fd, name, target.data(), target.size());
  if (size < 0) return ReadFailure(errno, "read link", path);
  return std::string(target.data(), static_cast<size_t>(size));
}

void FillFromStat(const struct stat& st, ContextEntry* entry) {
  entry->mode = st.st_mode & 07777;
  entry->nlink = static_cast<uint32_t>(st.st_nlink);
  entry->stamp.mtime_ns = Nanos(st.st_mtim);
  entry->stamp.ctime_ns = Nanos(st.st_ctim);
  entry->stamp.inode = st.st_ino;
  entry->stamp.device = st.st_dev;
  if (entry->kind == EntryKind::kFile) entry->stamp.size = static_cast<uint64_t>(st.st_size);
}

class Walk {
 public:
  Walk(const Context& ctx, ThreadPool& pool, int root_fd, const PatternMatcher& ignore)
      : ctx_(ctx), group_(pool), root_fd_(root_fd), ignore_(ignore) {}

  Result<std::vector<ContextEntry>> Run() {
    Folder root;
    group_.Run([this, &root] { return ReadFolder(&root); });
    SLIPWAY_RETURN_IF_ERROR(group_.Wait());
    std::vector<ContextEntry> entries;
    entries.reserve(count_);
    Flatten(&root, &entries);
    NameHardlinks(&entries);
    return entries;
  }

 private:
  Status ReadFolder(Folder* folder) {
    if (failed_) return {};  // another folder's failure is what is reported
    Status status = ReadFolderOrFail(folder);
    if (!status.ok()) failed_ = true;
    return status;
  }

  Status ReadFolderOrFail(Folder* folder) {
    SLIPWAY_RETURN_IF_ERROR(ctx_.Err());
    Result<UniqueFd> fd =
        fs::OpenBeneath(root_fd_, folder->path.empty() ? "." : folder->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!fd.ok()) {
      if (fd.code() == Code::kNotFound) return {};
      return ExplainUnreadable(std::move(fd).status().With("read the context"));
    }
    SLIPWAY_ASSIGN_OR_RETURN(folder->xattrs, ReadXattrs(fd->get(), folder->path));
    const std::unique_ptr<DIR, CloseDir> dir(::fdopendir(fd->get()));
    if (dir == nullptr) return ReadFailure(errno, "read folder", folder->path);
    const int dir_fd = fd->Release();
    while (true) {
      errno = 0;
      const dirent* found = ::readdir(dir.get());
      if (found == nullptr) break;
      const std::string_view name = found->d_name;
      if (name == "." || name == "..") continue;
      SLIPWAY_RETURN_IF_ERROR(AddChild(folder, dir_fd, *found));
    }
    if (errno != 0) return ReadFailure(errno, "read folder", folder->path);
    std::sort(folder->children.begin(), folder->children.end(),
              [](const Child& a, const Child& b) { return a.entry.path < b.entry.path; });
    for (Child& child : folder->children) {
      if (child.folder != nullptr) group_.Run([this, below = child.folder.get()] { return ReadFolder(below); });
    }
    return {};
  }

  Status AddChild(Folder* folder, int dir_fd, const dirent& found) {
    Child child;
    child.entry.path = folder->path.empty() ? found.d_name : folder->path + "/" + found.d_name;
    PatternMatcher::Folder matched;
    child.included = ignore_.empty() || !ignore_.Matches(child.entry.path, folder->matched, &matched);
    if (!child.included && found.d_type != DT_DIR && found.d_type != DT_UNKNOWN) return {};
    struct stat st {};
    if (::fstatat(dir_fd, found.d_name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
      return errno == ENOENT ? Status() : ReadFailure(errno, "stat", child.entry.path);
    }
    if (child.included && (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))) {
      return InvalidArgument("'{}' of the context is a device, which cannot be sent; list it in .dockerignore",
                             child.entry.path);
    }
    const std::optional<EntryKind> kind = KindOf(st.st_mode);
    if (!kind.has_value()) return {};  // a socket
    child.entry.kind = *kind;
    FillFromStat(st, &child.entry);
    if (*kind == EntryKind::kDirectory) {
      if (!child.included && ignore_.CanSkip(child.entry.path, matched)) return {};
      child.folder = std::make_unique<Folder>();
      child.folder->path = child.entry.path;
      child.folder->matched = std::move(matched);
    } else if (!child.included) {
      return {};
    } else if (*kind == EntryKind::kSymlink) {
      SLIPWAY_ASSIGN_OR_RETURN(child.entry.link, ReadLink(dir_fd, found.d_name, child.entry.path));
    }
    if (++count_ > kMaxWalkedEntries) {
      return ResourceExhausted("the context holds more than {} entries; is it the folder you meant?",
                               kMaxWalkedEntries);
    }
    folder->children.push_back(std::move(child));
    return {};
  }

  // Moves the entries out of the tree, and an excluded folder only if something below it is left.
  static void Flatten(Folder* folder, std::vector<ContextEntry>* entries) {
    for (Child& child : folder->children) {
      const bool wanted = child.included;
      const size_t position = entries->size();
      if (child.folder != nullptr) child.entry.xattrs = std::move(child.folder->xattrs);
      entries->push_back(std::move(child.entry));
      if (child.folder == nullptr) continue;
      Flatten(child.folder.get(), entries);
      if (!wanted && entries->size() == position + 1) entries->pop_back();
    }
  }

  static void NameHardlinks(std::vector<ContextEntry>* entries) {
    struct Key {
      uint64_t device, inode;
      bool operator==(const Key&) const = default;
    };
    struct Hash {
      size_t operator()(const Key& key) const { return key.inode * 0x9E3779B97F4A7C15U ^ key.device; }
    };
    std::unordered_map<Key, const ContextEntry*, Hash> first;
    for (ContextEntry& entry : *entries) {
      if (entry.kind != EntryKind::kFile || entry.nlink < 2) continue;
      const auto [at, added] = first.emplace(Key{entry.stamp.device, entry.stamp.inode}, &entry);
      if (added) continue;
      entry.kind = EntryKind::kHardlink;
      entry.link = at->second->path;
      entry.stamp.size = 0;
    }
  }

  const Context& ctx_;
  std::atomic<size_t> count_ = 0;
  std::atomic<bool> failed_ = false;
  TaskGroup group_;
  const int root_fd_;
  const PatternMatcher& ignore_;
};

// A build context carries no privileges: file capabilities are left behind, as BuildKit does it.
bool IsWanted(std::string_view name) { return name.starts_with("user."); }

}  // namespace

Status ExplainUnreadable(Status status) {
  if (status.code() != Code::kPermissionDenied) return status;
  return Status(status.code(), status.message() + "; make it readable or list it in .dockerignore");
}

Result<Xattrs> ReadXattrs(int fd, const std::string& path) {
  Xattrs xattrs;
  std::array<char, 4096> small;
  std::string names;
  ssize_t size = ::flistxattr(fd, small.data(), small.size());
  if (size == 0 || (size < 0 && errno == ENOTSUP)) return xattrs;
  if (size > 0) {
    names.assign(small.data(), static_cast<size_t>(size));
  } else if (errno == ERANGE) {
    names.resize(XATTR_LIST_MAX);
    size = ::flistxattr(fd, names.data(), names.size());
    if (size >= 0) names.resize(static_cast<size_t>(size));
  }
  if (size < 0) return ReadFailure(errno, "list attributes of", path);
  for (size_t at = 0; at < names.size();) {
    const std::string name = names.c_str() + at;
    at += name.size() + 1;
    if (!IsWanted(name)) continue;
    std::string value(XATTR_SIZE_MAX, '\0');
    const ssize_t length = ::fgetxattr(fd, name.c_str(), value.data(), value.size());
    if (length < 0 && errno == ENODATA) continue;
    if (length < 0) return ReadFailure(errno, fmt::format("read attribute {} of", name), path);
    value.resize(static_cast<size_t>(length));
    value.shrink_to_fit();
    xattrs.emplace_back(name, std::move(value));
  }
  std::sort(xattrs.begin(), xattrs.end());
  return xattrs;
}

Result<std::vector<ContextEntry>> WalkContext(const Context& ctx, ThreadPool& pool, int root_fd,
                                              const PatternMatcher& ignore) {
  return Walk(ctx, pool, root_fd, ignore).Run();
}

}  // namespace slipway::cli
