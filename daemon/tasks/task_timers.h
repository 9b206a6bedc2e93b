// TaskTimers: the timers of all tasks, between the store, the loop that waits, and whoever starts runs.
//
// When a timer was last due is stored after its run was, and the run has task, timer and moment as its
// request id: so a moment leads to one run, whenever the daemon dies. What cannot be started now (the queue of runs is
// full, the store is busy) is tried again until the timer's next moment. Life: construct, Start; Changed after a task
// was made, changed or removed.
#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <string>

#include "daemon/store/run_trigger.h"
#include "daemon/store/task_store.h"
#include "daemon/trigger/timer_loop.h"

namespace slipway::tasks {

class TaskTimers {
 public:
  using StartRun = std::function<Result<std::string>(const store::Task& task, const store::RunTrigger& trigger,
                                                     const std::string& request_id)>;
  /// `first_pause`: before a moment is tried again; doubles up to five minutes.
  TaskTimers(store::TaskStore& tasks, StartRun start_run,
             std::chrono::milliseconds first_pause = std::chrono::seconds(5));

  /// Loads all timers; what was missed while the daemon was down is due at once.
  Status Start();
  /// Looks at a task's timers again.
  Status Changed(const std::string& task);
  /// nullopt if it is never due, disabled, or not there.
  std::optional<SystemTime> NextTime(const std::string& task, const std::string& timer) const;

 private:
  Status Load(const std::vector<store::Task>& tasks, SystemTime now);
  void OnDue(const std::vector<trigger::TimerTable::Due>& due);
  Status Fire(const trigger::TimerTable::Due& due);
  bool PutOff(const trigger::TimerTable::Due& due);

  store::TaskStore& tasks_;
  const StartRun start_run_;
  const std::chrono::milliseconds first_pause_;
  std::mutex change_;  // held from reading a task until its timers are set: else an older state could come last
  trigger::TimerLoop loop_;
};

}  // namespace slipway::tasks
