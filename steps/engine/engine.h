// The engine: runs a task step after step. The first failure ends it; each step has its own time limit.
//
// Runs in the calling thread. It knows no run table and no log: who wants to show what happens gives an Observer.
#pragma once

#include <chrono>
#include <string>

#include "executor/base/context.h"
#include "executor/base/progress.h"
#include "executor/base/status.h"
#include "executor/builder/builder.h"
#include "steps/action/report.h"
#include "steps/engine/step_result.h"
#include "steps/task/task.h"

namespace slipway::engine {

/// Is told what happens in a run: what belongs to no step (ProgressSink), steps, and what happens in them. Thread-safe.
class Observer : public ProgressSink {
 public:
  virtual void OnStepStarted(const task::Step& step) = 0;
  /// Something in the work of a step. Vertices are unique within their step; the one that is called like the step is
  /// the step's own program (of a cmd step).
  virtual void OnStepEvent(const task::Step& step, const ProgressEvent& event) = 0;
  virtual void OnStepFinished(const task::Step& step, const StepResult& result) = 0;
};

struct Outcome {
  /// OK, or that of the step that failed (with its cause as the step gave it).
  Status status;
  std::string failed_step;        ///< "" if none
  bool step_timed_out = false;    ///< the failed step took longer than its own limit
  action::Report report;          ///< of all steps that ended well, and of what the failed one had done
  std::vector<StepResult> steps;  ///< of all steps, in the order of the task
};

/// Runs all steps of a valid task (task::Validate).
Outcome Run(const Context& ctx, const task::Task& task, builder::Builder& builder, Observer& observer);

}  // namespace slipway::engine
