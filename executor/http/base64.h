// Base64 as HTTP uses it.
#pragma once

#include <string>
#include <string_view>

#include "executor/base/base64.h"

namespace slipway::http {

using slipway::Base64Decode;
using slipway::Base64Encode;

/// "Basic …", the value of an Authorization header.
std::string BasicAuthorization(std::string_view username, std::string_view password);

}  // namespace slipway::http
