#include "steps/task/task.h"

#include <set>

namespace slipway::task {

namespace {
struct KindName {
  std::string_view operator()(const BuildStep&) const { return "build"; }
  std::string_view operator()(const PushStep&) const { return "push"; }
  std::string_view operator()(const CmdStep&) const { return "cmd"; }
};
}  // namespace

std::string_view Step::kind() const { return std::visit(KindName(), what); }

std::string_view RunOnName(RunOn when) {
  switch (when) {
    case RunOn::kSuccess: return "success";
    case RunOn::kFailure: return "failure";
    case RunOn::kAlways: return "always";
  }
  return "?";
}

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
