#include "steps/engine/engine.h"

#include "steps/action/action.h"

namespace slipway::engine {

namespace {

// Whether the step's own limit has ended it, rather than something around it.
bool TimedOut(const Context& run, const Context& step, const Status& status) {
  return status.code() == Code::kDeadlineExceeded && !run.Done() && step.Err().code() == Code::kDeadlineExceeded;
}

}  // namespace

Outcome Run(const Context& ctx, const task::Task& task, builder::Builder& builder, Observer& observer) {
  Outcome outcome;
  if (outcome.status = task::Validate(task); !outcome.status.ok()) return outcome;
  action::Environment environment{.builder = builder, .progress = observer, .images = {}, .report = {}};
  for (const task::Step& step : task.steps) {
    if (outcome.status = ctx.Err(); !outcome.status.ok()) break;
    observer.OnStepStarted(step);
    const auto begin = std::chrono::steady_clock::now();
    const Context step_ctx = ctx.WithTimeout(step.timeout, fmt::format("step '{}'", step.id));
    const Status status = action::MakeAction(step)->Run(step_ctx, environment);
    observer.OnStepFinished(step, status, std::chrono::steady_clock::now() - begin);
    if (status.ok()) continue;
    outcome.step_timed_out = TimedOut(ctx, step_ctx, status);
    outcome.failed_step = step.id;
    outcome.status = status;
    break;
  }
  outcome.report = std::move(environment.report);
  return outcome;
}

}  // namespace slipway::engine
