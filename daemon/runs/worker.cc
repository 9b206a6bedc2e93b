#include "daemon/runs/worker.h"

#include <algorithm>

#include "daemon/runs/run_secrets.h"
#include "daemon/runs/source_names.h"
#include "executor/base/log.h"
#include "steps/task/secret_limits.h"

namespace slipway::runs {

namespace {

using store::Run;
using store::RunState;

// A state that cannot be stored now may be stored in a moment (a full disk, a busy file).
constexpr int kStoreAttempts = 5;
constexpr int kLongestPause = 30;  // in pauses of the options

bool MayPass(const Status& status) {
  return status.code() == Code::kResourceExhausted || status.code() == Code::kUnavailable ||
         status.code() == Code::kUnknown;
}

template <typename Call>
Status Persist(std::chrono::milliseconds pause, const Call& call) {
  Status status;
  for (int i = 0; i < kStoreAttempts; ++i) {
    status = call();
    if (!MayPass(status)) break;
    Context::Background().Sleep(pause).Ignore();
  }
  return status;
}

engine::Outcome Failure(Status status) {
  engine::Outcome outcome;
  outcome.status = std::move(status);
  return outcome;
}

// What is left of the time that a run may take.
std::chrono::seconds TimeLeft(const Run& run, std::chrono::steady_clock::time_point begin) {
  const auto used = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - begin);
  return std::max(std::chrono::seconds(1), run.timeout - used);
}

// What a task file that strangers may have written gets for the secrets that it names.
Result<std::map<std::string, std::string>> NoSecrets(const Context&, const std::vector<task::Secret>& secrets) {
  std::map<std::string, std::string> values;
  for (const task::Secret& secret : secrets) values[secret.id] = "";
  return values;
}

run_template::RunValues ValuesOf(const Run& run, const task::QuickBuildRules& rules) {
  oci::Platform platform = run.build.platforms.empty() ? oci::Platform::Host() : run.build.platforms.front();
  if (run.file_task && run.file_task->platform) platform = *run.file_task->platform;
  return {.id = run.id,
          .registry = rules.default_registry,
          .date = run.start_time.value_or(run.create_time),
          .os = platform.os,
          .architecture = platform.architecture,
          .task_name = run.task,
          .commit = run.trigger.commit,
          .branch = run.trigger.branch,
          .git_tag = run.trigger.tag,
          .repository = run.trigger.repository_url,
          .triggered_by = run.task.empty() ? "" : std::string(store::TriggerName(run.trigger.kind)),
          .shared_volume = fmt::format("acb_vol_{}", run.id)};
}

}  // namespace

bool Worker::Execute(const std::string& run_id, ActiveRun& active) const {
  std::optional<Run> run;
  const Status started = Persist(store_pause_, [&]() -> Status {
    SLIPWAY_ASSIGN_OR_RETURN(run, parts_.store.Start(run_id, parts_.clock.System()));
    return Status();
  });
  if (started.ok()) {
    parts_.archive.Expect(run_id)->StateChanged();
    Attempt(*run, active);
    return true;
  }
  // Canceled while it waited; perhaps before it was expected here.
  if (const auto as_it_is = parts_.store.Get(run_id); as_it_is.ok() && store::IsFinal(as_it_is->state)) {
    parts_.archive.Close(run_id);
    return true;
  }
  if (MayPass(started)) {
    log::ForRun(run_id)->warn("cannot be started now and goes on waiting: {}", started.message());
    return false;
  }
  // It stays as it is in the store, and the next start of the daemon finds it.
  log::ForRun(run_id)->critical("cannot be started: {}", started.message());
  return true;
}

void Worker::Attempt(const Run& run, ActiveRun& active) const {
  const auto logger = log::ForRun(run.id);
  const auto begin = std::chrono::steady_clock::now();
  logger->info("started, attempt {}", run.attempt);

  Result<Job> job = Unseal(run);
  std::vector<std::string> hidden;
  if (job.ok()) {
    hidden = job->file_task ? SecretValues(*job->file_task) : SecretValues(job->build);
    for (const RunLogins::Login& login : job->logins.logins) hidden.push_back(login.password);
  }
  auto masker = std::make_shared<const secrets::Masker>(std::move(hidden));
  Result<std::unique_ptr<logs::Recorder>> recorder = parts_.archive.Record(run.id, masker);
  if (!recorder.ok()) return End(run, {Failure(std::move(recorder).status()), {}}, RunState::kError, nullptr, begin);
  if (!job.ok()) return End(run, {Failure(job.status()), {}}, RunState::kError, recorder->get(), begin);
  if (run.attempt > 1) (*recorder)->AttemptStarted(run.attempt, "begun anew, since the daemon had stopped meanwhile");

  std::optional<Run> running;
  Status stored = Persist(store_pause_, [&]() -> Status {
    SLIPWAY_ASSIGN_OR_RETURN(running, parts_.store.SetRunning(run.id, parts_.clock.System()));
    return Status();
  });
  if (!stored.ok()) return End(run, {Failure(std::move(stored)), {}}, RunState::kError, recorder->get(), begin);
  if (parts_.on_run) parts_.on_run(*running);
  parts_.archive.Expect(run.id)->StateChanged();
  if (!job->build.inputs.ssh.empty()) job->build.inputs.agents = parts_.agents.Open(run.id);
  const Done done = RunJob(run, *job, active.ctx, **recorder);
  const std::optional<RunState> state = Judge(done.outcome, active.cause.load());
  if (!state) return QueueAgain(run, **recorder);
  End(run, done, *state, recorder->get(), begin);
}

Result<Worker::Job> Worker::Unseal(const Run& run) const {
  std::string secrets;
  if (!run.sealed.empty()) {
    SLIPWAY_ASSIGN_OR_RETURN(secrets, parts_.sealer.Unseal(run.sealed, run.id));
  }
  Job job;
  SLIPWAY_ASSIGN_OR_RETURN(job.logins, LoginsOf(secrets));
  if (run.file_task) {
    SLIPWAY_ASSIGN_OR_RETURN(job.file_task, JoinSecrets(*run.file_task, secrets));
  } else {
    SLIPWAY_ASSIGN_OR_RETURN(job.build, JoinSecrets(run.build, secrets));
  }
  return job;
}

Worker::Done Worker::RunJob(const Run& run, const Job& job, const Context& ctx, logs::Recorder& recorder) const try {
  return job.file_task ? RunFile(run, job, ctx, recorder) : RunBuild(run, job, ctx, recorder);
} catch (const std::exception& e) {
  // The last net: one run must not take the others down.
  return {Failure(Internal("the run was ended by an exception: {}", e.what())), {}};
}

Worker::Done Worker::RunBuild(const Run& run, const Job& job, const Context& ctx, logs::Recorder& recorder) const {
  const auto begin = std::chrono::steady_clock::now();
  const builder::RegistryAccess access = MakeAccess(job.logins);
  const Context limited = ctx.WithTimeout(run.timeout, "the run");
  task::QuickBuild build = job.build;
  run_template::RunValues values = ValuesOf(run, rules_);
  if (Status named = NameSource(limited, parts_.builder, access, run.id, recorder, &build, &values); !named.ok()) {
    Done failed{Failure(std::move(named)), {}};
    failed.outcome.run_timed_out = limited.Err().code() == Code::kDeadlineExceeded;
    return failed;
  }
  const Result<task::Task> task = task::MakeTask(build, values, rules_);
  if (!task.ok()) return {Failure(task.status()), {}};
  Done done;
  engine::RunOptions options;
  options.source.name = run.id;
  options.source.access = access;
  options.timeout = TimeLeft(run, begin);
  BoardObserver observer(board_, recorder, parts_.clock, run.id, *task);
  done.outcome = engine::Run(ctx, *task, parts_.builder, observer, options);
  done.steps = MakeSteps(*task, done.outcome, recorder.step_ranges());
  return done;
}

Worker::Done Worker::RunFile(const Run& run, const Job& job, const Context& ctx, logs::Recorder& recorder) const {
  const auto begin = std::chrono::steady_clock::now();
  recorder.NameSteps();
  TaskServices services = parts_.tasks;
  if (job.logins.isolated) {
    services.resolve_secrets = NoSecrets;
  } else if (services.resolve_secrets) {
    services.resolve_secrets =
        [this, &recorder](const Context& resolve,
                          const std::vector<task::Secret>& secrets) -> Result<std::map<std::string, std::string>> {
      SLIPWAY_ASSIGN_OR_RETURN(auto values, parts_.tasks.resolve_secrets(resolve, secrets));
      std::vector<std::string> hidden;
      for (const auto& [id, value] : values) {
        if (task::IsTooShortToHide(value)) {
          return FailedPrecondition("secret '{}' has {} bytes; fewer than {} cannot be hidden in the log", id,
                                    value.size(), task::kShortestSecret);
        }
        hidden.push_back(value);
      }
      recorder.Hide(std::move(hidden));
      return values;
    };
  }
  Done done;
  const Context limited = ctx.WithTimeout(run.timeout, "the run");
  const builder::RegistryAccess access = MakeAccess(job.logins);
  const Result<PreparedTask> prepared = PrepareTask(
      limited,
      {.builder = parts_.builder, .services = services, .rules = rules_, .progress = recorder, .access = access},
      *job.file_task, ValuesOf(run, rules_));
  if (!prepared.ok()) {
    done.outcome = Failure(prepared.status());
    done.outcome.run_timed_out = limited.Err().code() == Code::kDeadlineExceeded;
    return done;
  }
  for (const std::string& warning : prepared->compiled.warnings) recorder.Line("WARNING: " + warning);
  const task::Task& task = prepared->compiled.task;
  engine::RunOptions options;
  options.source = {.name = run.id,
                    .context = {},
                    .workbench = prepared->workbench.get(),
                    .revision = prepared->revision,
                    .access = access};
  options.timeout = TimeLeft(run, begin);
  options.max_parallel = parts_.tasks.max_parallel;
  BoardObserver observer(board_, recorder, parts_.clock, run.id, task);
  done.outcome = engine::Run(ctx, task, parts_.builder, observer, options);
  done.steps = MakeSteps(task, done.outcome, recorder.step_ranges());
  return done;
}

void Worker::End(const Run& run, const Done& done, RunState state, logs::Recorder* recorder,
                 std::chrono::steady_clock::time_point begin) const {
  const auto logger = log::ForRun(run.id);
  const engine::Outcome& outcome = done.outcome;
  store::RunResult result = MakeResult(state, outcome, run.timeout);
  result.steps = done.steps;
  if (recorder != nullptr) {
    result.error_message = recorder->Mask(result.error_message);
    for (store::Step& step : result.steps) step.error = recorder->Mask(step.error);
    if (const std::string dependencies = action::DependencyText(outcome.report); !dependencies.empty()) {
      recorder->Line("The following dependencies were found:");
      recorder->Raw("\n" + dependencies + "\n");
    }
    if (outcome.report.vertices > 0) recorder->Line(action::SummaryText(outcome.report));
    if (const Status status = SaveCacheSteps(run.id, outcome.report.cache_steps, *recorder); !status.ok()) {
      logger->warn("what the cache did is not kept: {}", status.message());
    }
    recorder->Raw(LastLine(run.id, state, result, std::chrono::steady_clock::now() - begin));
    if (const Status status = recorder->Close(); !status.ok()) logger->warn("log: {}", status.message());
  }
  // Before the end is known to anybody who would come for it.
  if (state == RunState::kSucceeded && outcome.report.kept != nullptr) {
    parts_.kept.Hold(run.id, {.image = outcome.report.kept, .outputs = outcome.report.kept_outputs});
  }
  const Result<Run> stored = StoreEnd(run.id, state, result);
  if (stored.ok()) {
    if (parts_.on_run) parts_.on_run(*stored);
    logger->info("{} after {}{}{}", StateName(state), FormatDuration(std::chrono::steady_clock::now() - begin),
                 result.error_message.empty() ? "" : ": ", result.error_message);
  } else {
    // It stays active in the store, and the next start of the daemon finds it.
    logger->critical("its end ({}) cannot be stored: {}", StateName(state), stored.status().message());
  }
  board_.End(run.id);
  parts_.archive.Close(run.id);
  parts_.agents.Close(run.id);
}

// Tried until it is stored: a run whose end nobody knows is built and pushed once more. Its thread is not missed, since
// no other run could be started either.
Result<Run> Worker::StoreEnd(const std::string& run_id, RunState state, const store::RunResult& result) const {
  const SystemTime end = parts_.clock.System();
  std::optional<Run> ended;
  const auto store = [&]() -> Status {
    SLIPWAY_ASSIGN_OR_RETURN(ended, parts_.store.Finish(run_id, state, result, end));
    return Status();
  };
  Status stored = Persist(store_pause_, store);
  if (MayPass(stored)) {
    log::ForRun(run_id)->error("its end ({}) cannot be stored yet and is tried again until it can: {}",
                               StateName(state), stored.message());
  }
  auto pause = store_pause_;
  while (MayPass(stored) && halt_.Sleep(pause).ok()) {
    stored = store();
    pause = std::min(2 * pause, kLongestPause * store_pause_);
  }
  if (!stored.ok()) return stored;
  return *std::move(ended);
}

Status Worker::SaveCacheSteps(const std::string& run_id, std::vector<CacheStep> steps,
                              const logs::Recorder& recorder) const {
  if (steps.empty()) return Status();
  for (CacheStep& step : steps) {
    for (std::string* text : {&step.name, &step.subject, &step.before, &step.after}) *text = recorder.Mask(*text);
  }
  return parts_.archive.SaveCacheSteps(run_id, steps);
}

void Worker::QueueAgain(const Run& run, logs::Recorder& recorder) const {
  const auto logger = log::ForRun(run.id);
  recorder.Line("The daemon is stopping; the run goes back to the queue");
  recorder.Close().Ignore();
  board_.End(run.id);
  const Status stored =
      Persist(store_pause_, [&] { return parts_.store.Requeue(run.id, false, parts_.clock.System()).status(); });
  if (stored.ok()) {
    logger->info("queued again, the daemon is stopping");
  } else {
    logger->critical("cannot be queued again: {}", stored.message());
  }
  parts_.archive.Expect(run.id)->StateChanged();
}

}  // namespace slipway::runs
