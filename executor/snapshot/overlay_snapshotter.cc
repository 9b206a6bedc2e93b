#include "executor/snapshot/overlay_snapshotter.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <set>

#include "executor/base/fs.h"
#include "executor/base/guarded.h"
#include "executor/base/log.h"
#include "executor/snapshot/idmap.h"
#include "executor/snapshot/snapshot_folder.h"

namespace slipway::snapshot {

namespace {

/// What a mounted overlay consists of. Taken apart in the reverse order: the mount, then the folders.
struct Mounted {
  SnapshotFolder work;
  SnapshotFolder point;
  std::string root;
  ScopedMount mount;
};

class OverlayView : public View {
 public:
  explicit OverlayView(Mounted mounted) : mounted_(std::move(mounted)) {}
  const std::string& root() const override { return mounted_.root; }

 private:
  Mounted mounted_;
};

class OverlayActive : public Active {
 public:
  explicit OverlayActive(Mounted mounted) : mounted_(std::move(mounted)) {}
  const std::string& root() const override { return mounted_.root; }

  Status Commit(const std::string& target) override {
    if (mounted_.mount.target().empty())
      return FailedPrecondition("commit '{}': it was committed before", mounted_.root);
    if (fs::Exists(target)) return AlreadyExists("commit '{}' to '{}': it is there already", mounted_.root, target);
    SLIPWAY_RETURN_IF_ERROR(mounted_.mount.Unmount());
    const std::string upper = mounted_.work.path() + "/upper";
    return fs::Rename(upper, target);
  }

 private:
  Mounted mounted_;
};

class OverlaySnapshotter : public Snapshotter {
 public:
  OverlaySnapshotter(std::string root, MountInterface interface, ScopedMount active)
      : root_(std::move(root)), interface_(interface), active_(std::move(active)) {}

  std::string name() const override { return "overlay"; }

  Result<std::unique_ptr<Active>> Prepare(const Context& ctx, const std::vector<std::string>& lowers,
                                          const IdMap& ids) override {
    SLIPWAY_RETURN_IF_ERROR(ctx.Err());
    Mounted mounted;
    SLIPWAY_ASSIGN_OR_RETURN(mounted.work, SnapshotFolder::Make(root_ + "/work", 0700, SnapshotFolder::Holds::kFiles));
    for (const char* name : {"/upper", "/work"})
      SLIPWAY_RETURN_IF_ERROR(fs::MakeDirs(mounted.work.path() + name, 0755));
    SLIPWAY_RETURN_IF_ERROR(CopyRootAttributes(lowers, mounted.work.path() + "/upper"));
    SLIPWAY_RETURN_IF_ERROR(Mount(lowers, /*writable=*/true, ids, mounted));
    return std::make_unique<OverlayActive>(std::move(mounted));
  }

  Result<std::unique_ptr<View>> ReadOnly(const Context& ctx, const std::vector<std::string>& lowers,
                                         const IdMap& ids) override {
    SLIPWAY_RETURN_IF_ERROR(ctx.Err());
    Mounted mounted;
    SLIPWAY_ASSIGN_OR_RETURN(mounted.work, SnapshotFolder::Make(root_ + "/work", 0700, SnapshotFolder::Holds::kFiles));
    SLIPWAY_RETURN_IF_ERROR(Mount(lowers, /*writable=*/false, ids, mounted));
    return std::make_unique<OverlayView>(std::move(mounted));
  }

 private:
  Status Mount(std::vector<std::string> lowers, bool writable, const IdMap& ids, Mounted& mounted) {
    // A container's root must be able to go through to its files; it cannot list the folder.
    SLIPWAY_ASSIGN_OR_RETURN(mounted.point, SnapshotFolder::Make(root_ + "/active", ids.count > 0 ? 0711 : 0700,
                                                                 SnapshotFolder::Holds::kMountPoints));
    mounted.root = mounted.point.path() + "/merged";
    SLIPWAY_RETURN_IF_ERROR(fs::MakeDirs(mounted.root, 0755));
    KeepTopmost(lowers);
    SLIPWAY_RETURN_IF_ERROR(AddEmptyLowers(writable ? 1 : 2, mounted.work.path(), lowers));
    OverlaySpec spec{.lowers = std::move(lowers), .upper = "", .work = "", .target = mounted.root};
    if (writable) {
      spec.upper = mounted.work.path() + "/upper";
      spec.work = mounted.work.path() + "/work";
    }
    auto mount = ids.count > 0 ? MountShifted(spec, ids, mounted) : MountOverlay(spec, interface_);
    if (!mount.ok()) return std::move(mount).status();
    mounted.mount = *std::move(mount);
    return Status();
  }

  // overlayfs refuses a folder that is given twice. Whatever the lower one shows or hides at a path, the upper one
  // shows or hides there as well, so the lower one makes no difference.
  static void KeepTopmost(std::vector<std::string>& lowers) {
    std::set<std::string> seen;
    std::erase_if(lowers, [&seen](const std::string& lower) { return !seen.insert(lower).second; });
  }

  // overlayfs wants something below, and one lower folder alone would show its whiteouts as the devices that they are.
  static Status AddEmptyLowers(size_t at_least, const std::string& work, std::vector<std::string>& lowers) {
    for (size_t i = lowers.size(); i < at_least; ++i) {
      lowers.push_back(fmt::format("{}/empty{}", work, i));
      SLIPWAY_RETURN_IF_ERROR(fs::MakeDirs(lowers.back(), 0755));
    }
    return Status();
  }

  // The clones are needed until the overlay has been made, which keeps its own.
  Result<ScopedMount> MountShifted(const OverlaySpec& spec, const IdMap& ids, const Mounted& mounted) {
    SLIPWAY_ASSIGN_OR_RETURN(const int user_namespace, UserNamespace(ids));
    OverlaySpec shifted;
    shifted.target = spec.target;
    std::vector<ScopedMount> clones;
    const auto clone = [&](const std::string& source) -> Result<std::string> {
      std::string point = fmt::format("{}/shifted{}", mounted.point.path(), clones.size());
      SLIPWAY_RETURN_IF_ERROR(fs::MakeDirs(point, 0755));
      SLIPWAY_ASSIGN_OR_RETURN(ScopedMount mount, MountIdMapped(source, point, user_namespace));
      clones.push_back(std::move(mount));
      return point;
    };
    for (const std::string& lower : spec.lowers) {
      SLIPWAY_ASSIGN_OR_RETURN(std::string point, clone(lower));
      shifted.lowers.push_back(std::move(point));
    }
    if (!spec.upper.empty()) {
      // One mount for both: overlayfs moves files from one to the other.
      SLIPWAY_ASSIGN_OR_RETURN(const std::string point, clone(mounted.work.path()));
      shifted.upper = point + "/upper";
      shifted.work = point + "/work";
    }
    Result<ScopedMount> mount = ScopedMount();
    SLIPWAY_RETURN_IF_ERROR(AsOwner(ids.host_base, [&] {
      mount = MountOverlay(shifted, interface_);
      return Status();
    }));
    if (!mount.ok()) return Unimplemented("{} (with the owners shifted)", mount.status().message());
    return mount;
  }

  Result<int> UserNamespace(const IdMap& ids) {
    auto known = user_namespaces_.Lock();
    UniqueFd& fd = (*known)[{ids.host_base, ids.count}];
    if (!fd.valid()) {
      SLIPWAY_ASSIGN_OR_RETURN(fd, MakeUserNamespace({{.container = 0, .host = ids.host_base, .count = ids.count}}));
    }
    return fd.get();
  }

  static Status CopyRootAttributes(const std::vector<std::string>& lowers, const std::string& upper) {
    // Of a merged folder the topmost one's owner and mode are seen; without any it is as in an empty image.
    struct stat st {};
    if (lowers.empty())
      return ::chmod(upper.c_str(), 0755) == 0 ? Status() : ErrnoStatus(errno, fmt::format("chmod '{}'", upper));
    if (::stat(lowers.front().c_str(), &st) != 0)
      return ErrnoStatus(errno, fmt::format("look at the layer '{}'", lowers.front()));
    if (::chown(upper.c_str(), st.st_uid, st.st_gid) != 0 || ::chmod(upper.c_str(), st.st_mode & 07777) != 0) {
      return ErrnoStatus(errno, fmt::format("give '{}' the owner and mode of '{}'", upper, lowers.front()));
    }
    return Status();
  }

  const std::string root_;
  const MountInterface interface_;
  const ScopedMount active_;
  Guarded<std::map<std::pair<uint32_t, uint32_t>, UniqueFd>> user_namespaces_;
};

Result<ScopedMount> BindPrivate(const std::string& folder) {
  if (::mount(folder.c_str(), folder.c_str(), nullptr, MS_BIND, nullptr) != 0) {
    return ErrnoStatus(errno, fmt::format("bind '{}' onto itself", folder));
  }
  ScopedMount mount(folder);
  if (::mount(nullptr, folder.c_str(), nullptr, MS_PRIVATE, nullptr) != 0) {
    return ErrnoStatus(errno, fmt::format("make '{}' a private mount", folder));
  }
  return mount;
}

// A file of the lower folder is removed, another one made, and the result looked at: all that layers are made of.
Status TryOut(Snapshotter& snapshotter, const std::string& root) {
  SLIPWAY_ASSIGN_OR_RETURN(const SnapshotFolder trial,
                           SnapshotFolder::Make(root + "/work", 0700, SnapshotFolder::Holds::kFiles));
  const std::string lower = trial.path() + "/lower";
  const std::string upper = trial.path() + "/upper";
  SLIPWAY_RETURN_IF_ERROR(fs::MakeDirs(lower));
  SLIPWAY_RETURN_IF_ERROR(fs::WriteFileAtomic(lower + "/removed", "x"));
  SLIPWAY_ASSIGN_OR_RETURN(const auto active, snapshotter.Prepare(Context::Background(), {lower}));
  if (::unlink((active->root() + "/removed").c_str()) != 0) return ErrnoStatus(errno, "remove a file in an overlay");
  SLIPWAY_RETURN_IF_ERROR(fs::WriteFileAtomic(active->root() + "/made", "x"));
  SLIPWAY_RETURN_IF_ERROR(active->Commit(upper));
  struct stat st {};
  if (::lstat((upper + "/removed").c_str(), &st) != 0 || !S_ISCHR(st.st_mode)) {
    return FailedPrecondition("the overlay file system marks removed files in another way");
  }
  return Status();
}

}  // namespace

Result<std::unique_ptr<Snapshotter>> OpenOverlay(const OverlayOptions& options) {
  const std::string active = options.root + "/active";
  for (const std::string& folder : {active, options.root + "/work"})
    SLIPWAY_RETURN_IF_ERROR(fs::MakeDirs(folder, 0711));
  for (const MountInterface interface : {MountInterface::kLayers, MountInterface::kOptions}) {
    if (interface == MountInterface::kLayers && !options.try_layers) continue;
    SLIPWAY_ASSIGN_OR_RETURN(ScopedMount bound, BindPrivate(active));
    auto snapshotter = std::make_unique<OverlaySnapshotter>(options.root, interface, std::move(bound));
    const Status status = TryOut(*snapshotter, options.root);
    if (status.ok()) return std::unique_ptr<Snapshotter>(std::move(snapshotter));
    if (interface == MountInterface::kOptions) return status;
    // Kernels before 6.5 refuse in several ways.
    spdlog::debug("the newer interface for overlays does not work: {}", status.message());
  }
  return Internal("no interface was tried");
}

}  // namespace slipway::snapshot
