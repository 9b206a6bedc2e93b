#include "daemon/runs/worker.h"

#include "daemon/runs/run_secrets.h"
#include "executor/base/log.h"

namespace slipway::runs {

namespace {

using store::Run;
using store::RunState;

// A state that cannot be stored now may be stored in a moment (a full disk, a busy file).
constexpr int kStoreAttempts = 5;
constexpr std::chrono::seconds kStorePause{1};

template <typename Call>
Status Persist(const Call& call) {
  Status status;
  for (int i = 0; i < kStoreAttempts; ++i) {
    status = call();
    const bool again = status.code() == Code::kResourceExhausted || status.code() == Code::kUnavailable ||
                       status.code() == Code::kUnknown;
    if (!again) break;
    Context::Background().Sleep(kStorePause).Ignore();
  }
  return status;
}

engine::Outcome Failure(Status status) {
  engine::Outcome outcome;
  outcome.status = std::move(status);
  return outcome;
}

run_template::RunValues ValuesOf(const Run& run, const task::QuickBuildRules& rules) {
  const oci::Platform platform = run.build.platforms.empty() ? oci::Platform::Host() : run.build.platforms.front();
  return {.id = run.id,
          .registry = rules.default_registry,
          .date = run.start_time.value_or(run.create_time),
          .os = platform.os,
          .architecture = platform.architecture,
          .task_name = ""};
}

}  // namespace

void Worker::Execute(const std::string& run_id, ActiveRun& active) const {
  const Result<Run> run = parts_.store.Start(run_id, parts_.clock.System());
  if (!run.ok()) {
    // Canceled while it waited.
    if (run.code() != Code::kFailedPrecondition) log::ForRun(run_id)->error("not started: {}", run.status().message());
    return;
  }
  parts_.archive.Expect(run_id)->StateChanged();
  Attempt(*run, active);
}

void Worker::Attempt(const Run& run, ActiveRun& active) const {
  const auto logger = log::ForRun(run.id);
  const auto begin = std::chrono::steady_clock::now();
  logger->info("started, attempt {}", run.attempt);

  Result<std::string> secrets = std::string();
  if (!run.sealed.empty()) secrets = parts_.sealer.Unseal(run.sealed, run.id);
  Result<task::QuickBuild> build = secrets.ok() ? JoinSecrets(run.build, *secrets) : std::move(secrets).status();
  auto masker = std::make_shared<const secrets::Masker>(build.ok() ? SecretValues(*build) : std::vector<std::string>());
  Result<std::unique_ptr<logs::Recorder>> recorder = parts_.archive.Record(run.id, masker);
  if (!recorder.ok()) return End(run, Failure(std::move(recorder).status()), RunState::kError, nullptr, begin);
  if (!build.ok()) return End(run, Failure(std::move(build).status()), RunState::kError, recorder->get(), begin);
  if (run.attempt > 1) (*recorder)->AttemptStarted(run.attempt, "begun anew, since the daemon had stopped meanwhile");

  if (const Result<Run> running = parts_.store.SetRunning(run.id, parts_.clock.System()); !running.ok()) {
    return End(run, Failure(running.status()), RunState::kError, recorder->get(), begin);
  }
  parts_.archive.Expect(run.id)->StateChanged();
  if (!build->inputs.ssh.empty()) build->inputs.agents = parts_.agents.Open(run.id);
  const Context ctx = active.ctx.WithTimeout(run.timeout, "the run");
  const engine::Outcome outcome = RunTask(run, *build, ctx, **recorder);
  const std::optional<RunState> state = Judge(outcome, active.cause.load(), ctx);
  if (!state) return QueueAgain(run, **recorder);
  End(run, outcome, *state, recorder->get(), begin);
}

engine::Outcome Worker::RunTask(const Run& run, const task::QuickBuild& build, const Context& ctx,
                                logs::Recorder& recorder) const try {
  const Result<task::Task> task = task::MakeTask(build, ValuesOf(run, rules_), rules_);
  if (!task.ok()) return Failure(task.status());
  return engine::Run(ctx, *task, parts_.builder, recorder);
} catch (const std::exception& e) {
  // The last net: one run must not take the others down.
  return Failure(Internal("the run was ended by an exception: {}", e.what()));
}

void Worker::End(const Run& run, const engine::Outcome& outcome, RunState state, logs::Recorder* recorder,
                 std::chrono::steady_clock::time_point begin) const {
  const auto logger = log::ForRun(run.id);
  store::RunResult result = MakeResult(state, outcome, run.timeout);
  if (recorder != nullptr) {
    result.error_message = recorder->Mask(result.error_message);
    if (const std::string dependencies = action::DependencyText(outcome.report);
        state == RunState::kSucceeded && !dependencies.empty()) {
      recorder->Line("The following dependencies were found:");
      recorder->Raw("\n" + dependencies + "\n");
    }
    if (outcome.report.vertices > 0) recorder->Line(action::SummaryText(outcome.report));
    recorder->Raw(LastLine(run.id, state, result, std::chrono::steady_clock::now() - begin));
    if (const Status status = recorder->Close(); !status.ok()) logger->warn("log: {}", status.message());
  }
  const Status stored =
      Persist([&] { return parts_.store.Finish(run.id, state, result, parts_.clock.System()).status(); });
  if (stored.ok()) {
    logger->info("{} after {}{}{}", StateName(state), FormatDuration(std::chrono::steady_clock::now() - begin),
                 result.error_message.empty() ? "" : ": ", result.error_message);
  } else {
    // It stays active in the store, and the next start of the daemon finds it.
    logger->critical("its end ({}) cannot be stored: {}", StateName(state), stored.message());
  }
  parts_.archive.Close(run.id);
  parts_.agents.Close(run.id);
}

void Worker::QueueAgain(const Run& run, logs::Recorder& recorder) const {
  const auto logger = log::ForRun(run.id);
  recorder.Line("The daemon is stopping; the run goes back to the queue");
  recorder.Close().Ignore();
  const Status stored = Persist([&] { return parts_.store.Requeue(run.id, false, parts_.clock.System()).status(); });
  if (stored.ok()) {
    logger->info("queued again, the daemon is stopping");
  } else {
    logger->critical("cannot be queued again: {}", stored.message());
  }
  parts_.archive.Expect(run.id)->StateChanged();
}

}  // namespace slipway::runs
