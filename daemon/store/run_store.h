// RunStore: where runs are kept. Each call is one transaction; what a call has returned is on disk, but for Start and
// SetRunning: loss of power within about a second may take these back (unless somebody is to be told of them), and the
// run is then begun from where it was. Readers may see a change up to a disk write before it is on disk.
//
// The state machine of run.h is kept here: a transition that it does not have is FAILED_PRECONDITION and changes
// nothing. All functions may be called from any thread and block for the time of a disk write.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "daemon/store/run.h"

namespace slipway::store {

struct NewRun {
  task::QuickBuild build;                   ///< without secrets
  std::optional<task::FileTask> file_task;  ///< what is to be run instead of it; without secrets
  std::chrono::seconds timeout{3600};
  std::string request_id;  ///< "" for none
  std::string task;        ///< as Run::task
  RunTrigger trigger;
  SystemTime now;
  /// Gives the sealed secrets for the id that the run gets. May be empty.
  std::function<Result<std::string>(const std::string& run_id)> seal;
  /// RESOURCE_EXHAUSTED if so many runs are queued; 0: no bound.
  size_t max_queued = 0;
  /// Called with the new run when other calls find it and, unless somebody is to be told of the run, before it is on
  /// disk: what begins then need not wait for the disk. Also where the disk fails then, and Create with it. May be
  /// empty.
  std::function<void(const Run&)> on_seen = {};
};

struct CreatedRun {
  Run run;
  bool existed = false;  ///< there was one with the same request_id; nothing was stored
};

/// Conditions that must all hold; what is not set holds always.
struct RunFilter {
  std::vector<RunState> states;
  std::optional<RunType> type;
  std::optional<SystemTime> create_time_from;
  std::optional<SystemTime> create_time_before;
  /// Parts that are empty fit all; the repository must be set.
  std::optional<Image> output_image;
  std::string task;  ///< "": of all tasks and none; any case
  std::vector<RunTrigger::Kind> triggers;
  std::optional<bool> archived;
};

struct RunPage {
  std::vector<Run> runs;  ///< newest first
  std::string next_page_token;
};

/// Which ended runs are kept for long: those that any of these rules keeps, and archived ones. Without a rule all are.
struct Retention {
  std::optional<int64_t> from;            ///< those with this number or a later one; nothing: no such rule
  std::optional<SystemTime> ended_since;  ///< those that ended then or later; nothing: no such rule
};

class RunStore {
 public:
  virtual ~RunStore() = default;

  virtual Result<CreatedRun> Create(const NewRun& request) = 0;
  /// NOT_FOUND if there is none.
  virtual Result<Run> Get(const std::string& id) = 0;
  /// INVALID_ARGUMENT for a page token that was not given for the same filter.
  virtual Result<RunPage> List(const RunFilter& filter, size_t page_size, const std::string& page_token) = 0;
  /// Queued and active runs, oldest first.
  virtual Result<std::vector<Run>> Unfinished() = 0;
  /// How many runs are queued, and how many of these come before run `number`.
  struct QueueInfo {
    uint32_t queued = 0;
    uint32_t before = 0;
  };
  virtual Result<QueueInfo> Queue(int64_t number) = 0;

  /// Queued → Started.
  virtual Result<Run> Start(const std::string& id, SystemTime now) = 0;
  /// Started → Running.
  virtual Result<Run> SetRunning(const std::string& id, SystemTime now) = 0;
  /// → a final state. Its secrets are removed.
  virtual Result<Run> Finish(const std::string& id, RunState state, const RunResult& result, SystemTime now) = 0;
  /// Active → Queued, as a further attempt. `crashed`: the daemon had died, rather than been stopped.
  virtual Result<Run> Requeue(const std::string& id, bool crashed, SystemTime now) = 0;
  /// Archives it or not. NOT_FOUND.
  virtual Result<Run> SetArchived(const std::string& id, bool archived, SystemTime now) = 0;
  /// A queued run becomes Canceled, an active one is marked. FAILED_PRECONDITION if it has ended.
  virtual Result<Run> RequestCancel(const std::string& id, SystemTime now) = 0;

  /// Puts a run's secrets, sealed anew, in place of the old. Nothing if it has none any more.
  virtual Status Reseal(const std::string& id, const std::string& sealed) = 0;
  /// The number of the oldest of the `count` newest runs that have ended and are not archived; `count` is at least 1.
  /// Nothing if there are fewer.
  virtual Result<std::optional<int64_t>> OldestOfNewest(uint64_t count) = 0;
  /// Removes ended runs that `kept` does not keep, the oldest first and `limit` at most; their ids.
  virtual Result<std::vector<std::string>> Forget(const Retention& kept, size_t limit) = 0;

  /// The first two characters of all ids; chosen when the store was made.
  virtual const std::string& run_id_prefix() const = 0;
};

}  // namespace slipway::store
