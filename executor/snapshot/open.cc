// Which snapshotter works on this machine.
#include "executor/base/fs.h"
#include "executor/base/log.h"
#include "executor/snapshot/copy_snapshotter.h"
#include "executor/snapshot/overlay_snapshotter.h"
#include "executor/snapshot/snapshotter.h"

namespace slipway::snapshot {

namespace {

Status RemoveLeftovers(const std::string& root) {
  // Mounts first: nothing that is only mounted may be removed. (Not those at the root itself, which may be a disk of
  // its own.)
  SLIPWAY_RETURN_IF_ERROR(UnmountBelow(fs::Join(root, "active")));
  for (const char* name : {"active", "work", "copies"}) SLIPWAY_RETURN_IF_ERROR(fs::RemoveAll(fs::Join(root, name)));
  return Status();
}

}  // namespace

Result<std::unique_ptr<Snapshotter>> Open(const std::string& root) {
  SLIPWAY_RETURN_IF_ERROR(fs::MakeDirs(root, 0711));
  if (Status status = RemoveLeftovers(root); !status.ok()) return std::move(status).With("remove old snapshots");
  auto overlay = OpenOverlay({.root = root});
  if (overlay.ok()) {
    spdlog::info("snapshots in '{}' are made by overlayfs", root);
    return overlay;
  }
  spdlog::warn("snapshots in '{}' are made by copying, which is slow: {}", root, overlay.status().message());
  return OpenCopy(root);
}

}  // namespace slipway::snapshot
