// slipway task create: stores a task.
#include <unistd.h>

#include <memory>

#include <nlohmann/json.hpp>

#include "cli/enum_text.h"
#include "cli/task/commands.h"
#include "cli/task/public_url.h"
#include "cli/task/task_format.h"
#include "cli/task/task_json.h"
#include "cli/task/task_step.h"
#include "cli/task/task_triggers.h"
#include "cli/task/task_words.h"
#include "cli/terminal.h"

namespace slipway::cli {

namespace {

Result<v1::Task> MakeTask(const TaskWords& words) {
  SLIPWAY_RETURN_IF_ERROR(CheckAcrWords(words.acr));
  v1::Task task;
  task.set_name(words.name);
  task.set_status(words.status ? ParseEnum<v1::TaskStatus>(*words.status).value() : v1::TASK_STATUS_ENABLED);
  SLIPWAY_RETURN_IF_ERROR(FillStep(words.step, &task));
  SLIPWAY_RETURN_IF_ERROR(FillTriggers(words, &task));
  task.set_context_access_token(words.step.git_access_token.value_or(""));
  return task;
}

int Create(Connection& connection, const TaskWords& words) {
  Result<v1::Task> task = MakeTask(words);
  if (!task.ok()) return Misuse(task.status());
  v1::CreateTaskRequest request;
  *request.mutable_task() = *std::move(task);
  v1::Task created;
  Call call(Context::Background(), kCallTimeout);
  if (const grpc::Status status = connection.tasks().CreateTask(call.context(), request, &created); !status.ok()) {
    return Fail(connection.Failure(status, fmt::format("create task '{}'", words.name)));
  }
  PrintOne(words.form, TaskJson(created, TextFor(words.form)), TaskTable({&created, 1}));
  WriteText(STDERR_FILENO, WebhookText(created, PublicUrl(connection)));
  return kExitOk;
}

}  // namespace

void AddTaskCreate(CLI::App& group, CommandLine& line) {
  auto words = std::make_shared<TaskWords>();
  CLI::App* command = group.add_subcommand("create", "Store a task: a Dockerfile, a task file or a command to be run");
  AddTaskOptions(*command, words.get());
  command->get_option("--context")->required();
  OnChosen(*command, line, [words](Connection& connection) { return Create(connection, *words); });
}

}  // namespace slipway::cli
