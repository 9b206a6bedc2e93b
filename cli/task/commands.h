// The commands below `slipway task`, one file each or a few that belong together.
#pragma once

#include <functional>
#include <string>

#include "cli/command.h"
#include "cli/connection.h"

namespace slipway::cli {

void AddTaskCreate(CLI::App& group, CommandLine& line);
void AddTaskUpdate(CLI::App& group, CommandLine& line);
void AddTaskShow(CLI::App& group, CommandLine& line);
void AddTaskList(CLI::App& group, CommandLine& line);
void AddTaskDelete(CLI::App& group, CommandLine& line);
/// enable, disable
void AddTaskSwitches(CLI::App& group, CommandLine& line);
void AddTaskRun(CLI::App& group, CommandLine& line);
/// list-runs, logs, cancel-run, show-run, update-run
void AddTaskRuns(CLI::App& group, CommandLine& line);
void AddTaskTimer(CLI::App& group, CommandLine& line);
void AddTaskCredential(CLI::App& group, CommandLine& line);
/// deliveries, replay
void AddTaskDeliveries(CLI::App& group, CommandLine& line);

/// What a command does with the daemon; the exit code.
using CommandBody = std::function<int(Connection& connection)>;
/// Makes `body` what is run if the command is chosen. The connection is opened for it.
void OnChosen(CLI::App& command, CommandLine& line, CommandBody body);

/// Prints what is wrong with the words of the command line; kExitUsage.
int Misuse(const Status& status);

}  // namespace slipway::cli
