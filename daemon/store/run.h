// Run: the record of one execution, and its state machine. Plain data.
//
//   Queued → Started → Running → Succeeded | Failed | Canceled | Error | Timeout
//
// A run may also end from Queued and Started (except as Succeeded), and an active one goes back to Queued when the
// daemon stops or died. Final states never change.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/store/run_trigger.h"
#include "executor/base/clock.h"
#include "executor/base/digest.h"
#include "executor/base/status.h"
#include "executor/oci/platform.h"
#include "steps/task/file_task.h"
#include "steps/task/quick_build.h"

namespace slipway::store {

/// Numbered as in the API.
enum class RunState {
  kQueued = 1,
  kStarted = 2,
  kRunning = 3,
  kSucceeded = 4,
  kFailed = 5,    ///< the user's task failed
  kCanceled = 6,  ///< somebody asked for it
  kError = 7,     ///< Slipway or something it depends on failed
  kTimeout = 8,   ///< the run's own limit
};

/// "Queued" …
std::string_view StateName(RunState state);
/// nullopt for no name of a state.
std::optional<RunState> ParseState(std::string_view name);
bool IsFinal(RunState state);
/// Started or Running.
bool IsActive(RunState state);
/// Whether the state machine has this edge.
bool CanMove(RunState from, RunState to);

/// Numbered as in the API.
enum class RunType {
  kQuickBuild = 1,
  kQuickRun = 2,  ///< a task file
};
std::string_view TypeName(RunType type);
/// nullopt for no name of a type.
std::optional<RunType> ParseType(std::string_view name);

/// An image in a registry.
struct Image {
  std::string registry;
  std::string repository;
  std::string tag;     ///< "" if none
  std::string digest;  ///< "sha256:…"; "" if not known
  bool operator==(const Image&) const = default;
};

struct BaseImage {
  Image image;
  bool is_runtime = false;
  bool operator==(const BaseImage&) const = default;
};

struct Summary {
  uint32_t vertices = 0;
  uint32_t cached = 0;
  uint32_t layers_pushed = 0;
  uint32_t layers_mounted = 0;
  uint32_t layers_there = 0;
  std::string digest;
  bool operator==(const Summary&) const = default;
};

/// A step and what became of it; the API's RunStep says what the members mean.
struct Step {
  std::string id;
  int kind = 0;   ///< of the API's StepKind
  int state = 0;  ///< of the API's StepStatus
  std::optional<int> exit_code;
  std::optional<SystemTime> start;
  std::optional<SystemTime> finish;
  int attempts = 0;
  std::string error;
  bool errors_ignored = false;
  uint64_t log_begin = 0;
  uint64_t log_end = 0;
  std::vector<std::string> when;
  std::string run_on;
  bool operator==(const Step&) const = default;
};

/// An image that a build step made, and what it was built from.
struct Dependencies {
  std::optional<Image> image;  ///< unset if it got no name
  std::optional<Image> runtime;
  std::vector<Image> buildtime;
  std::string revision;  ///< "" if none
  bool operator==(const Dependencies&) const = default;
};

/// How a run ended.
struct RunResult {
  std::string error_message;  ///< "" if it succeeded
  std::string error_code;     ///< name of the Status code; "" if it succeeded
  std::string failed_step;
  std::vector<Image> output_images;
  std::vector<size_t> pushed;  ///< indices of those that are in their registry
  std::optional<Summary> summary;
  std::string revision;
  std::vector<BaseImage> base_images;
  std::vector<Step> steps;
  std::vector<Dependencies> dependencies;
};

struct Run {
  std::string id;
  int64_t number = 0;  ///< ids sort by it
  RunState state = RunState::kQueued;
  RunType type = RunType::kQuickBuild;
  SystemTime create_time;
  std::optional<SystemTime> start_time;
  std::optional<SystemTime> finish_time;
  SystemTime last_updated_time;
  std::chrono::seconds timeout{3600};
  int attempt = 1;
  int crashes = 0;  ///< how often the daemon died while it was active
  bool cancel_requested = false;
  task::QuickBuild build;                   ///< of a quick build; without the values of secrets
  std::optional<task::FileTask> file_task;  ///< of any other; without the values of secrets
  std::string sealed;                       ///< the secrets, encrypted; "" if there are none or it has ended
  std::string task;                         ///< the stored task that it is a run of; "" for none
  RunTrigger trigger;                       ///< what started it
  bool archived = false;
  RunResult result;
};

/// Where the run's source is.
inline const std::string& SourceOf(const Run& run) {
  return run.file_task ? run.file_task->source_location : run.build.source_location;
}

/// "ca" and 1 give "ca1": the number in base 36.
std::string MakeRunId(std::string_view prefix, int64_t number);
/// Whether `id` has the form of a run id: ^[a-z0-9]{3,12}$.
bool IsRunId(std::string_view id);

}  // namespace slipway::store
