// Options of `az acr task` that mean nothing here. They are taken, so that a script moves over by changing the
// program's name; what is lost by that is said, and what cannot be done without is refused.
#pragma once

#include <string>
#include <vector>

#include "cli/command.h"
#include "executor/base/status.h"

namespace slipway::cli {

struct AcrWords {
  std::vector<std::string> ignored;  ///< that change nothing: the registry is the daemon's own
  std::vector<std::string> lost;     ///< flags whose wish is not granted
  std::vector<std::string> refused;  ///< flags without which the task would be another one
};

/// -r, -g, --subscription, …: hidden in the help.
void AddAcrOptions(CLI::App& command, AcrWords* words);
/// Tells on standard error what is ignored. UNIMPLEMENTED for what is refused.
Status CheckAcrWords(const AcrWords& words);

}  // namespace slipway::cli
