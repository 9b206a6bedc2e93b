// The commands of what the daemon keeps secret for all.
#pragma once

#include "cli/command.h"

namespace slipway::cli {

void AddSecret(CommandLine& line);
void AddCredential(CommandLine& line);

}  // namespace slipway::cli
