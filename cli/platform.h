// Platforms as people write them: "linux/arm64/v8".
#pragma once

#include <string>

#include "slipway/v1/common.pb.h"

namespace slipway::cli {

/// What is wrong with the form of a platform; empty if nothing is.
std::string CheckPlatform(const std::string& text);
/// In small letters; what is left out stays empty, for the daemon to fill in or refuse.
slipway::v1::Platform ParsePlatform(std::string text);

}  // namespace slipway::cli
