// The epoch of a build (SOURCE_DATE_EPOCH): the one time that all of what it makes is given.
#pragma once

#include <optional>
#include <vector>

#include "executor/base/clock.h"
#include "executor/base/status.h"
#include "executor/builder/builder.h"

namespace slipway::builder {

/// The arguments of a build with the epoch that the request asks for among them, so that steps see it as they see one
/// that was given as argument. FAILED_PRECONDITION if it is to be that of a commit and there is none.
Result<std::vector<NamedValue>> ArgumentsWithEpoch(const BuildRequest& request,
                                                   const std::optional<SystemTime>& commit_time);

/// The argument SOURCE_DATE_EPOCH; nothing if there is none. INVALID_ARGUMENT if it is no number of seconds.
Result<std::optional<SystemTime>> EpochOf(const std::vector<NamedValue>& arguments);

}  // namespace slipway::builder
