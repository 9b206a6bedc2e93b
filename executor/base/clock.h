// Clock: where time comes from. Steady time for durations, system time for records; tests move a manual one by hand.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "executor/base/status.h"

namespace slipway {

using SystemTime = std::chrono::system_clock::time_point;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual std::chrono::steady_clock::time_point Steady() const = 0;
  virtual SystemTime System() const = 0;

  /// The machine's clock. Lives for ever.
  static const Clock& Real();
};

/// RFC 3339 in UTC with as many decimals as are needed up to nanoseconds, as Go prints times: "2024-01-02T03:04:05.6Z".
std::string FormatTime(SystemTime time);
/// Accepts RFC 3339 with any offset; INVALID_ARGUMENT otherwise. A time outside the years 1678 to 2261 (Go's zero time,
/// for one) becomes SystemTime::min() or max().
Result<SystemTime> ParseTime(std::string_view text);

/// Go's notation of a duration rounded for people: "350ms", "1.2s", "1m9s".
std::string FormatDuration(std::chrono::nanoseconds duration);
/// "42 B", "4.8 kB", "1.2 MB" (decimal, as docker prints sizes).
std::string FormatBytes(uint64_t bytes);

}  // namespace slipway
