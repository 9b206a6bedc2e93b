#include "daemon/http/body_budget.h"

namespace slipway::web {

bool BodyBudget::Share::GrowTo(uint64_t bytes) {
  if (bytes <= bytes_) return true;
  const uint64_t more = bytes - bytes_;
  uint64_t used = budget_.used_;
  do {
    if (more > budget_.most_ - used) return false;
  } while (!budget_.used_.compare_exchange_weak(used, used + more));
  bytes_ = bytes;
  return true;
}

void BodyBudget::Share::Release() {
  budget_.used_ -= bytes_;
  bytes_ = 0;
}

}  // namespace slipway::web
