// What is wrong with the outputs of a quick build, and with what shapes them: compression, times.
#pragma once

#include "steps/task/field_error.h"
#include "steps/task/quick_build.h"

namespace slipway::task {

/// Levels that a kind of compression takes, both included; {0, 0} for none.
struct LevelRange {
  int least = 0;
  int most = 0;
};
LevelRange LevelsOf(oci::Compression compression);

FieldErrors CheckOutputs(const QuickBuild& build, const QuickBuildRules& rules);

}  // namespace slipway::task
