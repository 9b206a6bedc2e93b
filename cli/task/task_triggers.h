// The triggers of a stored task from the words of the command line.
#pragma once

#include <string>
#include <string_view>

#include "cli/task/task_words.h"
#include "executor/base/status.h"
#include "slipway/v1/tasks.pb.h"

namespace slipway::cli {

namespace v1 = ::slipway::v1;

/// The triggers of a new task, whose step is filled: for a git repository one of pushes, and one of base images, unless
/// the words say otherwise. INVALID_ARGUMENT for triggers that the source cannot have.
Status FillTriggers(const TaskWords& words, v1::Task* task);

/// What the words change of the triggers of `was`, into the request's task and mask. A timer of --schedule replaces the
/// one of its name, or is added. INVALID_ARGUMENT where it is not clear which trigger is meant.
Status ChangeTriggers(const TaskWords& words, const v1::Task& was, v1::UpdateTaskRequest* request);

/// "[NAME:]CRON". Without name it is called `name`.
v1::TimerTrigger ParseSchedule(std::string_view text, std::string_view name);

}  // namespace slipway::cli
