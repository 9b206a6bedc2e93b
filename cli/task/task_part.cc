#include "cli/task/task_part.h"

#include "cli/task/commands.h"
#include "cli/task/task_words.h"

namespace slipway::cli {

CLI::App* AddPartCommand(CLI::App& group, PartWords* words, const char* name, const char* help) {
  CLI::App* command = group.add_subcommand(name, help);
  AddTaskName(*command, &words->task);
  AddFormOption(*command, &words->form);
  AddAcrOptions(*command, &words->acr);
  return command;
}

int PrintTaskPart(Connection& connection, const PartWords& words, PrintPart print) {
  if (const Status status = CheckAcrWords(words.acr); !status.ok()) return Misuse(status);
  const Result<v1::Task> task = GetTask(connection, words.task);
  if (!task.ok()) return Fail(task.status());
  print(words.form, *task);
  return kExitOk;
}

int ChangeTaskPart(Connection& connection, const PartWords& words, PrintPart print, const TaskChange& change) {
  if (const Status status = CheckAcrWords(words.acr); !status.ok()) return Misuse(status);
  const Result<v1::Task> task = ChangeTask(connection, words.task, change);
  if (!task.ok()) return Fail(task.status());
  print(words.form, *task);
  return kExitOk;
}

}  // namespace slipway::cli
