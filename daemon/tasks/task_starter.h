// TaskStarter: runs of stored tasks, whoever starts them. What a run does is what the task says now, with the values
// that are given for this run alone put over it, at the commit that the trigger names, and with the task's secrets,
// which leave their bundle here and only towards the run. A change of the task later changes nothing of the run.
//
// Thread-safe; what it is given must outlive it.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "daemon/runs/dispatcher.h"
#include "daemon/secrets/sealer.h"
#include "daemon/store/run_trigger.h"
#include "daemon/store/task.h"
#include "steps/task/field_error.h"

namespace slipway::tasks {

/// What a single run does otherwise than its task says. What is empty is as the task has it; arguments and values
/// replace those of the same name.
struct TaskOverrides {
  std::string source_location;
  std::string file;                            ///< Dockerfile or task file
  std::string target;                          ///< builds only
  std::vector<builder::NamedValue> arguments;  ///< builds only
  std::vector<builder::NamedValue> values;     ///< task files only
  std::string update_trigger_token;            ///< given back to the endpoint of the base image trigger
  std::optional<std::chrono::seconds> timeout;
};

/// What is wrong with them for this task. Empty if they are fit.
task::FieldErrors Check(const TaskOverrides& overrides, const store::Task& task, const task::QuickBuildRules& rules);

struct TaskStart {
  const store::Task& task;
  store::RunTrigger trigger = {};
  /// False for what strangers wrote: secret arguments and values are empty, there are no logins (not the daemon's
  /// either), and the source is fetched without the task's token.
  bool with_secrets = true;
  TaskOverrides overrides = {};
  std::string request_id = {};         ///< a further start with the same one gives the same run; "" for none
  std::function<Status()> go_on = {};  ///< as runs::ScheduleRequest has it
};

class TaskStarter {
 public:
  TaskStarter(runs::Dispatcher& dispatcher, const secrets::Sealer& sealer) : dispatcher_(dispatcher), sealer_(sealer) {}

  /// The run is durable when this returns. Codes as runs::Dispatcher::Schedule; DATA_LOSS if the task's secrets cannot
  /// be read.
  Result<store::CreatedRun> Start(const TaskStart& start) const;

 private:
  runs::Dispatcher& dispatcher_;
  const secrets::Sealer& sealer_;
};

/// What TaskStarter schedules.
Result<runs::ScheduleRequest> MakeScheduleRequest(const TaskStart& start, const secrets::Sealer& sealer);

}  // namespace slipway::tasks
