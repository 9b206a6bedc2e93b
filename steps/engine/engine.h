// The engine: runs the steps of a task in the order that they wait for each other, several at once.
//
// A step begins when those it waits for ended well and there is room. The first that fails ends the run: its siblings
// are stopped, what has not begun is skipped, and only steps with `runOn: failure` or `always` still run, with their
// own time. Whatever way a run ends, nothing of it goes on afterwards: containers, networks and the workspace are gone
// when Run returns. A service (`detach`) goes on until then.
//
// It knows no run table and no log: who wants to show what happens gives an Observer.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "executor/base/context.h"
#include "executor/base/progress.h"
#include "executor/base/status.h"
#include "executor/builder/builder.h"
#include "steps/action/action.h"
#include "steps/action/report.h"
#include "steps/action/shared_run.h"
#include "steps/engine/step_result.h"
#include "steps/task/task.h"

namespace slipway::engine {

/// Is told what happens in a run: what belongs to no step (ProgressSink), steps, and what happens in them. Thread-safe:
/// several steps work at once.
class Observer : public ProgressSink {
 public:
  virtual void OnStepStarted(const task::Step& step) = 0;
  /// Something in the work of a step. Vertices are unique within their step; the one that is called like the step is
  /// the step's own program (of a cmd step). That of a service may come until Run returns.
  virtual void OnStepEvent(const task::Step& step, const ProgressEvent& event) = 0;
  virtual void OnStepFinished(const task::Step& step, const StepResult& result) = 0;
};

struct Outcome {
  /// OK, or that of the step that failed (with its cause as the step gave it).
  Status status;
  std::string failed_step;        ///< "" if none
  bool step_timed_out = false;    ///< the failed step took longer than its own limit
  bool run_timed_out = false;     ///< the run took longer than RunOptions::timeout
  action::Report report;          ///< of all steps that ended well, and of what the failed one had done
  std::vector<StepResult> steps;  ///< of all steps, in the order of the task
};

/// Steps at once where neither task nor operator says.
inline constexpr size_t kDefaultParallel = 8;

struct RunOptions {
  action::RunSource source;
  /// Of the whole run; 0: none. Steps with `runOn: failure` or `always` may take longer than that, a cancelled context
  /// ends them, too.
  std::chrono::seconds timeout{0};
  /// The operator's bound on the steps of one run at once; a task may ask for less. 0: kDefaultParallel.
  size_t max_parallel = 0;
  /// What steps do; a test puts something else here.
  std::function<std::unique_ptr<action::Action>(const task::Step&)> make_action = &action::MakeAction;
};

/// Runs all steps of a valid task (task::Validate). Blocks until nothing of the run goes on any more.
Outcome Run(const Context& ctx, const task::Task& task, builder::Builder& builder, Observer& observer,
            const RunOptions& options = {});

}  // namespace slipway::engine
