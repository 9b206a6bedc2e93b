// Files that a container had copied up and then left as they were, such as the other name of a new hard link: the
// overlay has them in its upper folder, but they are no change, and no other builder puts them into a layer's blob.
#pragma once

#include <string>
#include <vector>

#include "executor/base/context.h"
#include "executor/base/status.h"

namespace slipway::ops {

/// Finds in `upper` the files that are the same in the layers below (`lowers`, the topmost first): owner, mode, time,
/// size, attributes, and content where the time has no parts of a second. Those with one name are removed. Those with
/// several stay, so that whoever reads the folder sees that these are names of one file, and their paths are given: they
/// are to be left out of the layer's blob. `upper` must not be mounted.
Result<std::vector<std::string>> DropUnchanged(const Context& ctx, const std::string& upper,
                                               const std::vector<std::string>& lowers);

}  // namespace slipway::ops
