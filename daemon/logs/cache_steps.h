// CacheSteps as JSON, the form in which a run's are kept beside its log. Free functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "executor/base/cache_step.h"
#include "executor/base/status.h"

namespace slipway::logs {

/// So many steps are kept at most; the record of a run must stay small.
inline constexpr size_t kMostCacheSteps = 10'000;

std::string CacheStepsToJson(const std::vector<CacheStep>& steps);
/// DATA_LOSS if it cannot be read.
Result<std::vector<CacheStep>> CacheStepsFromJson(std::string_view json);

}  // namespace slipway::logs
