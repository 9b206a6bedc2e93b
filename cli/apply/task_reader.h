// Tasks from a file: YAML or JSON, one or several documents, each a task, a list of tasks, or `tasks:` with a list.
//
// Members are those of ACR's model (step, trigger, timeout, platform, credentials: what `slipway task show` prints) and
// those of the API (proto/slipway/v1/tasks.proto). What the server alone sets is passed over.
#pragma once

#include <string>
#include <vector>

#include "executor/base/status.h"
#include "slipway/v1/tasks.pb.h"

namespace slipway::cli {

namespace v1 = ::slipway::v1;

struct DeclaredTasks {
  std::vector<v1::Task> tasks;
  std::vector<std::string> notes;  ///< of members without a meaning here: "FILE:LINE:COLUMN: …"
};

/// `name` is what messages call the file, `folder` where relative paths of `valueFrom: file:PATH` begin.
/// INVALID_ARGUMENT with all that is wrong, a line each, with line and column.
Result<DeclaredTasks> ReadTasks(const std::string& text, const std::string& name, const std::string& folder);

}  // namespace slipway::cli
