// Commands: the words of the command line. Each command registers itself with its options and, if it was chosen, leaves
// behind what is to be run.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include <CLI/CLI.hpp>

#include "executor/base/status.h"

namespace slipway::cli {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;    ///< the run failed, or the command could not do what it was asked for
inline constexpr int kExitUsage = 2;     ///< the command line is wrong
inline constexpr int kExitSignal = 128;  ///< plus the signal that ended us: 130 for Ctrl-C

enum class OutputFormat { kNone, kJson, kTable };

struct CommandLine {
  CLI::App* app = nullptr;
  std::string server;        ///< --server, SLIPWAY_SERVER or the default
  std::function<int()> run;  ///< of the chosen command
};

void AddBuild(CommandLine& line);
void AddRun(CommandLine& line);
void AddRuns(CommandLine& line);
void AddShow(CommandLine& line);
void AddLogs(CommandLine& line);
void AddCancel(CommandLine& line);
void AddDiff(CommandLine& line);
void AddNotifications(CommandLine& line);
void AddTask(CommandLine& line);
void AddApply(CommandLine& line);
void AddVersion(CommandLine& line);
void AddInfo(CommandLine& line);
void AddPrune(CommandLine& line);

/// Parses and runs; the exit code.
int RunCommandLine(int argc, const char* const* argv);

/// "slipway: message" on standard error.
void PrintFailure(const Status& status);
/// Prints the failure; kExitFailed.
int Fail(const Status& status);
/// To standard output.
void Print(std::string_view text);

/// Adds `-o json|table`.
void AddOutputOption(CLI::App& command, OutputFormat* format);

}  // namespace slipway::cli
