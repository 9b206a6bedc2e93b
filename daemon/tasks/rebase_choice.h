// Which runs of a task may rebase its image instead of building it, and which are what later ones may be rebased from.
#pragma once

#include "daemon/tasks/task_starter.h"

namespace slipway::tasks {

/// Sets what the build of a run says of rebasing, by the task's base image trigger and by what starts the run. Only a
/// run that makes what the task itself says (its own source and arguments, no pull request) is kept for a later rebase;
/// one of which that is not certain is kept as not to be rebased, so that nothing older comes back.
void ChooseRebase(const TaskStart& start, task::QuickBuild* build);

}  // namespace slipway::tasks
