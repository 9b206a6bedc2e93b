#include "steps/engine/step_runner.h"

#include "executor/base/clock.h"

namespace slipway::engine {

void StepRunner::Run(const Context& ctx, StepResult* result, bool* timed_out) {
  const auto before = [&]() -> Status {
    if (step_.start_delay.count() > 0) {
      action::Say(progress_,
                  fmt::format("Waiting {} seconds before executing step ID: {}", step_.start_delay.count(), step_.id));
      SLIPWAY_RETURN_IF_ERROR(ctx.Sleep(step_.start_delay));
    }
    return action_.Prepare(ctx, environment_);
  };
  result->status = before();
  result->start = Clock::Real().System();
  if (result->status.ok()) {
    const Context step_ctx = ctx.WithTimeout(step_.timeout, fmt::format("step '{}'", step_.id));
    result->status = Rounds(step_ctx, result);
    *timed_out = result->status.code() == Code::kDeadlineExceeded && !ctx.Done() &&
                 step_ctx.Err().code() == Code::kDeadlineExceeded;
  }
  result->exit_code = environment_.exit_code;
  result->finish = Clock::Real().System();
}

// All rounds are run, whatever becomes of them; only the deadline and a cancellation end them early.
Status StepRunner::Rounds(const Context& ctx, StepResult* result) {
  Status failed;
  int failures = 0;
  for (int round = 0; round <= step_.repeat; ++round) {
    Status status = Attempts(ctx, result);
    if (ctx.Done() && !status.ok()) return ctx.Err();
    if (status.ok()) continue;
    failed = ++failures == 1 ? std::move(status) : Status(failed.code(), failed.message() + ", " + status.message());
  }
  return failed;
}

Status StepRunner::Attempts(const Context& ctx, StepResult* result) {
  for (int left = step_.retries;; --left) {
    progress_.ResetWatch();
    const Status status = Once(ctx, result);
    if (status.ok() || ctx.Done()) return status;
    const bool fits = step_.retry_on_errors.empty() || progress_.Seen(status);
    if (left <= 0 || !fits) {
      if (step_.retries > 0) {
        action::Say(progress_, fmt::format("Container failed during run: {}. No retries remaining.", step_.id));
      }
      return status;
    }
    action::Say(progress_, fmt::format("Container failed during run: {}, waiting {} seconds before retrying...",
                                       step_.id, step_.retry_delay.count()));
    SLIPWAY_RETURN_IF_ERROR(ctx.Sleep(step_.retry_delay));
  }
}

Status StepRunner::Once(const Context& ctx, StepResult* result) {
  SLIPWAY_RETURN_IF_ERROR(ctx.Err());
  ++result->attempts;
  if (step_.attempt_timeout.count() <= 0) return action_.Run(ctx, environment_);
  const Context attempt =
      ctx.WithTimeout(step_.attempt_timeout, fmt::format("attempt {} of step '{}'", result->attempts, step_.id));
  return action_.Run(attempt, environment_);
}

}  // namespace slipway::engine
