#include "steps/engine/engine.h"

#include "steps/action/action.h"

namespace slipway::engine {

namespace {

// Whether the step's own limit has ended it, rather than something around it.
bool TimedOut(const Context& run, const Context& step, const Status& status) {
  return status.code() == Code::kDeadlineExceeded && !run.Done() && step.Err().code() == Code::kDeadlineExceeded;
}

// Hands the events of a step on with their step.
class StepProgress : public ProgressSink {
 public:
  StepProgress(Observer& observer, const task::Step& step) : observer_(observer), step_(step) {}
  void OnEvent(const ProgressEvent& event) override { observer_.OnStepEvent(step_, event); }

 private:
  Observer& observer_;
  const task::Step& step_;
};

}  // namespace

std::string_view StepStateName(StepState state) {
  switch (state) {
    case StepState::kSkipped: return "skipped";
    case StepState::kInProgress: return "in progress";
    case StepState::kSuccessful: return "successful";
    case StepState::kFailed: return "failed";
    case StepState::kCanceled: return "canceled";
  }
  return "?";
}

Outcome Run(const Context& ctx, const task::Task& task, builder::Builder& builder, Observer& observer) {
  Outcome outcome;
  if (outcome.status = task::Validate(task); !outcome.status.ok()) return outcome;
  for (const task::Step& step : task.steps) {
    outcome.steps.push_back({.id = step.id, .kind = std::string(step.kind())});
  }
  action::Report report;
  std::map<std::string, std::shared_ptr<const builder::BuiltImage>> images;
  for (size_t i = 0; i < task.steps.size(); ++i) {
    const task::Step& step = task.steps[i];
    if (outcome.status = ctx.Err(); !outcome.status.ok()) break;
    observer.OnStepStarted(step);
    StepProgress progress(observer, step);
    action::Environment environment{.builder = builder,
                                    .progress = progress,
                                    .step = step.id,
                                    .images = std::move(images),
                                    .report = std::move(report)};
    StepResult& result = outcome.steps[i];
    result.start = Clock::Real().System();
    result.attempts = 1;
    const Context step_ctx = ctx.WithTimeout(step.timeout, fmt::format("step '{}'", step.id));
    const Status status = action::MakeAction(step)->Run(step_ctx, environment);
    images = std::move(environment.images);
    report = std::move(environment.report);
    result.finish = Clock::Real().System();
    result.status = status;
    result.state = status.ok() ? StepState::kSuccessful : ctx.Done() ? StepState::kCanceled : StepState::kFailed;
    observer.OnStepFinished(step, result);
    if (status.ok()) continue;
    outcome.step_timed_out = TimedOut(ctx, step_ctx, status);
    outcome.failed_step = step.id;
    outcome.status = status;
    break;
  }
  outcome.report = std::move(report);
  return outcome;
}

}  // namespace slipway::engine
