// The value of --ssh: "default", "ID", "ID=SOCKET" or "ID=KEY[,KEY…]", and what it stands for on this machine.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "executor/base/status.h"

namespace slipway::cli {

struct SshFlag {
  std::string id;
  std::string socket;             ///< of an agent that runs; "" if keys are given
  std::vector<std::string> keys;  ///< files of private keys
};

/// Without a path it is the agent of SSH_AUTH_SOCK. INVALID_ARGUMENT if there is none, or for keys beside a socket;
/// NOT_FOUND if a path is not there.
Result<SshFlag> ParseSshFlag(std::string_view text);

}  // namespace slipway::cli
