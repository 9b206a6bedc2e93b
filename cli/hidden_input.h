// HiddenInput: a secret that is typed at a terminal, which does not show it, or comes from standard input or a file.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "executor/base/status.h"

namespace slipway::cli {

/// The line end of a text of one line is not part of a secret; a key of several lines stays as it is.
std::string WithoutLineEnd(std::string text);

/// All of `fd`; if it is a terminal one line, asked for by "`what`: " on standard error and not shown.
/// RESOURCE_EXHAUSTED past `most` bytes.
Result<std::string> ReadHidden(int fd, uint64_t most, std::string_view what);

}  // namespace slipway::cli
