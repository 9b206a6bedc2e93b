// Where the daemon is reached by git hosts and registries.
#pragma once

#include <string>

#include "cli/connection.h"

namespace slipway::cli {

/// As the operator has set it ("public_url"); "" if he has not, or the daemon does not say.
std::string PublicUrl(Connection& connection);

}  // namespace slipway::cli
