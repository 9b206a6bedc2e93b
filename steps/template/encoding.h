// Base64 and base32 as Go's encoding packages have them (standard alphabets, padded). Stateless.
#pragma once

#include <string>
#include <string_view>

#include "executor/base/status.h"

namespace slipway::run_template {

std::string Base64Encode(std::string_view bytes);
/// INVALID_ARGUMENT "illegal base64 data at input byte N". Line ends in the text are skipped.
Result<std::string> Base64Decode(std::string_view text);
std::string Base32Encode(std::string_view bytes);
Result<std::string> Base32Decode(std::string_view text);

}  // namespace slipway::run_template
