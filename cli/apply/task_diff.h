// How two states of a task differ, for people.
#pragma once

#include <string>

#include "slipway/v1/tasks.pb.h"

namespace slipway::cli {

namespace v1 = ::slipway::v1;

/// A line each, "  - step.imageNames[0]: app:1" for what goes and "  + …" for what comes; items of lists by their names
/// where they have some, texts of several lines by lines. What the server sets is passed over. "" if nothing differs.
std::string TaskDiff(const v1::Task& was, const v1::Task& will_be);

}  // namespace slipway::cli
