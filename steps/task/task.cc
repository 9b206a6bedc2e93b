#include "steps/task/task.h"

#include <set>

namespace slipway::task {

std::string_view Step::kind() const { return std::holds_alternative<BuildStep>(what) ? "build" : "push"; }

Status Validate(const Task& task) {
  std::set<std::string_view> before;
  for (const Step& step : task.steps) {
    if (step.id.empty()) return InvalidArgument("a step has no id");
    for (const std::string& id : step.when) {
      if (!before.contains(id)) {
        return InvalidArgument("step '{}' waits for '{}', which is no step before it", step.id, id);
      }
    }
    if (!before.insert(step.id).second) return InvalidArgument("two steps have the id '{}'", step.id);
  }
  return Status();
}

}  // namespace slipway::task
