// The environment of a step: its own entries, then those of the task. Follows ACR Tasks, but for what differences.md
// says.
#pragma once

#include <string>
#include <vector>

#include "executor/base/status.h"
#include "steps/task/task_schema.h"

namespace slipway::task {

/// "NAME=VALUE" each. A step's own entries come first, in order, then those of the task whose names it does not define.
/// An entry of the task may hold several, set apart by commas; what follows a comma and has no name belongs to the
/// value before it. INVALID_ARGUMENT with the place for an entry without a name; one of a step without a value is left
/// out with a warning where the task has no environment.
Result<std::vector<std::string>> MergeEnvironment(const std::string& file, const PlacedList& task,
                                                  const PlacedList& step, std::vector<std::string>* warnings);

}  // namespace slipway::task
