#include "cli/task/task_part.h"

#include <utility>

#include "cli/task/task_words.h"

namespace slipway::cli {

CLI::App* AddPartCommand(CLI::App& group, PartWords* words, const char* name, const char* help) {
  CLI::App* command = group.add_subcommand(name, help);
  AddTaskName(*command, &words->task);
  AddFormOption(*command, &words->form);
  AddAcrOptions(*command, &words->acr);
  return command;
}

void OnPartChosen(CLI::App& command, CommandLine& line, const std::shared_ptr<PartWords>& words, CommandBody body) {
  OnChosen(command, line, [words, body = std::move(body)](Connection& connection) {
    const Status status = CheckAcrWords(words->acr);
    return status.ok() ? body(connection) : Misuse(status);
  });
}

int PrintTaskPart(Connection& connection, const PartWords& words, PrintPart print) {
  const Result<v1::Task> task = GetTask(connection, words.task);
  if (!task.ok()) return Fail(task.status());
  print(words.form, *task);
  return kExitOk;
}

int ChangeTaskPart(Connection& connection, const PartWords& words, PrintPart print, const TaskChange& change) {
  const Result<v1::Task> task = ChangeTask(connection, words.task, change);
  if (!task.ok()) return Fail(task.status());
  print(words.form, *task);
  return kExitOk;
}

}  // namespace slipway::cli
