// Copying of layer folders on top of each other, as overlayfs would show them: what a container sees where there is no
// overlayfs.
#pragma once

#include <string>

#include "executor/base/context.h"
#include "executor/base/status.h"

namespace slipway::snapshot {

/// Puts the layer in the folder `layer` (in overlay's form) over what is in `root`. Owners, modes, times, attributes
/// and hard links within the layer are kept; contents share their blocks where the file system can do that.
Status CopyLayer(const Context& ctx, const std::string& layer, const std::string& root);

}  // namespace slipway::snapshot
