// What secrets must be like to be kept secret.
#pragma once

#include <cstddef>

namespace slipway::secrets {

/// Hiding a shorter value in a log would hide half of the log, so such secrets are refused where they come in.
inline constexpr size_t kShortestSecret = 3;

}  // namespace slipway::secrets
