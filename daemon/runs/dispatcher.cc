#include "daemon/runs/dispatcher.h"

#include "daemon/runs/recovery.h"
#include "daemon/runs/run_secrets.h"
#include "executor/base/log.h"

namespace slipway::runs {

using store::Run;

Dispatcher::Dispatcher(const Parts& parts, sources::Uploads& uploads, DispatcherOptions options)
    : parts_(parts),
      uploads_(uploads),
      options_(std::move(options)),
      worker_(parts, options_.rules, board_, halt_, options_.store_pause) {}

Dispatcher::~Dispatcher() {
  const Context now = Context::Background().Child();
  now.Cancel(Cancelled("no grace"));
  Stop(now);
}

Status Dispatcher::Start() {
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<Run> queued, Recover(parts_, options_.max_crashes));
  for (const Run& run : queued) {
    // A context that is gone is told by the run itself.
    if (Result<Leases> leases = PinUploads(SourceOf(run), run.build.inputs); leases.ok()) {
      const std::lock_guard lock(mutex_);
      pins_[run.id] = std::move(*leases);
    }
    queue_.Push(run.id);
  }
  if (!queued.empty()) spdlog::info("{} runs were waiting", queued.size());
  for (size_t i = 0; i < options_.max_runs; ++i) threads_.emplace_back([this] { Work(); });
  return Status();
}

Result<Dispatcher::Leases> Dispatcher::PinUploads(const std::string& location, const task::QuickBuildInputs& inputs) {
  std::vector<Digest> trees = task::UploadsOf(inputs);
  if (location.starts_with(task::kUploadPrefix)) {
    SLIPWAY_ASSIGN_OR_RETURN(const Digest tree,
                             Digest::Parse(std::string_view(location).substr(task::kUploadPrefix.size())));
    trees.push_back(tree);
  }
  Leases leases;
  for (const Digest& tree : trees) {
    SLIPWAY_ASSIGN_OR_RETURN(leases.emplace_back(), uploads_.Pin(tree));
  }
  return leases;
}

Result<store::CreatedRun> Dispatcher::Schedule(const ScheduleRequest& request) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return Unavailable("the daemon is stopping");
  }
  store::NewRun fresh{.build = {},
                      .file_task = {},
                      .timeout = request.timeout,
                      .request_id = request.request_id,
                      .task = request.task,
                      .trigger = request.trigger,
                      .now = parts_.clock.System(),
                      .seal = {},
                      .max_queued = options_.max_queued};
  std::string secrets;
  if (request.file_task) {
    SplitTask split = SplitSecrets(*request.file_task);
    fresh.file_task = std::move(split.open);
    secrets = std::move(split.secrets);
  } else {
    SplitBuild split = SplitSecrets(request.build);
    fresh.build = std::move(split.open);
    secrets = std::move(split.secrets);
  }
  secrets = WithLogins(std::move(secrets), request.logins);
  if (!secrets.empty()) {
    fresh.seal = [this, &secrets](const std::string& run_id) { return parts_.sealer.Seal(secrets, run_id); };
  }
  const std::string& location = request.file_task ? request.file_task->source_location : request.build.source_location;
  SLIPWAY_ASSIGN_OR_RETURN(Leases leases, PinUploads(location, request.build.inputs));
  // It begins while the disk takes it in: only the answer waits for that.
  const Leases uploaded = leases;
  fresh.on_seen = [this, &leases](const Run& run) { Enqueue(run, std::move(leases)); };
  Result<store::CreatedRun> created = parts_.store.Create(fresh);
  if (!created.ok()) return created;
  const std::function<Status()> go_on = request.go_on ? request.go_on : [] { return Status(); };
  for (const std::shared_ptr<content::Lease>& lease : uploaded) {
    SLIPWAY_RETURN_IF_ERROR(
        parts_.builder.store()
            .AwaitSynced(*lease, go_on)
            .With(fmt::format("run '{}' goes on, but what was uploaded for it did not reach the disk and may be lost",
                              created->run.id)));
  }
  return created;
}

void Dispatcher::Enqueue(const Run& run, Leases leases) {
  parts_.archive.Expect(run.id);
  if (!leases.empty()) {
    const std::lock_guard lock(mutex_);
    pins_[run.id] = std::move(leases);
  }
  log::ForRun(run.id)->info("queued: {}", SourceOf(run));
  if (parts_.on_run) parts_.on_run(run);
  queue_.Push(run.id);
}

Result<task::CompiledTask> Dispatcher::Render(const Context& ctx, const task::FileTask& request) {
  struct Silence : ProgressSink {
    void OnEvent(const ProgressEvent&) override {}
  };
  SLIPWAY_ASSIGN_OR_RETURN(const Leases leases, PinUploads(request.source_location, {}));
  TaskServices services = parts_.tasks;
  services.resolve_secrets = [](const Context&, const std::vector<task::Secret>& secrets) {
    std::map<std::string, std::string> values;
    for (const task::Secret& secret : secrets) values[secret.id] = "***";
    return Result<std::map<std::string, std::string>>(std::move(values));
  };
  const oci::Platform platform = request.platform.value_or(oci::Platform::Host());
  run_template::RunValues values;
  values.id = fmt::format("dry-{}", ++renderings_);  // no run has such an id
  values.registry = options_.rules.default_registry;
  values.date = parts_.clock.System();
  values.os = platform.os;
  values.architecture = platform.architecture;
  values.shared_volume = fmt::format("acb_vol_{}", values.id);
  task::FileTask open = request;
  for (builder::NamedValue& value : open.values) {
    if (value.secret) value.value = "***";
  }
  Silence silence;
  SLIPWAY_ASSIGN_OR_RETURN(
      PreparedTask prepared,
      PrepareTask(
          ctx,
          {.builder = parts_.builder, .services = services, .rules = options_.rules, .progress = silence, .access = {}},
          open, std::move(values)));
  return std::move(prepared.compiled);
}

Result<Run> Dispatcher::Cancel(const std::string& run_id) {
  SLIPWAY_ASSIGN_OR_RETURN(Run run, parts_.store.RequestCancel(run_id, parts_.clock.System()));
  log::ForRun(run_id)->info("cancel requested while {}", StateName(run.state));
  if (store::IsFinal(run.state)) {
    Unpin(run_id);
    parts_.archive.Close(run_id);
    if (parts_.on_run) parts_.on_run(run);
    return run;
  }
  std::shared_ptr<ActiveRun> active;
  {
    const std::lock_guard lock(mutex_);
    if (const auto it = active_.find(run_id); it != active_.end()) active = it->second;
  }
  if (active != nullptr) {
    StopCause none = StopCause::kNone;
    active->cause.compare_exchange_strong(none, StopCause::kUser);
    active->ctx.Cancel(Cancelled("canceled by request"));
  }
  parts_.archive.Expect(run_id)->StateChanged();
  return run;
}

void Dispatcher::Unpin(const std::string& run_id) {
  Leases leases;  // let go outside of the lock
  const std::lock_guard lock(mutex_);
  if (const auto it = pins_.find(run_id); it != pins_.end()) {
    leases = std::move(it->second);
    pins_.erase(it);
  }
}

void Dispatcher::Work() {
  while (const std::optional<std::string> run_id = queue_.Pop()) ExecuteOne(*run_id);
}

void Dispatcher::ExecuteOne(const std::string& run_id) {
  auto active = std::make_shared<ActiveRun>();
  {
    const std::lock_guard lock(mutex_);
    // Taken at the same moment as the stop came: it stays Queued in the store.
    if (stopping_) return;
    active_[run_id] = active;
  }
  const bool waits = !worker_.Execute(run_id, *active);
  if (!waits) Unpin(run_id);
  {
    const std::lock_guard lock(mutex_);
    active_.erase(run_id);
  }
  idle_.notify_all();
  if (waits) PutBack(run_id);
}

// In front, where it was; what was uploaded for it stays pinned. A thread pauses for it, since it would only take the
// next run, which cannot be started either.
void Dispatcher::PutBack(const std::string& run_id) {
  constexpr int kPauses = 5;
  queue_.PushFront(run_id);
  halt_.Sleep(kPauses * options_.store_pause).Ignore();
}

size_t Dispatcher::active() const {
  const std::lock_guard lock(mutex_);
  return active_.size();
}

void Dispatcher::Stop(const Context& grace) {
  {
    std::unique_lock lock(mutex_);
    stopping_ = true;
    queue_.Close();
    grace.Wait(lock, idle_, [this] { return active_.empty(); }).Ignore();
    for (auto& [id, active] : active_) {
      StopCause none = StopCause::kNone;
      active->cause.compare_exchange_strong(none, StopCause::kShutdown);
      active->ctx.Cancel(Cancelled("the daemon is stopping"));
    }
  }
  halt_.Cancel(Cancelled("the daemon is stopping"));
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

}  // namespace slipway::runs
