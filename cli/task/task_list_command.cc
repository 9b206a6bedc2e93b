// slipway task show, list, delete.
#include <unistd.h>

#include <iostream>
#include <memory>

#include <nlohmann/json.hpp>

#include "cli/task/commands.h"
#include "cli/task/task_client.h"
#include "cli/task/task_format.h"
#include "cli/task/task_json.h"
#include "cli/task/task_words.h"
#include "cli/terminal.h"

namespace slipway::cli {

namespace {

struct Words {
  std::string name;
  FormChoice form;
  bool yes = false;
  AcrWords acr;
};

int Show(Connection& connection, const Words& words) {
  const Result<v1::Task> task = GetTask(connection, words.name);
  if (!task.ok()) return Fail(task.status());
  PrintOne(words.form, TaskJson(*task, TextFor(words.form)), TaskTable({&*task, 1}));
  return kExitOk;
}

int List(Connection& connection, const Words& words) {
  const Result<std::vector<v1::Task>> tasks = ListTasks(connection);
  if (!tasks.ok()) return Fail(tasks.status());
  auto json = nlohmann::ordered_json::array();
  for (const v1::Task& task : *tasks) json.push_back(TaskJson(task, TextFor(words.form)));
  PrintList(words.form, json, TaskTable(*tasks));
  return kExitOk;
}

Status Confirm(const Words& words) {
  if (words.yes) return {};
  if (::isatty(STDIN_FILENO) != 1) return InvalidArgument("nobody is there to confirm it; say --yes");
  WriteText(STDERR_FILENO, fmt::format("Are you sure you want to delete the task '{}'? (y/n): ", words.name));
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "yes" ? Status() : Cancelled("task '{}' was not deleted", words.name);
}

int Delete(Connection& connection, const Words& words) {
  if (const Status status = Confirm(words); !status.ok()) return Misuse(status);
  v1::DeleteTaskRequest request;
  request.set_name(words.name);
  v1::DeleteTaskResponse response;
  Call call(Context::Background(), kCallTimeout);
  if (const grpc::Status status = connection.tasks().DeleteTask(call.context(), request, &response); !status.ok()) {
    return Fail(connection.Failure(status, fmt::format("delete task '{}'", words.name)));
  }
  WriteText(STDERR_FILENO, fmt::format("Task {} was deleted; its runs stay\n", words.name));
  return kExitOk;
}

}  // namespace

void AddTaskShow(CLI::App& group, CommandLine& line) {
  auto words = std::make_shared<Words>();
  CLI::App* command = group.add_subcommand("show", "Show a task; 'slipway apply' takes what '-o yaml' prints");
  AddTaskName(*command, &words->name);
  AddFormOption(*command, &words->form);
  AddAcrOptions(*command, &words->acr);
  command->add_flag("--with-secure-properties")->group("");  // of az; values of secrets are never shown
  OnChosen(*command, line, [words](Connection& connection) { return Show(connection, *words); });
}

void AddTaskList(CLI::App& group, CommandLine& line) {
  auto words = std::make_shared<Words>();
  CLI::App* command = group.add_subcommand("list", "List tasks by name");
  AddFormOption(*command, &words->form);
  AddAcrOptions(*command, &words->acr);
  OnChosen(*command, line, [words](Connection& connection) { return List(connection, *words); });
}

void AddTaskDelete(CLI::App& group, CommandLine& line) {
  auto words = std::make_shared<Words>();
  CLI::App* command = group.add_subcommand("delete", "Delete a task; its runs stay and go on");
  AddTaskName(*command, &words->name);
  AddAcrOptions(*command, &words->acr);
  command->add_flag("-y,--yes", words->yes, "Do not ask");
  OnChosen(*command, line, [words](Connection& connection) { return Delete(connection, *words); });
}

}  // namespace slipway::cli
