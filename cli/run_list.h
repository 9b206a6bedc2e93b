// What several commands do with runs: list them, by options that choose which; cancel one.
#pragma once

#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/connection.h"
#include "executor/base/status.h"

namespace slipway::cli {

/// At most `top` runs that `request` chooses, newest first.
Result<std::vector<v1::Run>> ListRuns(Connection& connection, v1::ListRunsRequest request, int top);

/// Asks a run to end and says how it stands; the exit code.
int CancelRun(Connection& connection, const std::string& run_id);

/// States in any case, repeatable; `name` is "--status" or as az calls it.
void AddRunStatusOption(CLI::App& command, const std::string& name, v1::ListRunsRequest* request);
/// --trigger, repeatable.
void AddRunTriggerOption(CLI::App& command, v1::ListRunsRequest* request);
/// --top, 15 by default.
void AddTopOption(CLI::App& command, int* top);

}  // namespace slipway::cli
