// The secrets of a run: taken out of its request before that is stored, and put back when it runs. Free functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "steps/task/file_task.h"
#include "steps/task/quick_build.h"

namespace slipway::runs {

struct SplitBuild {
  task::QuickBuild open;  ///< values of secrets are empty; "***" stands in the URL of the source
  std::string secrets;    ///< CBOR; "" if there are none
};

SplitBuild SplitSecrets(const task::QuickBuild& build);
/// DATA_LOSS if `secrets` does not belong to it.
Result<task::QuickBuild> JoinSecrets(task::QuickBuild open, std::string_view secrets);

struct SplitTask {
  task::FileTask open;  ///< as SplitBuild::open
  std::string secrets;
};

SplitTask SplitSecrets(const task::FileTask& task);
Result<task::FileTask> JoinSecrets(task::FileTask open, std::string_view secrets);

/// What must not be seen in logs.
std::vector<std::string> SecretValues(const task::QuickBuild& build);
std::vector<std::string> SecretValues(const task::FileTask& task);

}  // namespace slipway::runs
