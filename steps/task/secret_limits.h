// What secrets must be like to be kept secret.
#pragma once

#include <cstddef>
#include <string_view>

namespace slipway::task {

/// Hiding a shorter value in a log would hide half of the log, so such secrets are refused where they come in.
inline constexpr size_t kShortestSecret = 3;

/// Whether it is a secret (an empty one is none) that cannot be hidden.
constexpr bool IsTooShortToHide(std::string_view value) { return !value.empty() && value.size() < kShortestSecret; }

}  // namespace slipway::task
