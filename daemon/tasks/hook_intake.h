// HookIntake: deliveries of git hosts, from the listener to a run.
//
// A delivery is answered before any work is done: its signature is checked, it is stored as pending, the answer goes
// out; a few threads then judge what is pending, that of one task in the order in which it came, and ask for runs. A
// delivery that is stored leads to its run exactly once, also where the daemon dies in between: the next start goes on
// with what is pending, and a run has the delivery's number as its request id. What cannot be judged now (the git host
// does not answer, the queue of runs is full) is tried again for a while. What is not genuine is counted, and one a
// second of it is stored.
//
// Life: construct, Start, (Receive, Replay from any thread); the destructor ends the thread.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "daemon/http/router.h"
#include "daemon/secrets/sealer.h"
#include "daemon/store/run_trigger.h"
#include "daemon/store/task_store.h"
#include "daemon/trigger/git_event.h"
#include "daemon/trigger/source_filter.h"
#include "executor/base/clock.h"
#include "executor/base/context.h"

namespace slipway::tasks {

/// Git hosts send up to 25 MB for enormous pushes; what is needed of one stands in the first few kilobytes.
inline constexpr uint64_t kMostHookBytes = 8U << 20;

class HookIntake {
 public:
  struct Parts {
    store::TaskStore& tasks;
    const secrets::Sealer& sealer;
    const Clock& clock;
    /// Schedules a run of a task for a trigger and gives its id. `with_secrets` is false for what comes from forks.
    std::function<Result<std::string>(const store::Task& task, const store::RunTrigger& trigger, bool with_secrets,
                                      const std::string& request_id)>
        start_run;
    /// Cancels unfinished runs of a task for an older commit of the same branch or pull request, but `except`.
    std::function<void(const store::Task& task, const store::RunTrigger& newer, const std::string& except)>
        cancel_older;
    /// The paths that differ between two commits of the task's repository, named as in git addresses ("" is the default
    /// branch). NOT_FOUND if a commit cannot be had, RESOURCE_EXHAUSTED if there are too many paths.
    std::function<Result<std::vector<std::string>>(const Context& ctx, const store::Task& task, const std::string& url,
                                                   const std::string& before, const std::string& after)>
        changed_paths;
    /// Before something is tried again; doubles up to a hundred times.
    std::chrono::milliseconds first_pause{5000};
  };

  explicit HookIntake(Parts parts) : parts_(std::move(parts)) {}
  ~HookIntake();
  HookIntake(const HookIntake&) = delete;
  HookIntake& operator=(const HookIntake&) = delete;

  /// Goes on with what is pending. CANCELLED from start_run leaves a delivery for the next start.
  Status Start();
  /// Adds the addresses /webhooks/git/{task} and /webhooks/git/{task}/{trigger}.
  void AddRoutes(web::Router& router);
  /// Judges a stored delivery once more, as a new one. NOT_FOUND; FAILED_PRECONDITION if it was refused.
  Result<store::Delivery> Replay(int64_t number);

 private:
  std::optional<web::Response> RefuseUnknown(const web::Request& request) const;
  web::Response Receive(const web::Request& request);
  web::Response Refuse(const store::Task& task, const store::SourceTrigger& trigger, std::string_view sender,
                       int status, const Status& why);
  // A delivery that is to be judged.
  struct Waiting {
    int64_t number = 0;
    std::string task;
    int attempts = 0;
    std::chrono::steady_clock::time_point not_before{};
  };
  struct Judgement {
    store::Verdict verdict = store::Verdict::kSkipped;
    std::string reason;
    std::string run_id;
  };
  void Queue(const store::Delivery& delivery);
  std::optional<Waiting> Take(const std::stop_token& stop);
  void GiveBack(Waiting waiting, bool again);
  void Work(const std::stop_token& stop);
  bool Process(const Waiting& waiting);
  Result<Judgement> Judge(const store::Delivery& delivery);
  Result<trigger::SourceFilter::Verdict> JudgePaths(const store::Task& task, const trigger::SourceFilter& filter,
                                                    const trigger::GitEvent& event);

  const Parts parts_;
  const Context ctx_ = Context::Background().Child();

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Waiting> queue_;                             // guarded by mutex_
  std::set<std::string> busy_;                            // guarded by mutex_: tasks of which one is being judged
  std::chrono::steady_clock::time_point last_refusal_{};  // guarded by mutex_
  uint64_t changes_ = 0;                                  // guarded by mutex_: of the two above
  uint64_t refused_ = 0;                                  // guarded by mutex_: since the last one that was stored
  std::vector<std::jthread> threads_;
};

/// What is stored of an event, and back.
std::string EventToJson(const trigger::GitEvent& event);
Result<trigger::GitEvent> EventFromJson(std::string_view json);

}  // namespace slipway::tasks
