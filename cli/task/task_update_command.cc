// slipway task update, enable, disable: change what is given of a task, and nothing else.
#include <unistd.h>

#include <memory>

#include <nlohmann/json.hpp>

#include "cli/enum_text.h"
#include "cli/task/commands.h"
#include "cli/task/task_client.h"
#include "cli/task/task_format.h"
#include "cli/task/task_json.h"
#include "cli/task/task_step.h"
#include "cli/task/task_triggers.h"
#include "cli/task/task_words.h"

namespace slipway::cli {

namespace {

Status Change(const TaskWords& words, const v1::Task& was, v1::UpdateTaskRequest* request) {
  SLIPWAY_RETURN_IF_ERROR(ChangeStep(words.step, was, request));
  SLIPWAY_RETURN_IF_ERROR(ChangeTriggers(words, was, request));
  auto* mask = request->mutable_update_mask();
  if (words.status) {
    request->mutable_task()->set_status(ParseEnum<v1::TaskStatus>(*words.status).value());
    mask->add_paths("status");
  }
  if (words.step.git_access_token) {
    request->mutable_task()->set_context_access_token(*words.step.git_access_token);
    mask->add_paths("context_access_token");
  }
  return mask->paths().empty() ? InvalidArgument("nothing is to be changed: give what is to be another") : Status();
}

int Update(Connection& connection, const TaskWords& words) {
  if (const Status status = CheckAcrWords(words.acr); !status.ok()) return Misuse(status);
  Status misuse;
  const Result<v1::Task> task = ChangeTask(
      connection, words.name,
      [&](const v1::Task& was, v1::UpdateTaskRequest* request) { return misuse = Change(words, was, request); });
  if (!misuse.ok()) return Misuse(misuse);
  if (!task.ok()) return Fail(task.status());
  PrintOne(words.form, TaskJson(*task, TextFor(words.form)), TaskTable({&*task, 1}));
  return kExitOk;
}

int Switch(Connection& connection, const std::string& name, v1::TaskStatus wanted) {
  const Result<v1::Task> task = ChangeTask(connection, name, [&](const v1::Task& was, v1::UpdateTaskRequest* request) {
    const bool enabled = was.status() != v1::TASK_STATUS_DISABLED;
    if (enabled == (wanted == v1::TASK_STATUS_ENABLED)) return Status();
    request->mutable_task()->set_status(wanted);
    request->mutable_update_mask()->add_paths("status");
    return Status();
  });
  if (!task.ok()) return Fail(task.status());
  Print(fmt::format("Task {} is {}\n", task->name(), wanted == v1::TASK_STATUS_ENABLED ? "enabled" : "disabled"));
  return kExitOk;
}

void AddSwitchCommand(CLI::App& group, CommandLine& line, const char* name, const char* help, v1::TaskStatus wanted) {
  struct Words {
    std::string name;
    AcrWords acr;
  };
  auto words = std::make_shared<Words>();
  CLI::App* command = group.add_subcommand(name, help);
  AddTaskName(*command, &words->name);
  AddAcrOptions(*command, &words->acr);
  OnChosen(*command, line, [words, wanted](Connection& connection) { return Switch(connection, words->name, wanted); });
}

}  // namespace

void AddTaskUpdate(CLI::App& group, CommandLine& line) {
  auto words = std::make_shared<TaskWords>();
  CLI::App* command = group.add_subcommand("update", "Change what is given of a task, and nothing else");
  AddTaskOptions(*command, words.get());
  OnChosen(*command, line, [words](Connection& connection) { return Update(connection, *words); });
}

void AddTaskSwitches(CLI::App& group, CommandLine& line) {
  AddSwitchCommand(group, line, "enable", "Let triggers start a task", v1::TASK_STATUS_ENABLED);
  AddSwitchCommand(group, line, "disable", "Let no trigger start a task", v1::TASK_STATUS_DISABLED);
}

}  // namespace slipway::cli
