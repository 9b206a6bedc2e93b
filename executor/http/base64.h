// Base64 (RFC 4648) as HTTP's Basic authentication and Docker's config.json use it.
#pragma once

#include <string>
#include <string_view>

#include "executor/base/status.h"

namespace slipway::http {

/// With padding.
std::string Base64Encode(std::string_view bytes);
/// Accepts both alphabets, with or without padding; INVALID_ARGUMENT otherwise. The message never quotes the text.
Result<std::string> Base64Decode(std::string_view text);

/// "Basic …", the value of an Authorization header.
std::string BasicAuthorization(std::string_view username, std::string_view password);

}  // namespace slipway::http
