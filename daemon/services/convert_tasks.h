// Between the API's messages about stored tasks and the daemon's own types. Free functions; nothing is checked here
// that tasks::Check checks.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "daemon/store/task.h"
#include "daemon/tasks/task_secrets.h"
#include "daemon/tasks/task_starter.h"
#include "executor/base/clock.h"
#include "slipway/v1/tasks.pb.h"
#include "steps/task/field_error.h"

namespace slipway::services {

namespace v1 = ::slipway::v1;

/// A task as a client describes it: without the values of secrets, and these.
struct TaskDraft {
  store::Task task;
  tasks::TaskSecrets secrets;
};

/// Names that are missing are given, and defaults filled in. `known` are the secrets that "***" stands for; what is
/// wrong is added to `errors`.
TaskDraft ToTask(const v1::Task& message, const tasks::TaskSecrets& known, std::chrono::seconds default_timeout,
                 task::FieldErrors* errors);

/// When a timer of the task is due next.
using NextTime = std::function<std::optional<SystemTime>(const std::string& timer)>;
/// With "***" where `secrets` has one.
v1::Task ToMessage(const store::Task& task, const tasks::TaskSecrets& secrets, const NextTime& next_time);

/// Puts what `mask` names of `change` into `task`.
void Merge(const v1::Task& change, const google::protobuf::FieldMask& mask, v1::Task* task, task::FieldErrors* errors);

tasks::TaskOverrides ToOverrides(const v1::TaskOverrides& message, task::FieldErrors* errors);
v1::Delivery ToMessage(const store::Delivery& delivery);

}  // namespace slipway::services
