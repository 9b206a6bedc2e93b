// Files that a container had copied up and then left as they were, such as the other name of a new hard link: the
// overlay has them in its upper folder, but they are no change, and no other builder puts them into a layer.
#pragma once

#include <string>
#include <vector>

#include "executor/base/context.h"
#include "executor/base/status.h"

namespace slipway::ops {

/// Removes from `upper` the files that are the same in the layers below (`lowers`, the topmost first): owner, mode,
/// time, size, attributes, and content where the time has no parts of a second. Names of such a file that are not below
/// stay. `upper` must not be mounted.
Status DropUnchanged(const Context& ctx, const std::string& upper, const std::vector<std::string>& lowers);

}  // namespace slipway::ops
