// Values that instructions put into an image's config, read as docker reads them: ports and signals.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "executor/base/status.h"

namespace slipway::dockerfile {

/// "80", "80/udp", "8000-8002", "127.0.0.1:8080:80/tcp" (only the container's side counts): "80/tcp" …, each port one.
Result<std::vector<std::string>> ParseExposedPorts(std::string_view text);

/// INVALID_ARGUMENT unless it is a signal's number or name, with or without "SIG".
Status CheckSignal(std::string_view text);

}  // namespace slipway::dockerfile
