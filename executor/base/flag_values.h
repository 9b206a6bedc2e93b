// Values of flags as docker's command line and Dockerfiles have them: CSV with quotes, sizes with binary units. Pure
// functions; errors are INVALID_ARGUMENT and quote the value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "executor/base/status.h"

namespace slipway {

/// A size in bytes with an optional binary unit: "64m", "1.5GiB", "100".
Result<int64_t> ParseByteSize(std::string_view text);
/// One line of CSV into its fields.
Result<std::vector<std::string>> SplitCsv(std::string_view line);

}  // namespace slipway
