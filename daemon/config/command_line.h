// The command line of slipwayd: a flag for each key of the configuration, and --config, --rotate-key, --version, --help.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "daemon/config/config.h"

namespace slipway::config {

struct Invocation {
  Config config;            ///< defaults, then the file, then the flags; validated
  bool rotate_key = false;  ///< exchange the key and end
  std::string print;        ///< not empty: print this (help, version) and end
};

/// `args` without the name of the program. INVALID_ARGUMENT for what cannot be understood.
Result<Invocation> ReadCommandLine(const std::vector<std::string>& args, std::string_view version);

}  // namespace slipway::config
