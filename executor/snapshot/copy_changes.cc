#include "executor/snapshot/copy_changes.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <thread>

#include "executor/base/fs.h"
#include "executor/snapshot/layer_folder.h"

namespace slipway::snapshot {

namespace {

bool Before(const timespec& a, const timespec& b) {
  return a.tv_sec != b.tv_sec ? a.tv_sec < b.tv_sec : a.tv_nsec < b.tv_nsec;
}

int64_t BornNs(const std::string& path) {
  struct statx st {};
  if (::statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW, STATX_BTIME, &st) != 0 || (st.stx_mask & STATX_BTIME) == 0)
    return 0;
  return st.stx_btime.tv_sec * 1'000'000'000 + st.stx_btime.tv_nsec;
}

Status Failed(std::string_view what, const std::string& path) {
  return ErrnoStatus(errno, fmt::format("{} '{}'", what, path));
}

// `st` is of before anything was moved out of the folder, which changes its times.
Status CopyFolderAttributes(const std::string& from, const struct stat& st, const std::string& to) {
  if (::chown(to.c_str(), st.st_uid, st.st_gid) != 0) return Failed("chown", to);
  if (::chmod(to.c_str(), st.st_mode & 07777) != 0) return Failed("chmod", to);
  SLIPWAY_RETURN_IF_ERROR(CopyXattrs(from, to));
  const std::array<timespec, 2> times = {st.st_atim, st.st_mtim};
  return ::utimensat(AT_FDCWD, to.c_str(), times.data(), AT_SYMLINK_NOFOLLOW) == 0 ? Status()
                                                                                   : Failed("set time of", to);
}

}  // namespace

bool CopyChanges::IsUnchanged(const Noted& noted, const struct stat& st) {
  return noted.inode == st.st_ino && noted.mode == st.st_mode && noted.changed.tv_sec == st.st_ctim.tv_sec &&
         noted.changed.tv_nsec == st.st_ctim.tv_nsec;
}

bool CopyChanges::IsSameFolder(const Noted& noted, const struct stat& st, const std::string& path) {
  return S_ISDIR(noted.mode) && noted.inode == st.st_ino && noted.born_ns == BornNs(path);
}

Result<CopyChanges> CopyChanges::Note(const std::string& root) {
  CopyChanges notes;
  SLIPWAY_RETURN_IF_ERROR(notes.NoteFolder(root, ""));
  timespec now{};
  while (::clock_gettime(CLOCK_REALTIME_COARSE, &now) == 0 && !Before(notes.latest_, now)) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return notes;
}

Status CopyChanges::NoteFolder(const std::string& root, const std::string& path) {
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<std::string> names, fs::ListDir(root + path));
  Children& children = folders_[path];
  for (const std::string& name : names) {
    const std::string child = path + "/" + name;
    struct stat st {};
    if (::lstat((root + child).c_str(), &st) != 0) return Failed("look at", root + child);
    const int64_t born = S_ISDIR(st.st_mode) ? BornNs(root + child) : 0;
    children[name] = {.inode = st.st_ino, .mode = st.st_mode, .changed = st.st_ctim, .born_ns = born};
    if (Before(latest_, st.st_ctim)) latest_ = st.st_ctim;
    if (S_ISDIR(st.st_mode)) SLIPWAY_RETURN_IF_ERROR(NoteFolder(root, child));
  }
  return Status();
}

Status CopyChanges::MoveInto(const std::string& root, const std::string& layer) const {
  struct stat st {};
  if (::lstat(root.c_str(), &st) != 0) return Failed("look at", root);
  if (::mkdir(layer.c_str(), 0700) != 0) return Failed("make folder", layer);
  SLIPWAY_RETURN_IF_ERROR(MoveFolder(root, layer, "", /*is_new=*/false));
  return CopyFolderAttributes(root, st, layer);
}

// `to` is the folder in the layer that stands for `from`; it exists.
Status CopyChanges::MoveFolder(const std::string& from, const std::string& to, const std::string& path,
                               bool is_new) const {
  const auto noted = folders_.find(path);
  const Children before = is_new || noted == folders_.end() ? Children() : noted->second;
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<std::string> names, fs::ListDir(from));
  Children gone = before;
  for (const std::string& name : names) {
    gone.erase(name);
    const std::string source = from + "/" + name;
    const std::string target = to + "/" + name;
    struct stat st {};
    if (::lstat(source.c_str(), &st) != 0) return Failed("look at", source);
    const auto old = before.find(name);
    const bool same = old != before.end() && IsUnchanged(old->second, st);
    if (!S_ISDIR(st.st_mode)) {
      if (!same) SLIPWAY_RETURN_IF_ERROR(fs::Rename(source, target));
      continue;
    }
    // A folder's own time tells of its names and attributes, not of what is further down.
    const bool kept = old != before.end() && IsSameFolder(old->second, st, source);
    if (::mkdir(target.c_str(), 0700) != 0) return Failed("make folder", target);
    SLIPWAY_RETURN_IF_ERROR(MoveFolder(source, target, path + "/" + name, !kept));
    if (same && ::rmdir(target.c_str()) == 0) continue;
    SLIPWAY_RETURN_IF_ERROR(CopyFolderAttributes(source, st, target));
    // Another folder under an old name, or where a file was: nothing of the old one shows through.
    if (old != before.end() && !kept) SLIPWAY_RETURN_IF_ERROR(MakeOpaque(target));
  }
  for (const auto& [name, unused] : gone) SLIPWAY_RETURN_IF_ERROR(MakeWhiteout(to + "/" + name));
  return Status();
}

}  // namespace slipway::snapshot
