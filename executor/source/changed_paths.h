// What differs between two commits of a mirror, as paths. Internal to this folder.
#pragma once

#include <string>
#include <vector>

#include "executor/base/context.h"
#include "executor/base/status.h"
#include "executor/source/mirror.h"

namespace slipway::source {

/// Paths of files, links and submodules that are in one of the commits only or differ, sorted; a renamed file has both
/// its names. RESOURCE_EXHAUSTED for more than `most`. DATA_LOSS if an object is missing.
Result<std::vector<std::string>> DiffCommits(const Context& ctx, const Mirror& mirror, const std::string& before,
                                             const std::string& after, size_t most);

}  // namespace slipway::source
