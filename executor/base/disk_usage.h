// What a folder takes on its disk, as du has it.
#pragma once

#include <cstdint>
#include <string>

#include "executor/base/status.h"

namespace slipway::fs {

/// The sum of the blocks below `path`, in bytes. Follows no links and stays on one file system; what others remove
/// meanwhile is passed over. A file with several names counts once for each. Of folders nested deeper than 128 nothing
/// is counted: nobody can make this walk run out of descriptors.
Result<uint64_t> DiskUsage(const std::string& path);

}  // namespace slipway::fs
