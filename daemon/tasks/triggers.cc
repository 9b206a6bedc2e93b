#include "daemon/tasks/triggers.h"

#include "daemon/tasks/pinned_source.h"
#include "daemon/tasks/task_secrets.h"
#include "executor/base/log.h"

namespace slipway::tasks {

namespace {

using Kind = store::RunTrigger::Kind;

constexpr size_t kMostOlder = 1000;

// Whether what a run was built from is what its task is built from. A pull request is no more than a proposal.
bool TellsBases(const store::Run& run) {
  return !run.task.empty() && run.state == store::RunState::kSucceeded && run.trigger.kind != Kind::kPullRequest;
}

// Whether both are about one branch, tag or pull request.
bool SameLine(const store::RunTrigger& a, const store::RunTrigger& b) {
  if (a.kind != b.kind || a.name != b.name) return false;
  if (a.kind == Kind::kPullRequest) return a.pull_request == b.pull_request;
  return a.kind == Kind::kCommit && a.branch == b.branch && a.tag == b.tag;
}

}  // namespace

Triggers::Triggers(const Parts& parts) : parts_(parts) {
  timers_ = std::make_unique<TaskTimers>(
      parts_.tasks, [this](const store::Task& task, const store::RunTrigger& trigger, const std::string& request_id) {
        return StartRun({.task = task, .trigger = trigger, .request_id = request_id});
      });
  intake_ = std::make_unique<HookIntake>(HookIntake::Parts{
      .tasks = parts_.tasks,
      .sealer = parts_.sealer,
      .clock = parts_.clock,
      .start_run =
          [this](const store::Task& task, const store::RunTrigger& trigger, bool with_secrets,
                 const std::string& request_id) {
            return StartRun({.task = task, .trigger = trigger, .with_secrets = with_secrets, .request_id = request_id});
          },
      .cancel_older = [this](const store::Task& task, const store::RunTrigger& newer,
                             const std::string& except) { CancelOlder(task, newer, except); },
      .changed_paths = [this](const Context& ctx, const store::Task& task, const std::string& url,
                              const std::string& before,
                              const std::string& after) { return ChangedPaths(ctx, task, url, before, after); }});
  WatchBases();
}

Triggers::~Triggers() { Stop(); }

void Triggers::WatchBases() {
  if (parts_.transport != nullptr) notices_ = std::make_unique<UpdateNotices>(*parts_.transport);
  BaseChanges::Parts parts{
      .tasks = parts_.tasks,
      .runs = parts_.runs,
      .clock = parts_.clock,
      .lookup = [this](const Context& ctx, const oci::Reference& image) { return parts_.builder.Lookup(ctx, image); },
      .start_run = [this](const TaskStart& start) { return starter_->Start(start); },
      .on_started =
          [this](const StartedByImage& started) {
            if (notices_ != nullptr) notices_->Add(started.task, started.run);
          }};
  bases_ = std::make_unique<BaseWatch>(std::move(parts), parts_.bases);
}

Status Triggers::Start(runs::Dispatcher& dispatcher) {
  dispatcher_ = &dispatcher;
  starter_ = std::make_unique<TaskStarter>(dispatcher, parts_.sealer);
  SLIPWAY_RETURN_IF_ERROR(CatchUpBases().With("what tasks were built from"));
  thread_ = std::jthread([this](const std::stop_token& stop) { Work(stop); });
  SLIPWAY_RETURN_IF_ERROR(intake_->Start().With("deliveries"));
  if (notices_ != nullptr) notices_->Start();
  SLIPWAY_RETURN_IF_ERROR(bases_->Start().With("images that tasks stand on"));
  return timers_->Start().With("timers");
}

void Triggers::Stop() {
  intake_.reset();
  timers_.reset();
  if (thread_.joinable()) {
    thread_.request_stop();
    thread_.join();
  }
  bases_.reset();
  notices_.reset();
}

void Triggers::AddRoutes(web::Router& router) {
  intake_->AddRoutes(router);
  bases_->AddRoutes(router);
}

void Triggers::OnRun(const store::Run& run) {
  const bool pushed = store::IsFinal(run.state) && !run.result.output_images.empty();
  if (!TellsBases(run) && !pushed) return;
  {
    const std::lock_guard lock(mutex_);
    ended_.push_back(run);
  }
  changed_.notify_one();
}

Status Triggers::TaskChanged(const std::string& task) { return timers_->Changed(task); }

std::optional<SystemTime> Triggers::NextTime(const std::string& task, const std::string& timer) const {
  return timers_->NextTime(task, timer);
}

Result<store::Delivery> Triggers::Replay(int64_t number) {
  SLIPWAY_ASSIGN_OR_RETURN(const store::Delivery delivery, parts_.tasks.GetDelivery(number));
  const bool refused = delivery.verdict == store::Verdict::kRefused;
  if (delivery.sender == kRegistrySender && !refused) return bases_->Replay(delivery);
  return intake_->Replay(number);
}

Result<std::string> Triggers::StartRun(const TaskStart& start) const {
  const Result<store::CreatedRun> created = starter_->Start(start);
  // Not a failure of the task: the next start of the daemon asks again.
  if (created.code() == Code::kUnavailable) return Cancelled("{}", created.status().message());
  if (!created.ok()) return created.status();
  return created->run.id;
}

void Triggers::CancelOlder(const store::Task& task, const store::RunTrigger& newer, const std::string& except) const {
  const store::RunFilter filter{
      .states = {store::RunState::kQueued, store::RunState::kStarted, store::RunState::kRunning},
      .task = task.name,
      .triggers = {newer.kind}};
  const Result<store::Run> run = parts_.runs.Get(except);
  const Result<store::RunPage> others = parts_.runs.List(filter, kMostOlder, "");
  if (!run.ok() || !others.ok()) {
    spdlog::error("task '{}': runs before '{}' are not canceled: {}", task.name, except,
                  (run.ok() ? others.status() : run.status()).message());
    return;
  }
  for (const store::Run& older : others->runs) {
    if (older.number >= run->number || !SameLine(older.trigger, newer)) continue;
    log::ForRun(older.id)->info("superseded by run {}", except);
    const Result<store::Run> canceled = dispatcher_->Cancel(older.id);
    if (!canceled.ok() && canceled.code() != Code::kFailedPrecondition) {
      log::ForRun(older.id)->error("not canceled: {}", canceled.status().message());
    }
  }
}

Result<std::vector<std::string>> Triggers::ChangedPaths(const Context& ctx, const store::Task& task,
                                                        const std::string& url, const std::string& before,
                                                        const std::string& after) const {
  SLIPWAY_ASSIGN_OR_RETURN(const TaskSecrets secrets, TaskSecrets::Open(task, parts_.sealer));
  // The token is for the host that it was given for.
  const bool ours = SameSourceHost(url, SourceOf(task));
  return parts_.builder.ChangedPaths(ctx, ours ? SourceWithToken(url, secrets.Get("context")) : url, before, after);
}

// A daemon that died may have known the end of a run, and not yet what its task is built from.
Status Triggers::CatchUpBases() const {
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<store::Task> tasks, parts_.tasks.All());
  store::RunFilter filter{.states = {store::RunState::kSucceeded},
                          .triggers = {Kind::kManual, Kind::kCommit, Kind::kTimer, Kind::kImageUpdate}};
  for (const store::Task& task : tasks) {
    filter.task = task.name;
    SLIPWAY_ASSIGN_OR_RETURN(const store::RunPage last, parts_.runs.List(filter, 1, ""));
    // An older one was of another task of that name.
    if (last.runs.empty() || last.runs.front().create_time < task.create_time) continue;
    KeepBases(last.runs.front());
  }
  return Status();
}

void Triggers::KeepBases(const store::Run& run) const {
  const Status kept = parts_.tasks.SetBases(run.task, run.result.base_images);
  if (!kept.ok()) log::ForRun(run.id)->error("what it was built from is not kept: {}", kept.message());
}

void Triggers::Work(const std::stop_token& stop) {
  while (true) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait(lock, stop, [this] { return !ended_.empty(); })) return;
    const store::Run run = std::move(ended_.front());
    ended_.pop_front();
    lock.unlock();
    if (TellsBases(run)) KeepBases(run);
    // Only now: who stands on what it has pushed may be the very task.
    bases_->OnRun(run);
  }
}

}  // namespace slipway::tasks
