// The kernel's table of mounts, as /proc/self/mountinfo has it (proc(5)).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "executor/base/status.h"

namespace slipway::snapshot {

/// The mount points in a text of mountinfo's form, in its order (what was mounted later comes later), octal escapes
/// undone.
std::vector<std::string> ParseMountPoints(std::string_view mountinfo);

/// Whether `path` is `folder` or below it. Both clean.
bool IsAtOrBelow(std::string_view path, std::string_view folder);

}  // namespace slipway::snapshot
