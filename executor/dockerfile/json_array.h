// JSON arrays of strings, as instructions take them: CMD ["a", "b"].
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "executor/base/status.h"

namespace slipway::dockerfile {

/// The strings if `text` is such an array; nullopt if it is no JSON array at all (then it is meant for a shell).
/// INVALID_ARGUMENT for an array that holds anything but strings. Invalid UTF-8 becomes U+FFFD.
Result<std::optional<std::vector<std::string>>> ParseJsonStrings(std::string_view text);

}  // namespace slipway::dockerfile
