// Dispatcher: takes runs in, keeps them in the queue and executes so many at once. Survives its own death: what was
// accepted is in the store, and Start finds what was active.
//
// Life: construct, Start, (Schedule, Cancel from any thread), Stop. Each run that is executed has a thread.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "daemon/runs/run_logins.h"
#include "daemon/runs/run_queue.h"
#include "daemon/runs/worker.h"
#include "daemon/sources/uploads.h"

namespace slipway::runs {

struct DispatcherOptions {
  size_t max_runs = 2;        ///< executed at once
  size_t max_queued = 10000;  ///< waiting at once
  int max_crashes = 2;        ///< a run that the daemon has died with more often becomes Error
  /// Before a state that could not be stored is tried again; it grows where that goes on.
  std::chrono::milliseconds store_pause{1000};
  task::QuickBuildRules rules;
};

/// A request that was checked (task::Check).
struct ScheduleRequest {
  task::QuickBuild build;
  std::optional<task::FileTask> file_task;  ///< what is to be run instead of it
  std::chrono::seconds timeout{3600};
  std::string request_id;  ///< "" for none
  std::string task;        ///< the stored task that it is a run of; "" for none
  store::RunTrigger trigger;
  RunLogins logins;
  /// Asked while what was uploaded for the run goes to the disk: whether anybody waits for the answer. May be null.
  std::function<Status()> go_on;
};

class Dispatcher {
 public:
  Dispatcher(const Parts& parts, sources::Uploads& uploads, DispatcherOptions options);
  /// Stops at once.
  ~Dispatcher();
  Dispatcher(const Dispatcher&) = delete;
  Dispatcher& operator=(const Dispatcher&) = delete;

  /// Recovers what an earlier daemon has left and begins to execute.
  Status Start();

  /// Stores the run; it and what was uploaded for it are durable when this returns, and it may have begun by then:
  /// where power is lost in between, a run that nobody was told of is gone (and its id is not given again). NOT_FOUND
  /// if its upload is gone, RESOURCE_EXHAUSTED if the queue is full, UNAVAILABLE while stopping.
  Result<store::CreatedRun> Schedule(const ScheduleRequest& request);
  /// What a run of this request would do; nothing is run or stored. Secrets that the file names are "***".
  Result<task::CompiledTask> Render(const Context& ctx, const task::FileTask& request);
  /// As store::RunStore::RequestCancel; an active run is told to stop.
  Result<store::Run> Cancel(const std::string& run_id);

  /// Takes no more runs and begins none. Those under way may end until `grace` is done; then they are stopped and go
  /// back to the queue for the next start. Call once.
  void Stop(const Context& grace);

  size_t active() const;
  /// How far the steps of runs are that are under way.
  const StepBoard& board() const { return board_; }
  size_t max_runs() const { return options_.max_runs; }
  size_t max_queued() const { return options_.max_queued; }

 private:
  using Leases = std::vector<std::shared_ptr<content::Lease>>;

  /// A run that was stored: it waits for a thread from now on.
  void Enqueue(const store::Run& run, Leases leases);
  void Work();
  void ExecuteOne(const std::string& run_id);
  /// Of a run that could not be started for now.
  void PutBack(const std::string& run_id);
  /// Leases on the uploads that a run is made from. NOT_FOUND if one is gone.
  Result<Leases> PinUploads(const std::string& location, const task::QuickBuildInputs& inputs);
  void Unpin(const std::string& run_id);

  const Parts parts_;
  sources::Uploads& uploads_;
  const DispatcherOptions options_;
  StepBoard board_;
  const Context halt_ = Context::Background().Child();  // cancelled when the grace of a stop is over
  const Worker worker_;
  RunQueue queue_;

  std::atomic<uint64_t> renderings_{0};  // so many were begun

  mutable std::mutex mutex_;
  std::condition_variable_any idle_;
  bool stopping_ = false;                                     // guarded by mutex_
  std::map<std::string, std::shared_ptr<ActiveRun>> active_;  // guarded by mutex_
  std::map<std::string, Leases> pins_;                        // guarded by mutex_; of unfinished runs
  std::vector<std::thread> threads_;
};

}  // namespace slipway::runs
