// Snapshots by overlayfs.
//
// Below the root folder:
//   active/            bound onto itself as a private mount, so that no mount below reaches other mount namespaces
//   active/ID/merged   where a snapshot is mounted
//   active/ID/shifted  where idmapped clones are mounted, for the moment it takes to mount the overlay over them
//   work/ID/           upper and work folders; outside of active/, for a folder cannot be renamed across mounts
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "executor/snapshot/overlay_mount.h"
#include "executor/snapshot/snapshotter.h"

namespace slipway::snapshot {

/// Tries a whole life of a snapshot below `root`; the reason if it does not work here. `interface` unset: the best.
struct OverlayOptions {
  std::string root;
  bool try_layers = true;  ///< the newer mount interface, if there is one
};
Result<std::unique_ptr<Snapshotter>> OpenOverlay(const OverlayOptions& options);

}  // namespace slipway::snapshot
