// The overlay snapshotter: an overlayfs mount for each snapshot.
#pragma once

#include "executor/snapshot/snapshotter.h"

namespace slipway::snapshot {

/// FAILED_PRECONDITION with the kernel's words if an overlay cannot be mounted below `root`.
Result<std::unique_ptr<Snapshotter>> OpenOverlay(const std::string& root);

}  // namespace slipway::snapshot
