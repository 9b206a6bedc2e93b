#include "daemon/runs/old_runs.h"

#include "executor/base/log.h"

namespace slipway::runs {

namespace {
constexpr size_t kAtOnce = 200;  // other writers wait that long
}  // namespace

Status OldRuns::Sweep(const Context& ctx) {
  if (rules_.newest == 0 && rules_.younger_than.count() == 0) return Status();
  if (!swept_) SLIPWAY_RETURN_IF_ERROR(RemoveOrphans(ctx));
  swept_ = true;
  store::Retention kept;
  if (rules_.newest > 0) {
    // Once: of those that end meanwhile, the next sweep takes as many.
    SLIPWAY_ASSIGN_OR_RETURN(kept.from, store_.OldestOfNewest(rules_.newest));
    if (!kept.from) return Status();
  }
  if (rules_.younger_than.count() > 0) kept.ended_since = clock_.System() - rules_.younger_than;
  size_t all = 0;
  while (true) {
    SLIPWAY_RETURN_IF_ERROR(ctx.Err());
    // First the record: a log without one is found by the next start, a record without its log would be a lie.
    SLIPWAY_ASSIGN_OR_RETURN(const std::vector<std::string> gone, store_.Forget(kept, kAtOnce));
    for (const std::string& id : gone) SLIPWAY_RETURN_IF_ERROR(archive_.Remove(id));
    all += gone.size();
    if (gone.size() < kAtOnce) break;
  }
  if (all > 0) spdlog::info("{} old runs were removed", all);
  return Status();
}

Status OldRuns::RemoveOrphans(const Context& ctx) {
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<std::string> recorded, archive_.Recorded());
  for (const std::string& id : recorded) {
    SLIPWAY_RETURN_IF_ERROR(ctx.Err());
    const Result<store::Run> run = store_.Get(id);
    if (run.code() == Code::kNotFound) SLIPWAY_RETURN_IF_ERROR(archive_.Remove(id));
  }
  return Status();
}

}  // namespace slipway::runs
