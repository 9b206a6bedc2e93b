// Parse: a Dockerfile's text to typed instructions.
//
// Pure and reentrant. Bad input is INVALID_ARGUMENT with a message like
//   Dockerfile:3:1: unknown instruction 'RUNN'; did you mean 'RUN'?
//     3 | RUNN echo
//       | ^
// Bounds: 16 MiB of text, 65535 bytes a line (BuildKit's limit).
#pragma once

#include <string_view>

#include "executor/base/status.h"
#include "executor/dockerfile/instructions.h"

namespace slipway::dockerfile {

/// `filename` is only for messages. A file with ARGs but no FROM parses; the result then has no stages.
Result<Dockerfile> Parse(std::string_view text, std::string_view filename);

/// The same for who wants what could be read although the rest is wrong: after an error `dockerfile` has the source,
/// the directives and the instructions before the one that is wrong.
Status ParseInto(std::string_view text, std::string_view filename, Dockerfile* dockerfile);

/// One ONBUILD trigger as kept in a base image's config. `where` is the FROM that brought it: positions point there.
Result<Instruction> ParseOnbuild(std::string_view trigger, const SourceRange& where = {});

}  // namespace slipway::dockerfile
