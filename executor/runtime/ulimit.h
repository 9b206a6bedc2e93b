// Resource limits as people write them: "nofile=1024:2048".
#pragma once

#include <string_view>

#include "executor/base/status.h"
#include "executor/runtime/runner.h"

namespace slipway::runtime {

/// Whether such a limit exists: "nofile", "core", …
bool IsUlimitName(std::string_view name);

/// "NAME=SOFT[:HARD]"; -1 is unlimited; without HARD both are SOFT. INVALID_ARGUMENT for an unknown name, for what is
/// no number, and for a soft limit above the hard one.
Result<Ulimit> ParseUlimit(std::string_view text);

}  // namespace slipway::runtime
