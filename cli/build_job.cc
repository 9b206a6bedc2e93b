#include "cli/build_job.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include "cli/agent_forwarder.h"
#include "cli/connection.h"
#include "cli/context_packer.h"
#include "cli/context_upload.h"
#include "cli/display.h"
#include "cli/dockerfile_choice.h"
#include "cli/interrupts.h"
#include "cli/named_contexts.h"
#include "cli/output_fetch.h"
#include "cli/private_agent.h"
#include "cli/run_follower.h"
#include "cli/run_format.h"
#include "cli/schedule.h"
#include "cli/source_location.h"
#include "cli/step_format.h"
#include "cli/task/task_client.h"
#include "cli/terminal.h"
#include "cli/text_width.h"
#include "executor/base/clock.h"
#include "executor/base/fs.h"
#include "executor/base/utf8.h"

namespace slipway::cli {

namespace {

constexpr size_t kReaders = 8;
// Before this much is read the daemon is asked whether it would take it.
constexpr uint64_t kAskLimitsFrom = 256U << 20;

std::unique_ptr<Display> MakeDisplay(const BuildOptions& options) {
  if (options.progress == ProgressMode::kQuiet) return MakeQuietDisplay();
  // Where -o asks for it, standard output is for the result alone.
  const bool taken = options.output.format != OutputFormat::kNone || options.output.to_stdout();
  const int fd = taken ? STDERR_FILENO : STDOUT_FILENO;
  const bool live =
      options.progress == ProgressMode::kTty || (options.progress == ProgressMode::kAuto && IsLiveTerminal(fd));
  if (live && options.wait && options.logs) return MakeTtyDisplay(fd, StyleFromEnvironment());
  return MakePlainDisplay(fd, STDERR_FILENO, options.logs);
}

class BuildJob {
 public:
  explicit BuildJob(BuildOptions options) : options_(std::move(options)), ctx_(Context::Background().Child()) {}

  ~BuildJob() {
    interrupts_.reset();  // from here on no signal starts anything
    if (canceller_.joinable()) canceller_.join();
  }

  int Run() {
    // While standard input is read, Ctrl-C ends the process as it always does.
    if (Status status = ChooseSource(); !status.ok()) return Fail(status);
    interrupts_.emplace([this](int signal, int count) { OnSignal(signal, count); });
    display_ = MakeDisplay(options_);
    Status status = Start();
    if (status.ok() && DryRun()) {
      display_->Finish(nullptr);
      Print(options_.output.format == OutputFormat::kJson ? PlanJson(plan_) : PlanText(plan_));
      return kExitOk;
    }
    if (status.ok() && !options_.wait) {
      display_->Finish(nullptr);
      PrintRun(run_);
      return kExitOk;
    }
    if (status.ok()) status = Follow();
    if (!status.ok()) {
      display_->Finish(nullptr);
      PrintFailure(status);
      return signal_ != 0 ? kExitSignal + signal_ : kExitFailed;
    }
    return Conclude();
  }

 private:
  Status ChooseSource() {
    SLIPWAY_RETURN_IF_ERROR(CheckPlaces(options_.output.specs));
    if (options_.stored && options_.context.empty()) return {};  // the task's own
    SLIPWAY_ASSIGN_OR_RETURN(source_, ClassifySource(options_.context));
    if (!IsBuild()) return {};
    SLIPWAY_ASSIGN_OR_RETURN(dockerfile_, ChooseDockerfile(source_, options_.dockerfile, STDIN_FILENO));
    SLIPWAY_ASSIGN_OR_RETURN(named_, NamedContexts::Parse(options_.build_contexts));
    for (const SshFlag& flag : options_.ssh) {
      agent_sockets_[flag.id] = flag.socket;
      if (flag.keys.empty()) continue;
      SLIPWAY_ASSIGN_OR_RETURN(auto agent, PrivateAgent::Start(ctx_, flag.keys));
      agent_sockets_[flag.id] = agent->socket();
      private_agents_.push_back(std::move(agent));
    }
    return {};
  }

  // Up to the run that is queued.
  Status Start() {
    SLIPWAY_ASSIGN_OR_RETURN(connection_, Connection::Open(options_.server));  // connects while we pack
    if (!dockerfile_.note.empty()) display_->Note("note: " + dockerfile_.note);
    if (IsBuild() && options_.request.image_names().empty() && !options_.request.check()) {
      options_.request.set_is_push_enabled(false);
      if (options_.output.specs.empty()) {
        display_->Note("'--image or -t' is not provided. Skipping image push after build.");
      }
    }
    switch (source_.kind) {
      case SourceKind::kFolder: SLIPWAY_RETURN_IF_ERROR(Pack()); break;
      case SourceKind::kRemote: *Location() = source_.text; break;
      case SourceKind::kNone:
      case SourceKind::kStdin:
        if (!options_.context.empty()) *Location() = "/dev/null";
        break;
    }
    SLIPWAY_RETURN_IF_ERROR(PackNamed());
    options_.request.set_docker_file_path(dockerfile_.context_path);  // of a build only, as what follows
    if (dockerfile_.apart) options_.request.set_docker_file_content(dockerfile_.content);
    SLIPWAY_RETURN_IF_ERROR(SendNamed(/*again=*/false));
    SLIPWAY_RETURN_IF_ERROR(source_.kind == SourceKind::kFolder ? SendAndSchedule() : ScheduleWithNamed());
    named_.SaveCaches();
    if (DryRun()) return {};
    if (!agent_sockets_.empty()) {
      forwarder_ = std::make_unique<AgentForwarder>(*connection_, run_.run_id(), agent_sockets_,
                                                    [this](std::string_view text) { display_->Note(text); });
    }
    display_->Note(fmt::format("Queued a {} with ID: {}", IsBuild() ? "build" : "run", run_.run_id()));
    if (options_.wait) display_->Note("Waiting for an agent...");
    display_->SetRun(run_);
    packer_.reset();  // with the contents it kept
    named_ = NamedContexts();
    pool_.reset();
    return {};
  }

  ThreadPool& Pool() {
    if (pool_ == nullptr) {
      const size_t readers = std::clamp<size_t>(std::thread::hardware_concurrency(), 1, kReaders);
      pool_ = std::make_unique<ThreadPool>(readers, "pack");
    }
    return *pool_;
  }

  Status PackNamed() { return named_.HasFolders() ? named_.Pack(ctx_, Pool(), CacheDir(), &reading_) : Status(); }

  Status SendNamed(bool again) {
    return named_.Send(
        ctx_, *connection_, again, &sending_, [this](std::string_view text) { display_->Note(text); },
        &options_.request);
  }

  // Where the main context is not of this machine.
  Status ScheduleWithNamed() {
    std::string reason;
    Status status = Schedule(&reason);
    if (status.ok() || reason != "UPLOAD_NOT_FOUND" || !named_.HasFolders()) return status;
    SLIPWAY_RETURN_IF_ERROR(SendNamed(/*again=*/true));
    return Schedule(nullptr);
  }

  Status Pack() {
    SLIPWAY_ASSIGN_OR_RETURN(std::vector<std::string> patterns, options_.request.check()
                                                                    ? PatternsForCheck(dockerfile_)
                                                                    : ReadIgnorePatterns(source_.text, dockerfile_));
    std::string stored_file;
    if (!options_.stored && !options_.task) KeepIgnoreFile(dockerfile_, &patterns);
    if (options_.stored) {
      SLIPWAY_ASSIGN_OR_RETURN(stored_file, StoredFile());
      if (!stored_file.empty()) patterns.push_back("!" + stored_file);
    }
    SLIPWAY_ASSIGN_OR_RETURN(ContextPacker packer, ContextPacker::Open(Pool(), source_.text, CacheDir()));
    packer_ = std::make_unique<ContextPacker>(std::move(packer));
    display_->Watch([this] {
      return Activity{.what = "Reading context",
                      .unit = "files",
                      .current = reading_.files.load(),
                      .extra = FormatBytes(reading_.bytes.load())};
    });
    SLIPWAY_RETURN_IF_ERROR(packer_->Walk(ctx_, std::move(patterns)));
    if (options_.task) {
      SLIPWAY_RETURN_IF_ERROR(SendTaskApart());
    } else if (options_.stored) {
      if (!stored_file.empty() && !packer_->HasFile(stored_file)) {
        return NotFound("task '{}' runs '{}', which is not in '{}'; name another with --file", options_.stored->name(),
                        stored_file, source_.text);
      }
    } else if (!dockerfile_.apart && !packer_->HasFile(dockerfile_.context_path)) {
      SLIPWAY_RETURN_IF_ERROR(SendApart(&dockerfile_));  // hidden by the ignore file
    }
    if (packer_->bytes_to_read() >= kAskLimitsFrom) SLIPWAY_RETURN_IF_ERROR(CheckLimits());
    SLIPWAY_RETURN_IF_ERROR(packer_->Read(ctx_, &reading_));
    display_->Watch(nullptr);
    return {};
  }

  // The file of a folder that the run of a stored task needs, ignored there or not; "" for a task that brings its own.
  Result<std::string> StoredFile() {
    if (const std::string& file = options_.stored->overrides().file(); !file.empty()) return fs::Clean(file);
    SLIPWAY_ASSIGN_OR_RETURN(const v1::Task task, GetTask(*connection_, options_.stored->name()));
    reached_ = true;
    if (task.has_encoded_task() || !task.docker_build().docker_file_content().empty()) return std::string();
    const std::string& file =
        task.has_docker_build() ? task.docker_build().docker_file_path() : task.file_task().task_file_path();
    if (!file.empty()) return fs::Clean(file);
    return std::string(task.has_docker_build() ? "Dockerfile" : "acb.yaml");
  }

  // A task file that the ignore file hides is sent along.
  Status SendTaskApart() {
    v1::ScheduleRunRequest& request = options_.task->request;
    if (!request.has_file_task() || packer_->HasFile(request.file_task().task_file_path())) return {};
    const v1::FileTaskRequest file = request.file_task();
    SLIPWAY_ASSIGN_OR_RETURN(const std::string text,
                             fs::ReadFile(options_.task->host_path, kMaxDockerfileBytes).With("read the task file"));
    v1::EncodedTaskRequest* encoded = request.mutable_encoded_task();
    encoded->set_task_name(file.task_file_path());
    encoded->set_task_content(utf8::Repair(text));
    encoded->set_values_content(file.values_content());
    *encoded->mutable_values() = file.values();
    if (file.has_platform()) *encoded->mutable_platform() = file.platform();
    if (file.has_timeout()) *encoded->mutable_timeout() = file.timeout();
    encoded->set_strict(file.strict());
    return {};
  }

  bool DryRun() const { return options_.task && options_.task->dry_run; }

  bool IsBuild() const { return !options_.task && !options_.stored; }

  // The source in the request that is made.
  std::string* Location() {
    if (options_.stored) return options_.stored->mutable_overrides()->mutable_source_location();
    if (!options_.task) return options_.request.mutable_source_location();
    v1::ScheduleRunRequest& request = options_.task->request;
    return request.has_file_task() ? request.mutable_file_task()->mutable_source_location()
                                   : request.mutable_encoded_task()->mutable_source_location();
  }

  // Reading what the daemon is sure to refuse would take its time.
  Status CheckLimits() {
    v1::GetInfoResponse info;
    Call call(ctx_, kCallTimeout);
    if (grpc::Status status = connection_->system().GetInfo(call.context(), {}, &info); !status.ok()) {
      return connection_->Failure(status, "get the limits of a context");
    }
    const v1::ContextLimits& limits = info.context_limits();
    if (limits.max_total_bytes() > 0 && packer_->total_bytes() > limits.max_total_bytes()) {
      return ResourceExhausted(
          "the context holds {}; the daemon takes at most {}. List what is not needed in .dockerignore",
          FormatBytes(packer_->total_bytes()), FormatBytes(limits.max_total_bytes()));
    }
    for (const ContextEntry& entry : packer_->entries()) {
      if (limits.max_file_bytes() == 0 || entry.stamp.size <= limits.max_file_bytes()) continue;
      return ResourceExhausted("'{}' of the context has {}; the daemon takes at most {} a file", entry.path,
                               FormatBytes(entry.stamp.size), FormatBytes(limits.max_file_bytes()));
    }
    return {};
  }

  // A context that this daemon is known to have had is not announced again, unless it has forgotten it since.
  Status SendAndSchedule() {
    StatCache& cache = packer_->cache();
    const std::string known = cache.RecallUpload(options_.server, packer_->manifest());
    if (!known.empty()) {
      *Location() = known;
      std::string reason;
      Status status = Schedule(&reason);
      if (status.ok()) {
        display_->Note(fmt::format("Context is unchanged ({}, {}): nothing to send",
                                   Counted(packer_->file_count(), "file"), FormatBytes(packer_->total_bytes())));
        packer_->SaveCache().Ignore();
        return {};
      }
      if (reason != "UPLOAD_NOT_FOUND" && status.code() != Code::kNotFound) return status;
      SLIPWAY_RETURN_IF_ERROR(SendNamed(/*again=*/true));
    }
    SLIPWAY_RETURN_IF_ERROR(Send());
    cache.RememberUpload(options_.server, packer_->manifest(), *Location());
    Status status = ScheduleWithNamed();
    packer_->SaveCache().Ignore();  // only a memory
    return status;
  }

  Status Send() {
    display_->Watch([this] {
      return Activity{.what = "Sending context",
                      .current = sending_.bytes.load(),
                      .total = sending_.bytes_total.load(),
                      .extra = Counted(sending_.files, "file")};
    });
    Result<std::string> location = UploadContext(ctx_, *connection_, *packer_, &sending_);
    display_->Watch(nullptr);
    SLIPWAY_ASSIGN_OR_RETURN(*Location(), std::move(location));
    display_->Note(fmt::format("Sent context ({} of {}, {} of {}) to {}", FormatBytes(sending_.bytes),
                               FormatBytes(packer_->total_bytes()), sending_.files.load(),
                               Counted(packer_->file_count(), "file"), options_.server));
    reached_ = true;
    return {};
  }

  Status Schedule(std::string* reason) {
    if (DryRun()) {
      SLIPWAY_ASSIGN_OR_RETURN(plan_, RenderTask(ctx_, *connection_, options_.task->request, reason));
      return {};
    }
    SLIPWAY_ASSIGN_OR_RETURN(v1::Run run, Queue(reason));
    const std::lock_guard lock(mutex_);
    run_ = std::move(run);
    if (signal_ != 0) CancelRun();
    return {};
  }

  Result<v1::Run> Queue(std::string* reason) {
    if (options_.stored) return RunStoredTask(ctx_, *connection_, *options_.stored, reached_, reason);
    v1::ScheduleRunRequest request;
    if (options_.task) {
      request = options_.task->request;
    } else {
      *request.mutable_docker_build() = options_.request;
    }
    return ScheduleRun(ctx_, *connection_, std::move(request), reached_, reason);
  }

  Status Follow() {
    RunFollower follower(
        *connection_, run_.run_id(), [this](std::string_view text) { display_->Note(text); },
        /*reached=*/true);
    const Context ctx = Context::Background();
    if (display_->feed() == Feed::kLog) {
      SLIPWAY_ASSIGN_OR_RETURN(const v1::RunStatus status,
                               follower.Log(ctx, true, [this](std::string_view data) { display_->Log(data); }));
      final_.set_run_id(run_.run_id());
      final_.set_status(status);
      const bool enough = IsFinal(status) && options_.output.format == OutputFormat::kNone;
      if (enough) return {};
      SLIPWAY_ASSIGN_OR_RETURN(final_, GetRun(ctx, *connection_, run_.run_id()));
      return {};
    }
    const auto sink = [this](const v1::StreamRunEventsResponse& events) { display_->Events(events); };
    SLIPWAY_ASSIGN_OR_RETURN(final_, follower.Events(ctx, display_->feed() == Feed::kStates, sink));
    return {};
  }

  // Says how the run ended.
  int Conclude() {
    display_->Finish(&final_);
    const bool quiet = options_.progress == ProgressMode::kQuiet;
    const bool good = final_.status() == v1::RUN_STATUS_SUCCEEDED;
    if (good) {
      if (Status status = Fetch(quiet); !status.ok()) {
        PrintFailure(status);
        return signal_ != 0 ? kExitSignal + signal_ : kExitFailed;
      }
    }
    const bool silent = options_.output.to_stdout();
    if (options_.output.format != OutputFormat::kNone || (!options_.logs && !silent)) {
      PrintRun(final_);
    } else if (quiet && !silent && good && !final_.summary().digest().empty()) {
      Print(final_.summary().digest() + "\n");
    }
    if (good) return kExitOk;
    if (quiet || !options_.logs) {
      std::string why = final_.run_error_message();
      if (!why.empty()) why = ": " + why;
      PrintFailure(Unknown("run {} {}{}; see 'slipway logs {}'", final_.run_id(), OutcomeText(final_.status()), why,
                           final_.run_id()));
    } else if (display_->feed() == Feed::kLog) {
      WriteText(STDERR_FILENO, final_.status() == v1::RUN_STATUS_CANCELED  ? "Run was canceled\n"
                               : final_.status() == v1::RUN_STATUS_TIMEOUT ? "Run timed out\n"
                                                                           : "Run failed\n");
    }
    const bool canceled_by_us = signal_ != 0 && final_.status() == v1::RUN_STATUS_CANCELED;
    return canceled_by_us ? kExitSignal + signal_ : kExitFailed;
  }

  Status Fetch(bool quiet) {
    const auto note = [quiet](std::string_view text) {
      if (!quiet) WriteText(STDERR_FILENO, fmt::format("{}\n", text));
    };
    return FetchOutputs(fetching_, *connection_, final_.run_id(), options_.output.specs, note);
  }

  void PrintRun(const v1::Run& run) const {
    Print(options_.output.format == OutputFormat::kTable ? RunTable({&run, 1}) : RunJson(run));
  }

  void OnSignal(int signal, int count) {
    if (count > 1) {
      // Nothing of the terminal's state was changed for longer than a write, so there is nothing to put back.
      WriteText(STDERR_FILENO, "\nslipway: left without waiting\n");
      ::_exit(kExitSignal + signal);
    }
    const std::lock_guard lock(mutex_);
    signal_ = signal;
    fetching_.Cancel(Cancelled("interrupted"));
    if (run_.run_id().empty()) {
      ctx_.Cancel(Cancelled("interrupted"));
    } else {
      CancelRun();
    }
  }

  // On a thread of its own, so that a second Ctrl-C is heard while the daemon thinks. Called once, under mutex_.
  void CancelRun() {
    if (canceller_.joinable()) return;
    canceller_ = std::thread([this, id = run_.run_id()] {
      display_->Note(fmt::format("Canceling run {} (press Ctrl-C again to leave at once)", id));
      v1::CancelRunRequest request;
      request.set_run_id(id);
      v1::Run run;
      Call call(Context::Background(), kCallTimeout);
      const grpc::Status status = connection_->runs().CancelRun(call.context(), request, &run);
      // A run that has ended meanwhile is what was wanted.
      if (status.ok() || status.error_code() == grpc::StatusCode::FAILED_PRECONDITION) return;
      display_->Note("slipway: " + connection_->Failure(status, fmt::format("cancel run '{}'", id)).message());
    });
  }

  BuildOptions options_;
  SourceLocation source_;
  DockerfileChoice dockerfile_;
  const Context ctx_;                                       // until the run is queued
  const Context fetching_ = Context::Background().Child();  // when it has succeeded
  std::mutex mutex_;
  std::atomic<int> signal_ = 0;
  v1::Run run_;  // as queued; written under mutex_
  std::thread canceller_;
  std::optional<Interrupts> interrupts_;  // before every other thread, behind all that OnSignal uses
  std::unique_ptr<Display> display_;
  std::unique_ptr<Connection> connection_;
  std::unique_ptr<ThreadPool> pool_;
  std::unique_ptr<ContextPacker> packer_;
  ReadProgress reading_;
  UploadProgress sending_;
  NamedContexts named_;
  std::vector<std::unique_ptr<PrivateAgent>> private_agents_;
  std::map<std::string, std::string> agent_sockets_;  // by id
  std::unique_ptr<AgentForwarder> forwarder_;         // ends before the agents and the connection
  bool reached_ = false;                              // the daemon has answered
  v1::Run final_;
  v1::RenderTaskResponse plan_;  // of a dry run
};

}  // namespace

ProgressMode ParseProgress(std::string_view text) {
  if (text == "plain") return ProgressMode::kPlain;
  if (text == "tty") return ProgressMode::kTty;
  return text == "quiet" ? ProgressMode::kQuiet : ProgressMode::kAuto;
}

void AddRunFlags(CLI::App& command, bool* no_wait, bool* no_logs, std::string* progress) {
  command.add_flag("--no-wait", *no_wait, "Print the queued run and end");
  command.add_flag("--no-logs", *no_logs, "Wait without the log, then print the run");
  command.add_option("--progress", *progress, "auto, plain (the log), tty (a live view) or quiet")
      ->type_name("MODE")
      ->capture_default_str()
      ->check(CLI::IsMember({"auto", "plain", "tty", "quiet"}));
}

int RunBuild(BuildOptions options) { return BuildJob(std::move(options)).Run(); }

}  // namespace slipway::cli
