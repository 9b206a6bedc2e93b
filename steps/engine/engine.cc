#include "steps/engine/engine.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "steps/engine/scheduler.h"
#include "steps/engine/step_progress.h"
#include "steps/engine/step_runner.h"

namespace slipway::engine {

namespace {

size_t Limit(const task::Task& task, const RunOptions& options) {
  const size_t bound = options.max_parallel == 0 ? kDefaultParallel : options.max_parallel;
  return task.max_parallel > 0 ? std::min(bound, static_cast<size_t>(task.max_parallel)) : bound;
}

// Reports of the steps as one, in the order of the task.
void Merge(const action::Report& part, action::Report* all) {
  const size_t first = all->builds.size();
  all->builds.insert(all->builds.end(), part.builds.begin(), part.builds.end());
  for (action::Report::Output output : part.outputs) {
    output.build += first;
    all->outputs.push_back(std::move(output));
  }
  if (!part.digest.empty()) all->digest = part.digest;
  if (part.kept != nullptr) {
    all->kept = part.kept;
    all->kept_outputs = part.kept_outputs;
  }
  if (!part.revision.empty()) all->revision = part.revision;
  all->vertices += part.vertices;
  all->cached += part.cached;
  all->layers_pushed += part.layers_pushed;
  all->layers_mounted += part.layers_mounted;
  all->layers_there += part.layers_there;
  all->cache_steps.insert(all->cache_steps.end(), part.cache_steps.begin(), part.cache_steps.end());
}

void MarkPushed(const std::vector<action::PushedName>& pushed, action::Report* all) {
  for (const action::PushedName& name : pushed) {
    for (action::Report::Output& output : all->outputs) {
      if (!(output.name == name.name)) continue;
      output.digest = name.digest;
      output.pushed = true;
    }
  }
}

class Execution {
 public:
  Execution(const Context& ctx, const task::Task& task, builder::Builder& builder, Observer& observer,
            const RunOptions& options)
      : task_(task),
        observer_(observer),
        options_(options),
        caller_(ctx),
        run_(options.timeout.count() > 0 ? ctx.WithTimeout(options.timeout, "the run") : ctx.Child()),
        good_way_(run_.Child()),
        shared_(builder, task, options.source, observer),
        scheduler_(task) {
    for (const task::Step& step : task.steps) {
      nodes_.push_back(std::make_unique<Node>(step, shared_, observer));
      outcome_.steps.push_back({.id = step.id, .kind = std::string(step.kind())});
    }
  }

  Outcome Run() {
    Loop();
    for (const auto& node : nodes_) {
      if (node->thread.joinable()) node->thread.join();
    }
    shared_.EndServices();
    for (const auto& node : nodes_) Merge(node->environment.report, &outcome_.report);
    for (const auto& node : nodes_) MarkPushed(node->environment.pushed, &outcome_.report);
    return std::move(outcome_);
  }

 private:
  struct Node {
    Node(const task::Step& s, action::SharedRun& run, Observer& observer)
        : step(s),
          progress(observer, s),
          environment{.run = run, .progress = progress, .report = {}, .pushed = {}, .exit_code = {}} {}
    const task::Step& step;
    StepProgress progress;
    action::Environment environment;
    std::thread thread;
  };

  // Steps begin here and nowhere else, in the order of the task; each works in a thread of its own.
  void Loop() {
    std::unique_lock lock(mutex_);
    while (true) {
      CheckRun();
      std::vector<size_t> starting;
      for (const size_t step : scheduler_.Ready()) {
        if (scheduler_.running() >= Limit(task_, options_)) break;
        scheduler_.Begin(step);
        starting.push_back(step);
      }
      if (scheduler_.running() == 0) return;
      const size_t seen = ends_;
      lock.unlock();
      for (const size_t step : starting) {
        observer_.OnStepStarted(nodes_[step]->step);
        nodes_[step]->thread = std::thread([this, step] { Work(step); });
      }
      lock.lock();
      // A step ends soon after its context; why that ended is seen above.
      changed_.wait(lock, [this, seen] { return ends_ != seen; });
    }
  }

  // What is known of the run itself before steps begin. mutex_ is held.
  void CheckRun() {
    if (const Status status = caller_.Err(); !status.ok()) {
      scheduler_.Stop();
      if (outcome_.status.ok()) outcome_.status = status;
    } else if (const Status over = run_.Err(); !over.ok() && outcome_.status.ok() && AnyLeft()) {
      outcome_.status = over;
      outcome_.run_timed_out = true;
      scheduler_.Fail();
    }
  }

  // Whether a step of the good way is still to be run.
  bool AnyLeft() const {
    for (size_t i = 0; i < nodes_.size(); ++i) {
      if (scheduler_.phase(i) == Scheduler::Phase::kWaiting && nodes_[i]->step.run_on == task::RunOn::kSuccess) {
        return true;
      }
    }
    return false;
  }

  void Work(size_t number) {
    Node& node = *nodes_[number];
    StepResult result = outcome_.steps[number];  // nobody else touches it before End
    bool timed_out = false;
    // Neither a failure nor the run's time ends a clean-up.
    const Context& ctx = node.step.run_on == task::RunOn::kSuccess ? good_way_ : caller_;
    try {
      const std::unique_ptr<action::Action> action = options_.make_action(node.step);
      StepRunner(node.step, *action, node.environment, node.progress).Run(ctx, &result, &timed_out);
    } catch (const std::exception& e) {
      result.status = Internal("the step was ended by an exception: {}", e.what());
    }
    result.errors_ignored = node.step.ignore_errors && !result.status.ok() && !ctx.Done();
    if (result.errors_ignored) {
      action::Say(node.progress, fmt::format("Step ID: {} encountered an error: {}, but is set to ignore errors. "
                                             "Continuing...",
                                             node.step.id, result.status.message()));
    }
    result.state = StateOf(result, ctx);
    observer_.OnStepFinished(node.step, result);
    End(number, std::move(result), timed_out);
  }

  static StepState StateOf(const StepResult& result, const Context& ctx) {
    if (result.status.ok() || result.errors_ignored) return StepState::kSuccessful;
    return ctx.Done() ? StepState::kCanceled : StepState::kFailed;
  }

  void End(size_t number, StepResult result, bool timed_out) {
    const std::lock_guard lock(mutex_);
    const bool well = result.state == StepState::kSuccessful;
    scheduler_.End(number, well);
    ++ends_;
    if (!well) NoteFailure(result, timed_out);
    outcome_.steps[number] = std::move(result);
    changed_.notify_all();
  }

  // The first failure is the run's; what was stopped for it is none of its own. mutex_ is held.
  void NoteFailure(const StepResult& result, bool timed_out) {
    if (outcome_.status.ok()) {
      outcome_.run_timed_out = options_.timeout.count() > 0 && !caller_.Done() &&
                               run_.Err().code() == Code::kDeadlineExceeded && result.state == StepState::kCanceled;
      outcome_.status = result.status;
      outcome_.failed_step = result.id;
      outcome_.step_timed_out = timed_out;
    }
    good_way_.Cancel(Cancelled("step '{}' failed", result.id));
  }

  const task::Task& task_;
  Observer& observer_;
  const RunOptions& options_;
  const Context caller_;
  const Context run_;       // ends with the run's time
  const Context good_way_;  // ends with the first failure
  action::SharedRun shared_;

  std::mutex mutex_;
  std::condition_variable changed_;
  size_t ends_ = 0;      // guarded by mutex_: of steps
  Scheduler scheduler_;  // guarded by mutex_
  std::vector<std::unique_ptr<Node>> nodes_;
  Outcome outcome_;  // guarded by mutex_ while steps run
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

Outcome Run(const Context& ctx, const task::Task& task, builder::Builder& builder, Observer& observer,
            const RunOptions& options) {
  if (Status status = task::Validate(task); !status.ok()) {
    Outcome outcome;
    outcome.status = std::move(status);
    return outcome;
  }
  return Execution(ctx, task, builder, observer, options).Run();
}

}  // namespace slipway::engine
