// What is wrong with a task, field by field, before it is stored. Free functions without state.
#pragma once

#include "daemon/store/task.h"
#include "daemon/tasks/task_secrets.h"
#include "steps/task/field_error.h"
#include "steps/task/quick_build_inputs.h"

namespace slipway::tasks {

inline constexpr size_t kMostTimers = 20;
inline constexpr size_t kMostSources = 10;
inline constexpr size_t kMostLogins = 20;
inline constexpr size_t kMostTags = 50;

/// The name of the step's member in the API's Task: "docker_build", "file_task" or "encoded_task".
std::string_view StepField(const store::TaskStep& step);

/// All that is wrong with a task, named as in the API's Task. Empty if it is fit. Bounds the length of every text and
/// list. `secrets` are the task's.
task::FieldErrors Check(const store::Task& task, const TaskSecrets& secrets, const task::QuickBuildRules& rules);

}  // namespace slipway::tasks
