// Values that instructions put into an image's config, read as docker reads them: ports, signals, and the texts of history.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "executor/base/status.h"
#include "executor/dockerfile/instructions.h"

namespace slipway::dockerfile {

/// "80", "80/udp", "8000-8002", "127.0.0.1:8080:80/tcp" (only the container's side counts): "80/tcp" …, each port one.
Result<std::vector<std::string>> ParseExposedPorts(std::string_view text);

/// INVALID_ARGUMENT unless it is a signal's number or name, with or without "SIG".
Status CheckSignal(std::string_view text);

/// Go's %q of a list of strings: ["a" "b c"].
std::string GoQuotedList(const std::vector<std::string>& items);
/// Go's %v of a list of strings: [a b c].
std::string GoPlainList(const std::vector<std::string>& items);

}  // namespace slipway::dockerfile
