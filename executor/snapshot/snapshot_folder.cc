#include "executor/snapshot/snapshot_folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "executor/base/fs.h"
#include "executor/base/log.h"
#include "executor/snapshot/snapshotter.h"

namespace slipway::snapshot {

namespace {

Status RemoveEmptyFolders(const std::string& path) {
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<std::string> names, fs::ListDir(path));
  for (const std::string& name : names) {
    if (::rmdir(fs::Join(path, name).c_str()) != 0)
      return ErrnoStatus(errno, fmt::format("remove mount point '{}/{}'", path, name));
  }
  return ::rmdir(path.c_str()) == 0 ? Status() : ErrnoStatus(errno, fmt::format("remove folder '{}'", path));
}

Status RemoveMountPoints(const std::string& path) {
  if (RemoveEmptyFolders(path).ok()) return Status();
  SLIPWAY_RETURN_IF_ERROR(UnmountBelow(path));
  return RemoveEmptyFolders(path);
}

}  // namespace

Result<SnapshotFolder> SnapshotFolder::Make(const std::string& parent, mode_t mode, Holds holds) {
  std::string path = parent + "/XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) return ErrnoStatus(errno, fmt::format("make a folder in '{}'", parent));
  SnapshotFolder folder(std::move(path), holds);
  if (::chmod(folder.path().c_str(), mode) != 0) return ErrnoStatus(errno, fmt::format("chmod '{}'", folder.path()));
  return folder;
}

SnapshotFolder& SnapshotFolder::operator=(SnapshotFolder&& other) noexcept {
  if (this != &other) {
    SnapshotFolder old(std::move(*this));
    path_ = std::exchange(other.path_, {});
    holds_ = other.holds_;
  }
  return *this;
}

SnapshotFolder::~SnapshotFolder() {
  if (path_.empty()) return;
  const Status status = holds_ == Holds::kFiles ? fs::RemoveAll(path_) : RemoveMountPoints(path_);
  if (!status.ok()) spdlog::warn("{}", status.message());
}

}  // namespace slipway::snapshot
