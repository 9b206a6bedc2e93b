// Worker: executes one run from Started to its final state (or back to Queued): secrets, task, engine, log, record.
//
// Without state of its own; thread-safe. What it is given must outlive it.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <string>

#include "daemon/agents/agent_hub.h"
#include "daemon/logs/archive.h"
#include "daemon/runs/kept_images.h"
#include "daemon/runs/outcome.h"
#include "daemon/runs/run_logins.h"
#include "daemon/runs/step_board.h"
#include "daemon/runs/task_preparation.h"
#include "daemon/secrets/sealer.h"
#include "daemon/store/run_store.h"
#include "executor/base/clock.h"
#include "executor/base/context.h"
#include "executor/builder/builder.h"
#include "steps/task/quick_build.h"

namespace slipway::runs {

/// Parts of the daemon that runs need.
struct Parts {
  store::RunStore& store;
  logs::Archive& archive;
  const secrets::Sealer& sealer;
  builder::Builder& builder;
  const Clock& clock;
  KeptImages& kept;
  agents::AgentHub& agents;
  TaskServices tasks = {};
  /// Told of a run after each state that it was stored with, from the thread that did it: must not wait for anything.
  /// What was told is told again after a crash, at worst.
  std::function<void(const store::Run&)> on_run = {};
};

/// A run that is being executed.
struct ActiveRun {
  const Context ctx = Context::Background().Child();  ///< cancelled by Cancel and by a shutdown
  std::atomic<StopCause> cause{StopCause::kNone};
};

class Worker {
 public:
  /// `board` must outlive it. `store_pause`: before a state that could not be stored is tried again; `halt` is
  /// cancelled when nothing is tried for long any more.
  Worker(const Parts& parts, task::QuickBuildRules rules, StepBoard& board, Context halt,
         std::chrono::milliseconds store_pause)
      : parts_(parts), rules_(std::move(rules)), board_(board), halt_(std::move(halt)), store_pause_(store_pause) {}

  /// Returns when the run is in a final state or queued again. Nothing if it is not Queued any more. False if that it
  /// has begun cannot be stored for now: it is Queued as before, and is to be executed later.
  [[nodiscard]] bool Execute(const std::string& run_id, ActiveRun& active) const;

 private:
  /// What a run is to do, with its secrets.
  struct Job {
    task::QuickBuild build;
    std::optional<task::FileTask> file_task;
    RunLogins logins;
  };
  /// How it went, and what became of its steps.
  struct Done {
    engine::Outcome outcome;
    std::vector<store::Step> steps;
  };
  Result<Job> Unseal(const store::Run& run) const;
  Done RunJob(const store::Run& run, const Job& job, const Context& ctx, logs::Recorder& recorder) const;
  Done RunBuild(const store::Run& run, const Job& job, const Context& ctx, logs::Recorder& recorder) const;
  Done RunFile(const store::Run& run, const Job& job, const Context& ctx, logs::Recorder& recorder) const;
  void Attempt(const store::Run& run, ActiveRun& active) const;
  void End(const store::Run& run, const Done& done, store::RunState state, logs::Recorder* recorder,
           std::chrono::steady_clock::time_point begin) const;
  Result<store::Run> StoreEnd(const std::string& run_id, store::RunState state, const store::RunResult& result) const;
  Status SaveCacheSteps(const std::string& run_id, std::vector<CacheStep> steps, const logs::Recorder& recorder) const;
  void QueueAgain(const store::Run& run, logs::Recorder& recorder) const;

  const Parts parts_;
  const task::QuickBuildRules rules_;
  StepBoard& board_;
  const Context halt_;
  const std::chrono::milliseconds store_pause_;
};

}  // namespace slipway::runs
