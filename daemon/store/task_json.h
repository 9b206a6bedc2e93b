// The part of a task that is stored as JSON: its step and triggers.
#pragma once

#include <string>
#include <string_view>

#include "daemon/store/task.h"

namespace slipway::store {

/// Without name, times, etag, status, secrets and bases, which have columns of their own.
std::string SpecToJson(const Task& task);
/// DATA_LOSS for what SpecToJson did not write.
Status SpecFromJson(std::string_view json, Task* task);

}  // namespace slipway::store
