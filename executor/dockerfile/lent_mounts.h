// RUN --mount=type=secret and type=ssh as mounts of the graph: which secret or agent is meant, and where it appears.
// Pure functions; errors are INVALID_ARGUMENT.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "executor/base/status.h"
#include "executor/dockerfile/instructions.h"
#include "executor/graph/vertex.h"

namespace slipway::dockerfile {

/// Makes a path absolute: relative ones are below the working directory.
using AbsolutePath = std::function<std::string(std::string_view)>;

/// A secret is named by its source, its id, or the last part of its target. It is a file below /run/secrets unless it
/// has a target; with a variable and no target it is no file at all (an empty `target`).
Result<graph::ExecMount> SecretMount(const Mount& mount, const AbsolutePath& absolute);

/// The socket has no target yet if none is given: PlaceAgentSockets gives it one.
Result<graph::ExecMount> SshMount(const Mount& mount, const AbsolutePath& absolute);

/// Gives the agents' sockets their places, and the program a variable that names the first. The variable is set whether
/// or not there is an agent behind it.
void PlaceAgentSockets(graph::ExecOp& op);

}  // namespace slipway::dockerfile
