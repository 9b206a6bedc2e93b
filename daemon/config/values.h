// Values of configuration keys out of text. INVALID_ARGUMENT says what was expected.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "executor/base/status.h"

namespace slipway::config {

/// "true", "false", "yes", "no", "on", "off".
Result<bool> ReadBool(std::string_view text);
Result<uint64_t> ReadCount(std::string_view text, uint64_t least, uint64_t most);
/// "1048576", "20GB", "512 MiB", "1.5G": decimal for B, K(B) …, binary for KiB ….
Result<uint64_t> ReadBytes(std::string_view text);
/// "90", "90s", "1h30m", "30d": seconds if no unit is given.
Result<std::chrono::seconds> ReadSeconds(std::string_view text, std::chrono::seconds least, std::chrono::seconds most);

}  // namespace slipway::config
