// Where a value comes from that is not to stand in a file: "env:NAME" or "file:PATH".
#pragma once

#include <string>
#include <string_view>

#include "executor/base/status.h"

namespace slipway::cli {

/// The variable's value, or the file's text without the line end at its end. A relative path begins at `folder`.
/// INVALID_ARGUMENT for another form, NOT_FOUND for what is not there, RESOURCE_EXHAUSTED for a file over 500 KiB. No
/// message holds a value.
Result<std::string> ReadValueFrom(std::string_view source, const std::string& folder);

}  // namespace slipway::cli
