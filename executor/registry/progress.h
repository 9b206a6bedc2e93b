// ProgressGate: passes progress on at most some ten times a second. One thread at a time.
#pragma once

#include <chrono>
#include <cstdint>

#include "executor/registry/registry.h"

namespace slipway::registry {

class ProgressGate {
 public:
  ProgressGate(const ProgressFn& report, uint64_t total) : report_(report), total_(total) {}

  void Report(uint64_t done) {
    if (!report_) return;
    const auto now = std::chrono::steady_clock::now();
    if (now < next_ && done != total_) return;
    next_ = now + std::chrono::milliseconds(100);
    report_(done, total_);
  }

 private:
  const ProgressFn& report_;
  const uint64_t total_;
  std::chrono::steady_clock::time_point next_;
};

}  // namespace slipway::registry
