// slipway apply: makes stored tasks be as a file says.
//
// First all of it is read and checked by the daemon, then changed: a mistake in the last task leaves the first ones as
// they were. A task that is as it should be is not touched, so that a second time changes nothing.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include "cli/apply/task_diff.h"
#include "cli/apply/task_reader.h"
#include "cli/command.h"
#include "cli/connection.h"
#include "cli/standard_input.h"
#include "cli/task/public_url.h"
#include "cli/task/task_client.h"
#include "cli/task/task_format.h"
#include "cli/terminal.h"
#include "executor/base/fs.h"

namespace slipway::cli {

namespace {

constexpr uint64_t kMaxFileBytes = 4U << 20;
constexpr int kTries = 5;

struct ApplyOptions {
  std::vector<std::string> files;
  bool dry_run = false;
};

// What is to be done with one task.
struct Plan {
  enum class Kind { kCreate, kUpdate, kUnchanged };
  Kind kind = Kind::kUnchanged;
  v1::Task task;     // as it is to be
  std::string etag;  // of the task as it is
  std::string diff;  // of a change
};

using Arguments = google::protobuf::RepeatedPtrField<v1::Argument>;

// Build arguments or values, whatever the step has.
Arguments* ArgumentsOf(v1::Task* task) {
  return task->has_docker_build() ? task->mutable_docker_build()->mutable_arguments()
         : task->has_file_task()  ? task->mutable_file_task()->mutable_values()
                                  : task->mutable_encoded_task()->mutable_values();
}

// A file says nothing of secrets that stand elsewhere: what it leaves out stays as it is.
void KeepSecrets(v1::Task was, v1::Task* task) {
  constexpr const char* kKept = "***";
  const auto keep = [](bool there, std::string* now) {
    if (now->empty() && there) *now = kKept;
  };
  keep(!was.context_access_token().empty(), task->mutable_context_access_token());
  for (v1::SourceTrigger& source : *task->mutable_source_triggers()) {
    for (const v1::SourceTrigger& old : was.source_triggers()) {
      if (old.name() != source.name()) continue;
      keep(!old.secret().empty(), source.mutable_secret());
      keep(!old.status_token().empty(), source.mutable_status_token());
    }
  }
  for (v1::RegistryCredential& login : *task->mutable_credentials()) {
    for (const v1::RegistryCredential& old : was.credentials()) {
      keep(old.login_server() == login.login_server() && !old.password().empty(), login.mutable_password());
    }
  }
  const Arguments& before = *ArgumentsOf(&was);
  for (v1::Argument& argument : *ArgumentsOf(task)) {
    const bool there = std::any_of(before.begin(), before.end(), [&](const v1::Argument& old) {
      return old.is_secret() && old.name() == argument.name();
    });
    if (argument.is_secret()) keep(there, argument.mutable_value());
  }
}

v1::UpdateTaskRequest Whole(const Plan& plan) {
  v1::UpdateTaskRequest request;
  *request.mutable_task() = plan.task;
  request.mutable_task()->set_etag(plan.etag);
  for (const char* path : {"status", "step", "context_access_token", "timer_triggers", "source_triggers",
                           "base_image_trigger", "credentials", "tags"}) {
    request.mutable_update_mask()->add_paths(path);
  }
  return request;
}

class Apply {
 public:
  Apply(Connection& connection, bool dry_run) : connection_(connection), dry_run_(dry_run) {}

  int Run(const std::vector<v1::Task>& tasks) {
    std::vector<Plan> plans;
    for (const v1::Task& task : tasks) {
      Result<Plan> plan = Check(task);
      if (!plan.ok()) return Fail(plan.status());
      plans.push_back(*std::move(plan));
    }
    for (size_t i = 0; i < plans.size(); ++i) {
      if (const Status status = Do(tasks[i], plans[i]); !status.ok()) return Fail(status);
    }
    return kExitOk;
  }

 private:
  Result<Plan> Check(const v1::Task& task) {
    std::string reason;
    const Result<v1::Task> was = GetTask(connection_, task.name(), &reason);
    if (!was.ok() && reason != "TASK_NOT_FOUND") return was.status();
    Plan plan;
    plan.task = task;
    if (!was.ok()) {
      plan.kind = Plan::Kind::kCreate;
      SLIPWAY_ASSIGN_OR_RETURN(const v1::Task made, Create(task, /*validate_only=*/true));
      v1::Task none;
      none.set_name(task.name());
      plan.diff = TaskDiff(none, made);
      return plan;
    }
    KeepSecrets(*was, &plan.task);
    plan.task.set_name(was->name());
    plan.etag = was->etag();
    SLIPWAY_ASSIGN_OR_RETURN(const v1::Task changed, Update(plan, /*validate_only=*/true, nullptr));
    plan.diff = TaskDiff(*was, changed);
    // Of secrets the daemon tells only that something would be another.
    if (plan.diff.empty() && changed.etag() != was->etag()) plan.diff = "  ~ values of secrets\n";
    plan.kind = plan.diff.empty() ? Plan::Kind::kUnchanged : Plan::Kind::kUpdate;
    return plan;
  }

  Status Do(const v1::Task& task, Plan& plan) {
    if (dry_run_ || plan.kind == Plan::Kind::kUnchanged) {
      constexpr std::array<const char*, 3> kWords = {"would be created", "would be changed", "unchanged"};
      Print(fmt::format("task {}: {}\n{}", task.name(), kWords[static_cast<size_t>(plan.kind)], plan.diff));
      return {};
    }
    if (plan.kind == Plan::Kind::kCreate) {
      SLIPWAY_ASSIGN_OR_RETURN(const v1::Task made, Create(task, /*validate_only=*/false));
      Print(fmt::format("task {}: created\n", task.name()));
      TellWebhooks(made);
      return {};
    }
    v1::Task changed;
    std::string reason;
    for (int i = 0;; ++i) {
      Result<v1::Task> updated = Update(plan, /*validate_only=*/false, &reason);
      if (updated.ok()) {
        changed = *std::move(updated);
        break;
      }
      if (reason != "TASK_CHANGED" || i + 1 == kTries) return updated.status();
      SLIPWAY_ASSIGN_OR_RETURN(plan, Check(task));
      if (plan.kind != Plan::Kind::kUpdate) return Do(task, plan);
    }
    Print(fmt::format("task {}: changed\n", task.name()));
    TellWebhooks(changed);
    return {};
  }

  Result<v1::Task> Create(const v1::Task& task, bool validate_only) {
    v1::CreateTaskRequest request;
    *request.mutable_task() = task;
    request.set_validate_only(validate_only);
    v1::Task made;
    Call call(Context::Background(), kCallTimeout);
    const grpc::Status status = connection_.tasks().CreateTask(call.context(), request, &made);
    if (!status.ok()) return connection_.Failure(status, fmt::format("create task '{}'", task.name()));
    return made;
  }

  Result<v1::Task> Update(const Plan& plan, bool validate_only, std::string* reason) {
    v1::UpdateTaskRequest request = Whole(plan);
    request.set_validate_only(validate_only);
    v1::Task changed;
    Call call(Context::Background(), kCallTimeout);
    const grpc::Status status = connection_.tasks().UpdateTask(call.context(), request, &changed);
    if (!status.ok()) return connection_.Failure(status, fmt::format("update task '{}'", plan.task.name()), reason);
    return changed;
  }

  // Of secrets that were drawn just now.
  void TellWebhooks(const v1::Task& task) {
    v1::Task fresh = task;
    auto* sources = fresh.mutable_source_triggers();
    for (auto at = sources->begin(); at != sources->end();) {
      at = at->secret().empty() || at->secret() == "***" ? sources->erase(at) : at + 1;
    }
    if (!sources->empty()) WriteText(STDERR_FILENO, WebhookText(fresh, PublicUrl(connection_)));
  }

  Connection& connection_;
  const bool dry_run_;
};

Result<std::vector<v1::Task>> ReadFiles(const std::vector<std::string>& files) {
  std::vector<v1::Task> tasks;
  for (const std::string& file : files) {
    const bool piped = file == "-";
    SLIPWAY_ASSIGN_OR_RETURN(const std::string text, piped ? ReadStandardInput(STDIN_FILENO, kMaxFileBytes, "the tasks")
                                                           : fs::ReadFile(file, kMaxFileBytes));
    SLIPWAY_ASSIGN_OR_RETURN(DeclaredTasks declared,
                             ReadTasks(text, piped ? "stdin" : file, piped ? "" : std::string(fs::DirName(file))));
    for (const std::string& note : declared.notes) WriteText(STDERR_FILENO, fmt::format("note: {}\n", note));
    if (declared.tasks.empty()) return InvalidArgument("there is no task in '{}'", file);
    for (v1::Task& task : declared.tasks) tasks.push_back(std::move(task));
  }
  return tasks;
}

int Run(const std::string& server, const ApplyOptions& options) {
  const Result<std::vector<v1::Task>> tasks = ReadFiles(options.files);
  if (!tasks.ok()) return Fail(tasks.status());
  auto connection = Connection::Open(server);
  if (!connection.ok()) return Fail(connection.status());
  return Apply(**connection, options.dry_run).Run(*tasks);
}

}  // namespace

void AddApply(CommandLine& line) {
  auto options = std::make_shared<ApplyOptions>();
  CLI::App* command = line.app->add_subcommand("apply", "Make stored tasks be as a file says");
  command
      ->add_option(
          "-f,--file,--filename", options->files,
          "YAML or JSON with one or more tasks, as 'slipway task show -o yaml' prints them; '-' reads standard "
          "input; repeatable")
      ->type_name("FILE")
      ->allow_extra_args(false)
      ->required();
  command->add_flag("--dry-run", options->dry_run, "Print what would change, and change nothing");
  command->callback([&line, options] { line.run = [&line, options] { return Run(line.server, *options); }; });
}

}  // namespace slipway::cli
