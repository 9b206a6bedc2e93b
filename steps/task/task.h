// Task: what a run is to do, as steps. Made from a quick build today; from YAML later. Plain data: nothing here runs.
//
// Steps are run in the order of the list; `when` names steps that must have succeeded before.
#pragma once

#include <chrono>
#include <string>
#include <variant>
#include <vector>

#include "executor/base/status.h"
#include "executor/builder/builder.h"
#include "executor/oci/reference.h"

namespace slipway::task {

/// Builds an image and keeps it for later steps under its names.
struct BuildStep {
  builder::BuildRequest request;
  /// Make the image whole although no step pushes it, so that its digest is known.
  bool assemble = false;
};

/// Pushes images that earlier steps of the run have built.
struct PushStep {
  std::vector<oci::Reference> names;
};

struct Step {
  std::string id;                 ///< unique in the task
  std::vector<std::string> when;  ///< ids of earlier steps
  std::chrono::seconds timeout{600};
  std::variant<BuildStep, PushStep> what;

  /// "build" or "push".
  std::string_view kind() const;
};

struct Task {
  std::vector<Step> steps;
};

/// INVALID_ARGUMENT if ids are empty or double, or `when` names a step that does not come before.
Status Validate(const Task& task);

}  // namespace slipway::task
