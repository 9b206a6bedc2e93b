// The parts of a run that are stored as JSON: the request and the result.
#pragma once

#include <string>
#include <string_view>

#include "daemon/store/run.h"

namespace slipway::store {

std::string RequestToJson(const task::QuickBuild& build);
/// DATA_LOSS for what RequestToJson did not write.
Result<task::QuickBuild> RequestFromJson(std::string_view json);

std::string RequestToJson(const task::FileTask& task);
Result<task::FileTask> FileTaskFromJson(std::string_view json);

/// Summary, revision, bases, steps and dependencies; the rest of a result has columns of its own.
std::string ResultToJson(const RunResult& result);
Status ResultFromJson(std::string_view json, RunResult* result);

}  // namespace slipway::store
