// RunTrigger: what started a run of a task. Plain data, stored as JSON with the run.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "executor/base/clock.h"
#include "executor/base/status.h"

namespace slipway::store {

struct TriggerImage {
  std::string registry;
  std::string repository;
  std::string tag;
  std::string digest;
  bool operator==(const TriggerImage&) const = default;
};

struct RunTrigger {
  enum class Kind { kManual, kCommit, kPullRequest, kTimer, kImageUpdate };
  Kind kind = Kind::kManual;
  std::string name;  ///< of the task's trigger; "" for manual runs
  std::string id;    ///< of the delivery; "" for timers and manual runs

  // Of commits and pull requests.
  std::string host;  ///< "github", "gitlab", …
  std::string repository_url;
  std::string commit;
  std::string branch;  ///< of pull requests the target's
  std::string tag;
  std::string pull_request;  ///< its number
  std::string source_branch;
  std::string fetch_ref;  ///< of the repository, that leads to the commit where no branch does; "" for none
  bool from_fork = false;

  std::optional<SystemTime> occurrence;  ///< of timers: when it was due
  std::vector<TriggerImage> images;      ///< of image updates: the new state

  std::string update_token;  ///< of manual runs: given back to the endpoint of the base image trigger; "" for none

  /// Image updates: the tasks whose runs led here, the first one first. A task is not started again by its own results.
  std::vector<std::string> ancestry;

  bool operator==(const RunTrigger&) const = default;
};

/// As columns of tables say it: "Manual", "Commit", "Pull Request", "Timer", "Image Update".
std::string_view TriggerName(RunTrigger::Kind kind);

std::string TriggerToJson(const RunTrigger& trigger);
/// DATA_LOSS for what TriggerToJson did not write. "" is a manual run.
Result<RunTrigger> TriggerFromJson(std::string_view json);

}  // namespace slipway::store
