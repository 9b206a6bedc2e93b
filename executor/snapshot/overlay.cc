#include "executor/snapshot/overlay.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "executor/base/fs.h"
#include "executor/base/log.h"
#include "executor/snapshot/mounts.h"

namespace slipway::snapshot {

namespace {

/// <root>/active/<random>/{upper,work,merged} of one snapshot.
class OverlayActive : public Active {
 public:
  OverlayActive(fs::TempDir dir, ScopedMount mount)
      : dir_(std::move(dir)), mount_(std::move(mount)), root_(mount_.path()) {}

  const std::string& root() const override { return root_; }

  Status Commit(const std::string& target) override {
    SLIPWAY_RETURN_IF_ERROR(mount_.Unmount());
    const std::string upper = fs::Join(dir_.path(), "upper");
    // One sync of the file system for all that the container wrote: a record is about to name it.
    SLIPWAY_ASSIGN_OR_RETURN(const UniqueFd fd, fs::Open(upper, O_RDONLY | O_DIRECTORY));
    if (::syncfs(fd.get()) != 0) return ErrnoStatus(errno, "sync a snapshot");
    return fs::Rename(upper, target);
  }

 private:
  fs::TempDir dir_;  // goes after the mount
  ScopedMount mount_;
  const std::string root_;
};

class OverlayView : public View {
 public:
  OverlayView(fs::TempDir dir, ScopedMount mount, std::string root)
      : dir_(std::move(dir)), mount_(std::move(mount)), root_(std::move(root)) {}
  const std::string& root() const override { return root_; }

 private:
  fs::TempDir dir_;
  ScopedMount mount_;
  const std::string root_;
};

// The upper folder is the root of what the container sees: it must look like the root of the topmost lower.
Status CopyRootMetadata(const std::string& from, const std::string& to) {
  struct stat st {};
  if (::stat(from.c_str(), &st) != 0) return ErrnoStatus(errno, fmt::format("stat '{}'", from));
  const timespec times[2] = {st.st_atim, st.st_mtim};
  if (::chown(to.c_str(), st.st_uid, st.st_gid) != 0 || ::chmod(to.c_str(), st.st_mode & 07777) != 0 ||
      ::utimensat(AT_FDCWD, to.c_str(), times, 0) != 0) {
    return ErrnoStatus(errno, fmt::format("set the metadata of '{}'", to));
  }
  return Status();
}

class Overlay : public Snapshotter {
 public:
  explicit Overlay(std::string root) : root_(std::move(root)) {}
  std::string name() const override { return "overlay"; }

  Result<std::unique_ptr<Active>> Prepare(const Context& ctx, const std::vector<std::string>& lowers,
                                          const IdMap& ids) override {
    SLIPWAY_RETURN_IF_ERROR(ctx.Err());
    SLIPWAY_RETURN_IF_ERROR(NoIds(ids));
    SLIPWAY_ASSIGN_OR_RETURN(fs::TempDir dir, fs::TempDir::Make(fs::Join(root_, "active"), "a-"));
    const std::string upper = fs::Join(dir.path(), "upper");
    const std::string work = fs::Join(dir.path(), "work");
    const std::string merged = fs::Join(dir.path(), "merged");
    for (const std::string& path : {upper, work, merged}) {
      if (::mkdir(path.c_str(), 0755) != 0) return ErrnoStatus(errno, fmt::format("make '{}'", path));
    }
    if (!lowers.empty()) SLIPWAY_RETURN_IF_ERROR(CopyRootMetadata(lowers.front(), upper));
    SLIPWAY_ASSIGN_OR_RETURN(ScopedMount mount, MountOverlay(OrEmpty(lowers), upper, work, merged));
    return std::unique_ptr<Active>(std::make_unique<OverlayActive>(std::move(dir), std::move(mount)));
  }

  Result<std::unique_ptr<View>> ReadOnly(const Context& ctx, const std::vector<std::string>& lowers,
                                         const IdMap& ids) override {
    SLIPWAY_RETURN_IF_ERROR(ctx.Err());
    SLIPWAY_RETURN_IF_ERROR(NoIds(ids));
    SLIPWAY_ASSIGN_OR_RETURN(fs::TempDir dir, fs::TempDir::Make(fs::Join(root_, "active"), "v-"));
    // A single folder needs no overlay, unless its whiteouts would show; lowers of one layer have none that matter.
    const std::string merged = fs::Join(dir.path(), "merged");
    if (::mkdir(merged.c_str(), 0755) != 0) return ErrnoStatus(errno, fmt::format("make '{}'", merged));
    std::vector<std::string> folders = OrEmpty(lowers);
    // Overlayfs wants two lowers where there is no upper.
    if (folders.size() == 1) folders.push_back(Empty());
    SLIPWAY_ASSIGN_OR_RETURN(ScopedMount mount, MountOverlay(folders, "", "", merged));
    return std::unique_ptr<View>(std::make_unique<OverlayView>(std::move(dir), std::move(mount), merged));
  }

 private:
  static Status NoIds(const IdMap& ids) {
    return ids.count == 0 ? Status() : Unimplemented("the overlay snapshotter does not shift ids");
  }
  std::string Empty() const { return fs::Join(root_, "empty"); }
  std::vector<std::string> OrEmpty(const std::vector<std::string>& lowers) const {
    return lowers.empty() ? std::vector<std::string>{Empty()} : lowers;
  }
  const std::string root_;
};

// Mounts a small overlay, writes through it and removes a file: what a build needs from it.
Status TryOut(Snapshotter& overlay, const std::string& root) {
  SLIPWAY_ASSIGN_OR_RETURN(const fs::TempDir lower, fs::TempDir::Make(fs::Join(root, "active"), "probe-"));
  SLIPWAY_RETURN_IF_ERROR(fs::WriteFileAtomic(fs::Join(lower.path(), "file"), "x"));
  SLIPWAY_ASSIGN_OR_RETURN(const auto active, overlay.Prepare(Context::Background(), {lower.path()}, {}));
  const std::string file = fs::Join(active->root(), "file");
  if (::unlink(file.c_str()) != 0) return ErrnoStatus(errno, "remove a file in an overlay");
  return fs::WriteFileAtomic(file, "y");
}

}  // namespace

Result<std::unique_ptr<Snapshotter>> OpenOverlay(const std::string& root) {
  auto overlay = std::make_unique<Overlay>(root);
  Status status = TryOut(*overlay, root);
  if (!status.ok()) return FailedPrecondition("overlayfs does not work below '{}': {}", root, status.message());
  return std::unique_ptr<Snapshotter>(std::move(overlay));
}

}  // namespace slipway::snapshot
