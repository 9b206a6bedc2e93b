// Recovery: what to do at the start of the daemon with runs that are unfinished in the store.
#pragma once

#include <string>
#include <vector>

#include "daemon/runs/worker.h"

namespace slipway::runs {

/// Runs that were active when the daemon died go back to the queue; those that had been asked to cancel become
/// Canceled, and those that the daemon died with more than `max_crashes` times become Error. Their logs say so. Gives
/// the runs that are queued then, oldest first.
Result<std::vector<store::Run>> Recover(const Parts& parts, int max_crashes);

}  // namespace slipway::runs
