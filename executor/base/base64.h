// Base64 (RFC 4648) as HTTP's Basic authentication, Docker's config.json and encoded tasks use it.
#pragma once

#include <string>
#include <string_view>

#include "executor/base/status.h"

namespace slipway {

/// With padding.
std::string Base64Encode(std::string_view bytes);
/// Accepts both alphabets, with or without padding; INVALID_ARGUMENT otherwise. The message never quotes the text.
Result<std::string> Base64Decode(std::string_view text);

}  // namespace slipway
