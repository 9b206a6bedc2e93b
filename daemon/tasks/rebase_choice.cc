#include "daemon/tasks/rebase_choice.h"

#include "daemon/store/task_json.h"
#include "executor/base/digest.h"

namespace slipway::tasks {

namespace {

using Kind = store::RunTrigger::Kind;

// Whether the task is another one after a change of it.
std::string KeyOf(const store::Task& task) {
  store::Task bare;
  bare.step = task.step;
  return fmt::format("task {} {}", task.name, Digest::Of(store::SpecToJson(bare)).Short());
}

bool IsAsTheTaskSays(const TaskOverrides& overrides) {
  return overrides.source_location.empty() && overrides.file.empty() && overrides.target.empty() &&
         overrides.arguments.empty() && overrides.values.empty();
}

// The branch, tag or commit that the task's source names; "" if none.
std::string RefOf(const store::Task& task) {
  const std::string& source = store::SourceOf(task);
  const size_t hash = source.find('#');
  if (hash == std::string::npos) return "";
  const std::string fragment = source.substr(hash + 1);
  return fragment.substr(0, fragment.find(':'));
}

}  // namespace

void ChooseRebase(const TaskStart& start, task::QuickBuild* build) {
  const store::Task& task = start.task;
  if (!task.base_image || task.base_image->rebase != store::RebasePolicy::kWhenSafe) return;
  if (start.trigger.kind == Kind::kPullRequest || !IsAsTheTaskSays(start.overrides)) return;
  if (start.trigger.kind == Kind::kCommit) {
    const std::string ref = RefOf(task);
    if (!ref.empty() && ref != start.trigger.branch) return;  // not what the task's own runs make
    if (ref.empty() && start.trigger.branch != "main" && start.trigger.branch != "master") {
      build->rebase_refusal = fmt::format("the last run was of '{}', and the task's source names no branch",
                                          start.trigger.branch.empty() ? start.trigger.tag : start.trigger.branch);
    }
  }
  build->rebase_key = KeyOf(task);
  build->rebase = start.trigger.kind == Kind::kImageUpdate;
}

}  // namespace slipway::tasks
