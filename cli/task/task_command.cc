// slipway task: the group of commands about stored tasks.
#include "cli/task/commands.h"

namespace slipway::cli {

void AddTask(CommandLine& line) {
  CLI::App* group = line.app->add_subcommand("task", "Stored tasks, which run by hand and by themselves");
  group->require_subcommand(1);
  AddTaskCreate(*group, line);
  AddTaskUpdate(*group, line);
  AddTaskShow(*group, line);
  AddTaskList(*group, line);
  AddTaskDelete(*group, line);
  AddTaskSwitches(*group, line);
  AddTaskRun(*group, line);
  AddTaskRuns(*group, line);
  AddTaskTimer(*group, line);
  AddTaskCredential(*group, line);
  AddTaskDeliveries(*group, line);
}

void OnChosen(CLI::App& command, CommandLine& line, CommandBody body) {
  command.callback([&line, body = std::move(body)] {
    line.run = [&line, body] {
      auto connection = Connection::Open(line.server);
      return connection.ok() ? body(**connection) : Fail(connection.status());
    };
  });
}

int Misuse(const Status& status) {
  PrintFailure(status);
  return kExitUsage;
}

}  // namespace slipway::cli
