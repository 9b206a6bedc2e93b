// Snapshots by plain copies, for machines without overlayfs. Slow, and correct: the same marks come out of Commit.
//
// Below the root folder: copies/ID holds one snapshot's whole root.
#pragma once

#include <memory>
#include <string>

#include "executor/snapshot/snapshotter.h"

namespace slipway::snapshot {

Result<std::unique_ptr<Snapshotter>> OpenCopy(const std::string& root);

}  // namespace slipway::snapshot
