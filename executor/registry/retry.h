// Retrying: which answers may pass, how long to wait, when to give up.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string_view>

#include "executor/base/clock.h"
#include "executor/base/context.h"
#include "executor/http/transport.h"
#include "executor/registry/registry.h"

namespace slipway::registry {

/// Seconds or a date (RFC 9110, 10.2.3); nullopt if malformed.
std::optional<std::chrono::milliseconds> ParseRetryAfter(std::string_view text, SystemTime now);

/// 408, 429 and those 5xx that say "not now".
bool IsPassingStatus(int status);

/// The wait before attempt `next` (2, 3, …): doubling from the first delay, a quarter of it random.
std::chrono::nanoseconds BackoffDelay(const RetryPolicy& policy, int next);

/// What one attempt brought.
struct Attempt {
  Result<http::Response> result;
  bool is_final = false;  ///< do not try again whatever it is; an error says all there is to say
};

struct RetryOutcome {
  Attempt last;
  int attempts = 0;
};

/// Calls `once` until it brings an answer that does not pass, fails for good, or the policy's attempts are used up.
/// `position` tells bytes moved so far: attempts that got a good deal further do not count. May be null.
RetryOutcome WithRetry(const Context& ctx, const RetryPolicy& policy, const Clock& clock,
                       const std::function<Attempt()>& once, const std::function<uint64_t()>& position);

}  // namespace slipway::registry
