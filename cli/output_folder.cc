#include "cli/output_folder.h"

#include <linux/fs.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>

namespace slipway::cli {

namespace v1 = ::slipway::v1;

namespace {

constexpr uint32_t kPermissions = 07777;
constexpr uint32_t kWithoutSetId = 01777;
constexpr size_t kLongestPath = 4096;

// Relative, clean, and nothing that leads up.
bool IsClean(std::string_view path) {
  if (path.empty() || path.size() > kLongestPath || path.find('\0') != std::string_view::npos) return false;
  while (true) {
    const size_t slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    if (part.empty() || part == "." || part == "..") return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

std::array<timespec, 2> TimesOf(const v1::OutputEntry& entry) {
  const timespec time{.tv_sec = entry.mtime().seconds(), .tv_nsec = entry.mtime().nanos()};
  return {time, time};
}

bool IsEmptyOrAbsent(const std::string& path) {
  const Result<std::vector<std::string>> names = fs::ListDir(path);
  return names.ok() ? names->empty() : names.code() == Code::kNotFound;
}

Status Failed(std::string_view what, std::string_view path) {
  return ErrnoStatus(errno, fmt::format("{} '{}'", what, path));
}

// Moves what is in `from` into `to`, folder by folder. Links in `to` are replaced, not followed.
Status MoveInto(int from, int to, const std::string& path) {
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<std::string> names, fs::ListDirFd(from));
  for (const std::string& name : names) {
    const std::string shown = path.empty() ? name : fmt::format("{}/{}", path, name);
    struct stat source {};
    struct stat target {};
    if (::fstatat(from, name.c_str(), &source, AT_SYMLINK_NOFOLLOW) != 0) return Failed("look at", shown);
    const bool there = ::fstatat(to, name.c_str(), &target, AT_SYMLINK_NOFOLLOW) == 0;
    if (there && S_ISDIR(source.st_mode) && S_ISDIR(target.st_mode)) {
      SLIPWAY_ASSIGN_OR_RETURN(const UniqueFd below, fs::OpenBeneath(from, name, O_RDONLY | O_DIRECTORY));
      SLIPWAY_ASSIGN_OR_RETURN(const UniqueFd into, fs::OpenBeneath(to, name, O_RDONLY | O_DIRECTORY));
      SLIPWAY_RETURN_IF_ERROR(MoveInto(below.get(), into.get(), shown));
      continue;
    }
    if (there && S_ISDIR(target.st_mode)) {
      return FailedPrecondition("a folder is in the way of the file '{}'", shown);
    }
    if (there && S_ISDIR(source.st_mode) && ::unlinkat(to, name.c_str(), 0) != 0) return Failed("replace", shown);
    if (::renameat(from, name.c_str(), to, name.c_str()) != 0) return Failed("put in place", shown);
  }
  return {};
}

}  // namespace

Result<OutputFolder> OutputFolder::Make(const std::string& dest, Existing existing) {
  OutputFolder out;
  std::string path = dest;
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  out.dest_ = path;
  out.existing_ = existing;
  out.root_user_ = ::geteuid() == 0;
  const bool free_place = IsEmptyOrAbsent(path);
  if (!free_place) {
    SLIPWAY_RETURN_IF_ERROR(fs::ListDir(path).status());  // a file
    if (existing == Existing::kReplaceLayout && !fs::Exists(fs::Join(path, "oci-layout"))) {
      return FailedPrecondition("'{}' holds something that is no OCI image layout; remove it or choose another folder",
                                path);
    }
  }
  // On the same file system as what it becomes: a folder with something in it may be one of its own.
  const bool inside = !free_place && existing == Existing::kMerge;
  SLIPWAY_ASSIGN_OR_RETURN(out.temp_, fs::TempDir::Make(inside ? path : fs::DirName(path), ".slipway-output-"));
  SLIPWAY_ASSIGN_OR_RETURN(out.root_, fs::Open(out.temp_.path(), O_RDONLY | O_DIRECTORY));
  return out;
}

Result<OutputFolder::Place> OutputFolder::Locate(const std::string& path) {
  if (!IsClean(path)) return InvalidArgument("the daemon sent a file with the unsafe path '{}'", path);
  const size_t slash = path.rfind('/');
  Place place;
  place.base = slash == std::string::npos ? path : path.substr(slash + 1);
  SLIPWAY_ASSIGN_OR_RETURN(
      place.parent,
      fs::OpenBeneath(root_.get(), slash == std::string::npos ? "." : path.substr(0, slash), O_PATH | O_DIRECTORY));
  return place;
}

Status OutputFolder::Add(const v1::OutputEntry& entry) {
  SLIPWAY_RETURN_IF_ERROR(EndFile());
  if (entry.path().empty()) return {};  // the root: the folder is the user's own
  SLIPWAY_ASSIGN_OR_RETURN(const Place place, Locate(entry.path()));
  const v1::EntryType type = entry.type();
  if (type == v1::ENTRY_TYPE_FILE) return MakeFile(place, entry);
  if (type == v1::ENTRY_TYPE_HARDLINK) return MakeLink(place, entry);
  if (type == v1::ENTRY_TYPE_DIRECTORY) {
    if (::mkdirat(place.parent.get(), place.base.c_str(), 0700) != 0) return Failed("make folder", entry.path());
    folders_.push_back({.path = entry.path(), .entry = entry});
    return {};
  }
  if (type == v1::ENTRY_TYPE_SYMLINK || type == v1::ENTRY_TYPE_FIFO || type == v1::ENTRY_TYPE_CHAR_DEVICE ||
      type == v1::ENTRY_TYPE_BLOCK_DEVICE) {
    return MakeNode(place, entry);
  }
  return InvalidArgument("the daemon sent '{}', which is of no known type", entry.path());
}

Status OutputFolder::MakeFile(const Place& place, const v1::OutputEntry& entry) {
  file_ = UniqueFd(
      ::openat(place.parent.get(), place.base.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (file_.get() < 0) return Failed("make", entry.path());
  file_entry_ = entry;
  written_ = 0;
  ++files_;
  return {};
}

Status OutputFolder::Write(std::string_view bytes) {
  if (file_.get() < 0) return InvalidArgument("the daemon sent bytes that belong to no file");
  if (bytes.size() > file_entry_.size() - written_) {
    return InvalidArgument("the daemon sent more than the {} bytes of '{}'", file_entry_.size(), file_entry_.path());
  }
  SLIPWAY_RETURN_IF_ERROR(fs::WriteAll(file_.get(), bytes).With(fmt::format("write '{}'", file_entry_.path())));
  written_ += bytes.size();
  bytes_ += bytes.size();
  return {};
}

Status OutputFolder::EndFile() {
  if (file_.get() < 0) return {};
  const UniqueFd file = std::move(file_);
  file_ = UniqueFd();
  const v1::OutputEntry& entry = file_entry_;
  if (written_ != entry.size()) {
    return DataLoss("the daemon sent {} of the {} bytes of '{}'", written_, entry.size(), entry.path());
  }
  if (root_user_ && ::fchown(file.get(), entry.uid(), entry.gid()) != 0)
    return Failed("change the owner of", entry.path());
  if (::fchmod(file.get(), entry.mode() & (root_user_ ? kPermissions : kWithoutSetId)) != 0) {
    return Failed("change the mode of", entry.path());
  }
  SLIPWAY_RETURN_IF_ERROR(SetXattrs(file.get(), entry));
  if (::futimens(file.get(), TimesOf(entry).data()) != 0) return Failed("change the time of", entry.path());
  return {};
}

Status OutputFolder::SetXattrs(int fd, const v1::OutputEntry& entry) {
  for (const v1::ExtendedAttribute& xattr : entry.xattrs()) {
    const bool allowed = root_user_ || xattr.name().starts_with("user.");
    if (allowed && ::fsetxattr(fd, xattr.name().c_str(), xattr.value().data(), xattr.value().size(), 0) == 0) continue;
    if (allowed && errno != ENOTSUP && errno != EPERM) return Failed("set an attribute of", entry.path());
    ++left_out_;
  }
  return {};
}

Status OutputFolder::MakeNode(const Place& place, const v1::OutputEntry& entry) {
  const int parent = place.parent.get();
  const char* base = place.base.c_str();
  const bool link = entry.type() == v1::ENTRY_TYPE_SYMLINK;
  if (link) {
    if (::symlinkat(entry.link_target().c_str(), parent, base) != 0) return Failed("make link", entry.path());
  } else {
    const mode_t type = entry.type() == v1::ENTRY_TYPE_FIFO          ? S_IFIFO
                        : entry.type() == v1::ENTRY_TYPE_CHAR_DEVICE ? S_IFCHR
                                                                     : S_IFBLK;
    if (::mknodat(parent, base, type | 0600, ::makedev(entry.device_major(), entry.device_minor())) != 0) {
      if (errno != EPERM || type == S_IFIFO) return Failed("make", entry.path());
      ++left_out_;
      return {};
    }
  }
  if (root_user_ && ::fchownat(parent, base, entry.uid(), entry.gid(), AT_SYMLINK_NOFOLLOW) != 0) {
    return Failed("change the owner of", entry.path());
  }
  if (!link && ::fchmodat(parent, base, entry.mode() & (root_user_ ? kPermissions : kWithoutSetId), 0) != 0) {
    return Failed("change the mode of", entry.path());
  }
  if (::utimensat(parent, base, TimesOf(entry).data(), AT_SYMLINK_NOFOLLOW) != 0)
    return Failed("change the time of", entry.path());
  return {};
}

Status OutputFolder::MakeLink(const Place& place, const v1::OutputEntry& entry) {
  SLIPWAY_ASSIGN_OR_RETURN(const Place target, Locate(entry.link_target()));
  if (::linkat(target.parent.get(), target.base.c_str(), place.parent.get(), place.base.c_str(), 0) != 0) {
    return Failed(fmt::format("link to '{}' from", entry.link_target()), entry.path());
  }
  return {};
}

// From the deepest up, since making things in a folder changes its time, and its mode may forbid it.
Status OutputFolder::FinishFolders() {
  for (auto folder = folders_.rbegin(); folder != folders_.rend(); ++folder) {
    SLIPWAY_ASSIGN_OR_RETURN(const UniqueFd fd, fs::OpenBeneath(root_.get(), folder->path, O_RDONLY | O_DIRECTORY));
    const v1::OutputEntry& entry = folder->entry;
    if (root_user_ && ::fchown(fd.get(), entry.uid(), entry.gid()) != 0)
      return Failed("change the owner of", folder->path);
    SLIPWAY_RETURN_IF_ERROR(SetXattrs(fd.get(), entry));
    if (::futimens(fd.get(), TimesOf(entry).data()) != 0) return Failed("change the time of", folder->path);
    if (::fchmod(fd.get(), entry.mode() & (root_user_ ? kPermissions : kWithoutSetId)) != 0) {
      return Failed("change the mode of", folder->path);
    }
  }
  return {};
}

Status OutputFolder::Merge() {
  SLIPWAY_ASSIGN_OR_RETURN(const UniqueFd into, fs::Open(dest_, O_RDONLY | O_DIRECTORY));
  return MoveInto(root_.get(), into.get(), "").With(fmt::format("write into '{}'", dest_));
}

Status OutputFolder::Commit() {
  SLIPWAY_RETURN_IF_ERROR(EndFile());
  if (::syncfs(root_.get()) != 0) return Failed("write to the disk", dest_);
  const bool free_place = IsEmptyOrAbsent(dest_);
  if (!free_place && existing_ == Existing::kMerge) {
    // Moved before folders get modes that may forbid it.
    SLIPWAY_RETURN_IF_ERROR(Merge());
    SLIPWAY_ASSIGN_OR_RETURN(root_, fs::Open(dest_, O_RDONLY | O_DIRECTORY));
    return FinishFolders();
  }
  SLIPWAY_RETURN_IF_ERROR(FinishFolders());
  const mode_t mask = ::umask(0);
  ::umask(mask);
  struct stat st {};
  const bool there = ::stat(dest_.c_str(), &st) == 0;
  if (::fchmod(root_.get(), there ? st.st_mode & kPermissions : 0777 & ~mask) != 0)
    return Failed("change the mode of", dest_);
  if (free_place) {
    SLIPWAY_RETURN_IF_ERROR(fs::Rename(temp_.path(), dest_));
    temp_.Release();
    return {};
  }
  // The old layout takes our temporary place, and is removed with it.
  if (::renameat2(AT_FDCWD, temp_.path().c_str(), AT_FDCWD, dest_.c_str(), RENAME_EXCHANGE) != 0) {
    return Failed("replace", dest_);
  }
  return {};
}

}  // namespace slipway::cli
