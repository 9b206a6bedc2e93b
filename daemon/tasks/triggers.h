// Triggers: what makes tasks run by themselves, in one place: timers, deliveries of git hosts; and what becomes of it
// when their runs move on. The daemon makes one; each kind of trigger is a member with files of its own.
//
// Life: construct before the dispatcher, whose runs it is told of (OnRun); Start when the dispatcher has recovered its
// runs; Stop before the dispatcher goes. Thread-safe between Start and Stop.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "daemon/http/router.h"
#include "daemon/runs/dispatcher.h"
#include "daemon/secrets/sealer.h"
#include "daemon/store/run_store.h"
#include "daemon/store/task_store.h"
#include "daemon/tasks/base_watch.h"
#include "daemon/tasks/hook_intake.h"
#include "daemon/tasks/task_starter.h"
#include "daemon/tasks/task_timers.h"
#include "daemon/tasks/update_notice.h"
#include "executor/base/clock.h"
#include "executor/builder/builder.h"

namespace slipway::tasks {

class Triggers {
 public:
  struct Parts {
    store::TaskStore& tasks;
    store::RunStore& runs;
    builder::Builder& builder;  ///< for its git mirrors, and to look names of images up
    const secrets::Sealer& sealer;
    const Clock& clock;
    BaseWatchOptions bases = {};
    http::Transport* transport = nullptr;  ///< for endpoints of base image triggers; null: none is told
  };

  explicit Triggers(const Parts& parts);
  ~Triggers();
  Triggers(const Triggers&) = delete;
  Triggers& operator=(const Triggers&) = delete;

  /// Goes on with what an earlier daemon has left undone, and begins. `dispatcher` must outlive the call of Stop.
  Status Start(runs::Dispatcher& dispatcher);
  /// Starts nothing any more. What came in and was not judged yet is left for the next start. Call after the last call
  /// of anything else here but OnRun.
  void Stop();

  /// The addresses that others call. Call before Start; they answer from then on.
  void AddRoutes(web::Router& router);

  /// For runs::Parts::on_run: returns at once.
  void OnRun(const store::Run& run);

  /// After a task was made, changed or removed.
  Status TaskChanged(const std::string& task);
  /// When a timer starts its task next; nullopt for never.
  std::optional<SystemTime> NextTime(const std::string& task, const std::string& timer) const;
  /// As HookIntake::Replay.
  Result<store::Delivery> Replay(int64_t delivery);

 private:
  Result<std::string> StartRun(const TaskStart& start) const;
  void CancelOlder(const store::Task& task, const store::RunTrigger& newer, const std::string& except) const;
  Result<std::vector<std::string>> ChangedPaths(const Context& ctx, const store::Task& task, const std::string& url,
                                                const std::string& before, const std::string& after) const;
  void WatchBases();
  Status CatchUpBases() const;
  void KeepBases(const store::Run& run) const;
  void Work(const std::stop_token& stop);

  const Parts parts_;
  runs::Dispatcher* dispatcher_ = nullptr;  // set by Start
  std::unique_ptr<TaskStarter> starter_;    // set by Start
  std::unique_ptr<TaskTimers> timers_;      // until Stop, as the next
  std::unique_ptr<HookIntake> intake_;
  std::unique_ptr<UpdateNotices> notices_;  // outlives the watch, which adds to it
  std::unique_ptr<BaseWatch> bases_;

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<store::Run> ended_;  // guarded by mutex_: their bases are not kept yet, nor their images looked at
  std::jthread thread_;
};

}  // namespace slipway::tasks
