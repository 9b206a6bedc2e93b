// How long a run may take, as requests state it.
#pragma once

#include <chrono>

#include "executor/base/status.h"
#include "steps/task/field_error.h"

namespace slipway::services {

inline constexpr std::chrono::seconds kMaxRunTimeout{28800};

/// The member `timeout` of a request; what is wrong with it is added to `errors`.
template <typename Request>
std::chrono::seconds ReadTimeout(const Request& request, std::chrono::seconds standard, task::FieldErrors* errors) {
  if (!request.has_timeout()) return standard;
  const int64_t seconds = request.timeout().seconds();
  if (seconds < 1 || seconds > kMaxRunTimeout.count() || request.timeout().nanos() != 0) {
    errors->push_back(
        {"timeout", fmt::format("is not a whole number of seconds from 1 to {}", kMaxRunTimeout.count())});
    return standard;
  }
  return std::chrono::seconds(seconds);
}

}  // namespace slipway::services
