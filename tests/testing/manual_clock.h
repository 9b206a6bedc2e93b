// ManualClock: time that a test moves by hand. Not thread-safe.
#pragma once

#include "executor/base/clock.h"

namespace slipway::testing {

class ManualClock : public Clock {
 public:
  std::chrono::steady_clock::time_point Steady() const override { return now; }
  SystemTime System() const override { return SystemTime(now.time_since_epoch()); }
  std::chrono::steady_clock::time_point now{std::chrono::hours(1000)};
};

}  // namespace slipway::testing
