// RunLogins: who a run is to registries, besides what the daemon is. Sealed with the run's other secrets. Plain data;
// free functions without state.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "executor/base/status.h"
#include "executor/builder/registry_access.h"

namespace slipway::runs {

struct RunLogins {
  struct Login {
    std::string server;    ///< "registry.example.com:5000"
    std::string username;  ///< "": the password is a token alone
    std::string password;
    bool operator==(const Login&) const = default;
  };
  std::vector<Login> logins;
  /// Of what strangers wrote: these and no others, not the daemon's own; and the secrets that a task file asks of the
  /// operator's sources are empty.
  bool isolated = false;
  bool operator==(const RunLogins&) const = default;
};

/// Adds them to a run's secrets (of SplitSecrets, "" for none).
std::string WithLogins(std::string secrets, const RunLogins& logins);
/// Those that were added. DATA_LOSS if `secrets` are not a run's.
Result<RunLogins> LoginsOf(std::string_view secrets);

/// What the executor is given.
builder::RegistryAccess MakeAccess(const RunLogins& logins);

}  // namespace slipway::runs
