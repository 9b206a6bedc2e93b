// Retry: what is UNAVAILABLE is tried three times in all, with growing pauses. Internal to this folder.
#pragma once

#include <chrono>
#include <utility>

#include "executor/base/context.h"
#include "executor/base/status.h"

namespace slipway::source {

template <typename Work>
Status Retry(const Context& ctx, Work work) {
  auto pause = std::chrono::milliseconds(250);
  for (int attempt = 1;; ++attempt, pause *= 4) {
    Status status = work();
    if (status.code() != Code::kUnavailable || attempt == 3) return status;
    SLIPWAY_RETURN_IF_ERROR(ctx.Sleep(pause));
  }
}

}  // namespace slipway::source
