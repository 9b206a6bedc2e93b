// HMAC-SHA256 (RFC 2104), which proves that a text was written by somebody who knows a secret. Pure functions.
#pragma once

#include <string>
#include <string_view>

namespace slipway::secrets {

/// 64 hex digits.
std::string HmacHex(std::string_view text, std::string_view secret);

}  // namespace slipway::secrets
