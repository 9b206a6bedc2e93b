// Lines for /etc/hosts as people write them: "name:address".
#pragma once

#include <string_view>

#include "executor/base/status.h"
#include "executor/runtime/runner.h"

namespace slipway::runtime {

/// "NAME:ADDRESS" or "NAME=ADDRESS"; an IPv6 address may be in brackets. INVALID_ARGUMENT for what is no address;
/// UNIMPLEMENTED for "host-gateway".
Result<HostEntry> ParseHostEntry(std::string_view text);

}  // namespace slipway::runtime
