// The configuration file: YAML with the keys of keys.h. Errors carry file, line and column.
#pragma once

#include <string>
#include <string_view>

#include "daemon/config/config.h"

namespace slipway::config {

/// Puts what `text` says over `config`. INVALID_ARGUMENT "file:line:column: why" for the first thing that is wrong:
/// syntax, an unknown or double key, a value that does not fit. `file` is for messages.
Status ApplyYaml(std::string_view text, const std::string& file, Config& config);

/// Reads the file and applies it.
Status ApplyYamlFile(const std::string& file, Config& config);

}  // namespace slipway::config
