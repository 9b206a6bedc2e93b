#include "executor/layer/folder_writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "executor/base/fs.h"
#include "executor/layer/overlay_format.h"

namespace slipway::layer {

namespace {

constexpr size_t kMostOpenFolders = 32;

std::array<timespec, 2> TimesOf(const tree::Entry& entry) {
  timespec time{};
  time.tv_sec = entry.mtime.seconds;
  time.tv_nsec = static_cast<long>(entry.mtime.nanos);
  return {time, time};
}

Status Failed(std::string_view what, std::string_view path) {
  return ErrnoStatus(errno, fmt::format("{} '{}'", what, path));
}

/// Whether an attribute that was refused can be left out: the file system has none of this kind, or not on this kind of
/// file.
bool MayBeLeftOut(int error, std::string_view name, const tree::Entry& entry) {
  if (error == ENOTSUP) return true;
  const bool plain = entry.is_file() || entry.is_dir();
  return error == EPERM && name.starts_with("user.") && !plain;
}

/// Permission bits that open() takes away from new files.
mode_t Umask() {
  const auto status = fs::ReadFile("/proc/self/status");
  if (!status.ok()) return 0777;
  constexpr std::string_view kKey = "\nUmask:\t";
  const size_t at = status->find(kKey);
  if (at == std::string::npos) return 0777;
  return static_cast<mode_t>(std::strtoul(status->c_str() + at + kKey.size(), nullptr, 8));
}

}  // namespace

FolderWriter::FolderWriter(UniqueFd root) : root_(std::move(root)), masked_(Umask()) {}

Result<FolderWriter> FolderWriter::Open(const std::string& dir) {
  SLIPWAY_ASSIGN_OR_RETURN(UniqueFd root, fs::Open(dir, O_RDONLY | O_DIRECTORY));
  return FolderWriter(std::move(root));
}

Result<FolderWriter::Place> FolderWriter::Locate(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return Place{.folder = root_.get(), .base = path.c_str()};
  const std::string_view parent = std::string_view(path).substr(0, slash);
  const char* base = path.c_str() + slash + 1;
  for (auto it = folders_.begin(); it != folders_.end(); ++it) {
    if (it->path != parent) continue;
    folders_.splice(folders_.begin(), folders_, it);
    return Place{.folder = it->fd.get(), .base = base};
  }
  SLIPWAY_ASSIGN_OR_RETURN(UniqueFd fd, fs::OpenBeneath(root_.get(), std::string(parent), O_PATH | O_DIRECTORY));
  if (folders_.size() == kMostOpenFolders) folders_.pop_back();
  folders_.push_front({.path = std::string(parent), .fd = std::move(fd)});
  return Place{.folder = folders_.front().fd.get(), .base = base};
}

Status FolderWriter::MakeFolder(const std::string& path) {
  SLIPWAY_ASSIGN_OR_RETURN(const Place place, Locate(path));
  return ::mkdirat(place.folder, place.base, 0700) == 0 ? Status() : Failed("make folder", path);
}

Status FolderWriter::MakeNode(const std::string& path, const tree::Entry& entry) {
  SLIPWAY_ASSIGN_OR_RETURN(const Place place, Locate(path));
  int made = -1;
  switch (entry.type) {
    case tree::Type::kSymlink: made = ::symlinkat(entry.link.c_str(), place.folder, place.base); break;
    case tree::Type::kWhiteout:
      return ::mknodat(place.folder, place.base, S_IFCHR, ::makedev(0, 0)) == 0 ? Status()
                                                                                : Failed("make whiteout", path);
    case tree::Type::kCharDevice:
    case tree::Type::kBlockDevice: {
      const mode_t kind = entry.type == tree::Type::kCharDevice ? S_IFCHR : S_IFBLK;
      made = ::mknodat(place.folder, place.base, kind | 0600, ::makedev(entry.dev_major, entry.dev_minor));
      break;
    }
    case tree::Type::kFifo: made = ::mknodat(place.folder, place.base, S_IFIFO | 0600, 0); break;
    case tree::Type::kFile:
    case tree::Type::kDirectory:
    case tree::Type::kHardlink:
    case tree::Type::kSocket: return Internal("make '{}': not this kind of entry", path);
  }
  if (made != 0) return Failed("make", path);
  if ((entry.uid != 0 || entry.gid != 0) &&
      ::fchownat(place.folder, place.base, entry.uid, entry.gid, AT_SYMLINK_NOFOLLOW) != 0) {
    return Failed("chown", path);
  }
  // Not a symlink: fchmodat would follow it, and it has no mode.
  if (entry.type != tree::Type::kSymlink && ::fchmodat(place.folder, place.base, entry.mode & 07777, 0) != 0) {
    return Failed("chmod", path);
  }
  SLIPWAY_RETURN_IF_ERROR(SetNodeXattrs(place, entry));
  return ::utimensat(place.folder, place.base, TimesOf(entry).data(), AT_SYMLINK_NOFOLLOW) == 0
             ? Status()
             : Failed("set time of", path);
}

Status FolderWriter::MakeLink(const std::string& path, const std::string& target) {
  SLIPWAY_ASSIGN_OR_RETURN(const Place from, Locate(target));
  // Looking up the second place must not close the first one's folder: the cache holds more than two.
  SLIPWAY_ASSIGN_OR_RETURN(const Place to, Locate(path));
  return ::linkat(from.folder, from.base, to.folder, to.base, 0) == 0 ? Status() : Failed("make hard link", path);
}

Status FolderWriter::ChangeFile(const std::string& path, const tree::Entry& entry) {
  SLIPWAY_ASSIGN_OR_RETURN(const Place place, Locate(path));
  const UniqueFd file(::openat(place.folder, place.base, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file.valid()) return Failed("open", path);
  if (::fchown(file.get(), entry.uid, entry.gid) != 0) return Failed("chown", path);
  if (::fchmod(file.get(), entry.mode & 07777) != 0) return Failed("chmod", path);
  SLIPWAY_RETURN_IF_ERROR(SetXattrs(file.get(), entry));
  return ::futimens(file.get(), TimesOf(entry).data()) == 0 ? Status() : Failed("set time of", path);
}

Status FolderWriter::Remove(const std::string& path, bool folder) {
  SLIPWAY_ASSIGN_OR_RETURN(const Place place, Locate(path));
  if (!folder) return ::unlinkat(place.folder, place.base, 0) == 0 ? Status() : Failed("remove", path);
  const std::string there = fmt::format("/proc/self/fd/{}/{}", place.folder, place.base);
  const Status status = fs::RemoveAll(there);
  folders_.clear();
  return status;
}

Status FolderWriter::BeginFile(const std::string& path, const tree::Entry& entry) {
  SLIPWAY_ASSIGN_OR_RETURN(const Place place, Locate(path));
  const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  file_.Reset(::openat(place.folder, place.base, flags, entry.mode & 0777));
  if (!file_.valid()) return Failed("make file", path);
  file_entry_ = entry;
  file_entry_.path = path;
  written_to_ = 0;
  return Status();
}

Status FolderWriter::Write(std::string_view bytes, uint64_t offset) {
  // Mostly there are no holes, and then the file's own position is right.
  Status status = offset == written_to_ ? fs::WriteAll(file_.get(), bytes)
                                        : fs::WriteAllAt(file_.get(), bytes, static_cast<int64_t>(offset));
  if (status.ok() && offset != written_to_ &&
      ::lseek(file_.get(), static_cast<off_t>(offset + bytes.size()), SEEK_SET) < 0) {
    status = ErrnoStatus(errno, "seek");
  }
  written_to_ = offset + bytes.size();
  return std::move(status).With(fmt::format("write '{}'", file_entry_.path));
}

Status FolderWriter::CopyFrom(int fd, int64_t from, uint64_t length, uint64_t offset) {
  auto at = static_cast<off64_t>(offset);
  while (length > 0) {
    const ssize_t copied = ::copy_file_range(fd, &from, file_.get(), &at, length, 0);
    if (copied < 0 && errno == EINTR) continue;
    if (copied <= 0) break;
    length -= static_cast<uint64_t>(copied);
  }
  std::array<char, 64U << 10> buffer;
  while (length > 0) {
    const size_t wanted = static_cast<size_t>(std::min<uint64_t>(buffer.size(), length));
    SLIPWAY_ASSIGN_OR_RETURN(const size_t got, fs::ReadFullAt(fd, std::span(buffer).first(wanted), from));
    if (got == 0) return DataLoss("copy to '{}': the file ends {} bytes early", file_entry_.path, length);
    SLIPWAY_RETURN_IF_ERROR(fs::WriteAllAt(file_.get(), {buffer.data(), got}, at).With(file_entry_.path));
    from += static_cast<int64_t>(got);
    at += static_cast<off64_t>(got);
    length -= got;
  }
  written_to_ = static_cast<uint64_t>(at);
  return Status();
}

Status FolderWriter::EndFile() {
  const tree::Entry& entry = file_entry_;
  const UniqueFd file = std::move(file_);
  if (written_to_ != entry.size && ::ftruncate(file.get(), static_cast<off_t>(entry.size)) != 0) {
    return Failed("set the size of", entry.path);
  }
  // Writing and changing the owner take setuid bits and capabilities away, so these come afterwards.
  if ((entry.uid != 0 || entry.gid != 0) && ::fchown(file.get(), entry.uid, entry.gid) != 0)
    return Failed("chown", entry.path);
  const bool special = (entry.mode & (07000 | masked_)) != 0;
  if (special && ::fchmod(file.get(), entry.mode & 07777) != 0) return Failed("chmod", entry.path);
  SLIPWAY_RETURN_IF_ERROR(SetXattrs(file.get(), entry));
  if (::futimens(file.get(), TimesOf(entry).data()) != 0) return Failed("set time of", entry.path);
  return Status();
}

Status FolderWriter::SetXattrs(int fd, const tree::Entry& entry) {
  for (const auto& [name, value] : entry.xattrs) {
    if (IsOverlayXattr(name) || ::fsetxattr(fd, name.c_str(), value.data(), value.size(), 0) == 0) continue;
    if (!MayBeLeftOut(errno, name, entry)) return Failed(fmt::format("set attribute '{}' of", name), entry.path);
  }
  return Status();
}

// Such files cannot be opened, but what they are called can be named through their folder's descriptor.
Status FolderWriter::SetNodeXattrs(const Place& place, const tree::Entry& entry) {
  if (entry.xattrs.empty()) return Status();
  const std::string there = fmt::format("/proc/self/fd/{}/{}", place.folder, place.base);
  for (const auto& [name, value] : entry.xattrs) {
    if (IsOverlayXattr(name) || ::lsetxattr(there.c_str(), name.c_str(), value.data(), value.size(), 0) == 0) continue;
    if (!MayBeLeftOut(errno, name, entry)) return Failed(fmt::format("set attribute '{}' of", name), place.base);
  }
  return Status();
}

Status FolderWriter::FinishFolder(const std::string& path, const tree::Entry& entry) {
  SLIPWAY_ASSIGN_OR_RETURN(const UniqueFd fd, fs::OpenBeneath(root_.get(), path, O_RDONLY | O_DIRECTORY));
  if ((entry.uid != 0 || entry.gid != 0) && ::fchown(fd.get(), entry.uid, entry.gid) != 0) return Failed("chown", path);
  if (::fchmod(fd.get(), entry.mode & 07777) != 0) return Failed("chmod", path);
  SLIPWAY_RETURN_IF_ERROR(SetXattrs(fd.get(), entry));
  if (entry.opaque && ::fsetxattr(fd.get(), kOpaqueXattr, kOpaqueValue.data(), kOpaqueValue.size(), 0) != 0) {
    return Failed("make opaque", path);
  }
  return ::futimens(fd.get(), TimesOf(entry).data()) == 0 ? Status() : Failed("set time of", path);
}

}  // namespace slipway::layer
