// StepResult: what became of one step of a run. Plain data.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "executor/base/clock.h"
#include "executor/base/status.h"

namespace slipway::engine {

/// Numbered as in the API.
enum class StepState {
  kSkipped = 1,     ///< it never began
  kInProgress = 2,  ///< only while the run goes on
  kSuccessful = 3,  ///< also where its errors were ignored
  kFailed = 4,      ///< among others of its own time limit
  kCanceled = 5,    ///< it was stopped because the run ended: by another step's failure, a limit, a request
};
std::string_view StepStateName(StepState state);

struct StepResult {
  std::string id;
  std::string kind;  ///< "build", "push", "cmd"
  StepState state = StepState::kSkipped;
  Status status;                 ///< why it failed or was stopped; also of errors that were ignored
  bool errors_ignored = false;   ///< it failed, and the task says that this does not matter
  std::optional<int> exit_code;  ///< of the last program that ended; cmd steps only
  int attempts = 0;              ///< how often it was executed: rounds and retries
  std::optional<SystemTime> start;
  std::optional<SystemTime> finish;
};

}  // namespace slipway::engine
