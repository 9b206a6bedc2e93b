// Asking a daemon for a run.
//
// A call that got lost is made again under the same request id, which makes no second run. The call itself is not
// interrupted: whether the run was queued must be known for canceling it.
#pragma once

#include <string>

#include "cli/connection.h"
#include "executor/base/context.h"
#include "executor/base/status.h"

namespace slipway::cli {

/// `reached`: the daemon has answered this command before; only then is a failure to reach it worth another try.
/// `reason` gets the daemon's constant ("UPLOAD_NOT_FOUND") or "". INVALID_ARGUMENT for words that are no UTF-8.
Result<v1::Run> ScheduleRun(const Context& ctx, Connection& connection, v1::ScheduleRunRequest request, bool reached,
                            std::string* reason);
/// The same for a stored task.
Result<v1::Run> RunStoredTask(const Context& ctx, Connection& connection, v1::RunTaskRequest request, bool reached,
                              std::string* reason);

/// What a task file would run.
Result<v1::RenderTaskResponse> RenderTask(const Context& ctx, Connection& connection,
                                          const v1::ScheduleRunRequest& whole, std::string* reason);

}  // namespace slipway::cli
