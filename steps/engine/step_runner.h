// StepRunner: executes one step: its delay, its pull, then rounds of attempts under one deadline.
#pragma once

#include <memory>

#include "executor/base/context.h"
#include "executor/base/status.h"
#include "steps/action/action.h"
#include "steps/engine/step_progress.h"
#include "steps/engine/step_result.h"
#include "steps/task/task.h"

namespace slipway::engine {

class StepRunner {
 public:
  /// All must outlive it.
  StepRunner(const task::Step& step, action::Action& action, action::Environment& environment, StepProgress& progress)
      : step_(step), action_(action), environment_(environment), progress_(progress) {}

  /// Fills in all of the result but its state. `timed_out`: the step's own limit ended it.
  void Run(const Context& ctx, StepResult* result, bool* timed_out);

 private:
  Status Rounds(const Context& ctx, StepResult* result);
  Status Attempts(const Context& ctx, StepResult* result);
  Status Once(const Context& ctx, StepResult* result);

  const task::Step& step_;
  action::Action& action_;
  action::Environment& environment_;
  StepProgress& progress_;
};

}  // namespace slipway::engine
