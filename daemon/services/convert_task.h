// Between the API's messages about tasks and the daemon's own types. Free functions; nothing is checked here that
// task::Check checks.
#pragma once

#include <chrono>

#include "daemon/store/run.h"
#include "slipway/v1/runs.pb.h"
#include "steps/task/file_task.h"
#include "steps/task/task.h"

namespace slipway::services {

task::FileTask ToFileTask(const slipway::v1::FileTaskRequest& request);
task::FileTask ToFileTask(const slipway::v1::EncodedTaskRequest& request);

/// Values of secrets are left empty. The second: for a task whose file is in it.
void FillRequest(const task::FileTask& task, std::chrono::seconds timeout, slipway::v1::FileTaskRequest* out);
void FillRequest(const task::FileTask& task, std::chrono::seconds timeout, slipway::v1::EncodedTaskRequest* out);
/// Sets file_task or encoded_task.
void FillTaskRequest(const store::Run& run, slipway::v1::Run* out);
/// Sets steps and dependencies.
void FillSteps(const store::RunResult& result, slipway::v1::Run* out);
/// A step that has not run.
void FillPlannedStep(const task::Step& step, slipway::v1::RunStep* out);

}  // namespace slipway::services
