#include "executor/snapshot/copy_snapshotter.h"

#include <sys/stat.h>

#include <cerrno>

#include "executor/base/fs.h"
#include "executor/snapshot/copy_changes.h"
#include "executor/snapshot/copy_tree.h"
#include "executor/snapshot/snapshot_folder.h"

namespace slipway::snapshot {

namespace {

struct Copied {
  SnapshotFolder folder;
  std::string root;
};

class CopyView : public View {
 public:
  explicit CopyView(Copied copied) : copied_(std::move(copied)) {}
  const std::string& root() const override { return copied_.root; }

 private:
  Copied copied_;
};

class CopyActive : public Active {
 public:
  CopyActive(Copied copied, CopyChanges notes) : copied_(std::move(copied)), notes_(std::move(notes)) {}
  const std::string& root() const override { return copied_.root; }

  Status Commit(const std::string& target) override {
    if (committed_) return FailedPrecondition("commit '{}': it was committed before", copied_.root);
    if (fs::Exists(target)) return AlreadyExists("commit '{}' to '{}': it is there already", copied_.root, target);
    committed_ = true;
    // Under another name until it is whole.
    const std::string layer = copied_.folder.path() + "/layer";
    SLIPWAY_RETURN_IF_ERROR(notes_.MoveInto(copied_.root, layer));
    return fs::Rename(layer, target);
  }

 private:
  Copied copied_;
  CopyChanges notes_;
  bool committed_ = false;
};

class CopySnapshotter : public Snapshotter {
 public:
  explicit CopySnapshotter(std::string root) : root_(std::move(root)) {}
  std::string name() const override { return "copy"; }

  Result<std::unique_ptr<Active>> Prepare(const Context& ctx, const std::vector<std::string>& lowers,
                                          const IdMap& ids) override {
    SLIPWAY_ASSIGN_OR_RETURN(Copied copied, Copy(ctx, lowers, ids));
    SLIPWAY_ASSIGN_OR_RETURN(CopyChanges notes, CopyChanges::Note(copied.root));
    return std::make_unique<CopyActive>(std::move(copied), std::move(notes));
  }

  Result<std::unique_ptr<View>> ReadOnly(const Context& ctx, const std::vector<std::string>& lowers,
                                         const IdMap& ids) override {
    SLIPWAY_ASSIGN_OR_RETURN(Copied copied, Copy(ctx, lowers, ids));
    return std::make_unique<CopyView>(std::move(copied));
  }

 private:
  Result<Copied> Copy(const Context& ctx, const std::vector<std::string>& lowers, const IdMap& ids) {
    if (ids.count > 0) return Unimplemented("shift the owners of files: there is no overlayfs here");
    Copied copied;
    SLIPWAY_ASSIGN_OR_RETURN(copied.folder, SnapshotFolder::Make(root_, 0700, SnapshotFolder::Holds::kFiles));
    copied.root = copied.folder.path() + "/root";
    if (::mkdir(copied.root.c_str(), 0755) != 0 || ::chmod(copied.root.c_str(), 0755) != 0) {
      return ErrnoStatus(errno, fmt::format("make folder '{}'", copied.root));
    }
    for (auto lower = lowers.rbegin(); lower != lowers.rend(); ++lower) {
      SLIPWAY_RETURN_IF_ERROR(CopyLayer(ctx, *lower, copied.root));
    }
    return copied;
  }

  const std::string root_;
};

}  // namespace

Result<std::unique_ptr<Snapshotter>> OpenCopy(const std::string& root) {
  const std::string copies = root + "/copies";
  SLIPWAY_RETURN_IF_ERROR(fs::MakeDirs(copies, 0700));
  return std::make_unique<CopySnapshotter>(copies);
}

}  // namespace slipway::snapshot
