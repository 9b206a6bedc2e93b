// Stored tasks of a daemon: read, and changed as they were read.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cli/connection.h"
#include "executor/base/status.h"
#include "slipway/v1/tasks.grpc.pb.h"

namespace slipway::cli {

/// NOT_FOUND if there is none; `reason` gets the daemon's constant ("TASK_NOT_FOUND") or "".
Result<v1::Task> GetTask(Connection& connection, const std::string& name, std::string* reason = nullptr);
/// All of them, by name.
Result<std::vector<v1::Task>> ListTasks(Connection& connection);

/// Fills the task and the mask of an update from the task as it is now. A mask that stays empty changes nothing.
using TaskChange = std::function<Status(const v1::Task& was, v1::UpdateTaskRequest* request)>;

/// Reads the task, changes it, and begins anew where somebody else has changed it between; the task as it is then.
Result<v1::Task> ChangeTask(Connection& connection, const std::string& name, const TaskChange& change);

}  // namespace slipway::cli
