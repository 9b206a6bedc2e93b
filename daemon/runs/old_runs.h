// OldRuns: lets go of ended runs, with their logs, by the operator's rules. Not thread-safe.
#pragma once

#include <chrono>
#include <cstdint>

#include "daemon/logs/archive.h"
#include "daemon/store/run_store.h"
#include "executor/base/clock.h"
#include "executor/base/context.h"

namespace slipway::runs {

class OldRuns {
 public:
  /// A run goes when no rule keeps it. Archived runs stay.
  struct Rules {
    uint64_t newest = 0;                   ///< so many are kept; 0: no such rule
    std::chrono::seconds younger_than{0};  ///< since their end; 0: no such rule
  };
  /// All must outlive it.
  OldRuns(store::RunStore& store, const logs::Archive& archive, const Clock& clock, Rules rules)
      : store_(store), archive_(archive), clock_(clock), rules_(rules) {}

  /// Removes all that is to go. The first time also logs whose runs a daemon that died had removed.
  Status Sweep(const Context& ctx);

 private:
  Status RemoveOrphans(const Context& ctx);

  store::RunStore& store_;
  const logs::Archive& archive_;
  const Clock& clock_;
  const Rules rules_;
  bool swept_ = false;
};

}  // namespace slipway::runs
