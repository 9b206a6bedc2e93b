// A text that comes on standard input.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "executor/base/status.h"

namespace slipway::cli {

/// All of it. `what` is what it is to be, for messages: "the task file". RESOURCE_EXHAUSTED past `most` bytes.
Result<std::string> ReadStandardInput(int fd, uint64_t most, std::string_view what);

}  // namespace slipway::cli
