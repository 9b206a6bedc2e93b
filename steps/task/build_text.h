// The text of a `build` step, which is the tail of a `docker build` command line, as a quick build: it has the same
// options.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "executor/base/status.h"
#include "steps/task/quick_build.h"
#include "steps/task/task.h"

namespace slipway::task {

/// What a build step needs to know from around it.
struct BuildSurroundings {
  std::string working_directory;         ///< absolute: what relative paths are relative to
  std::vector<oci::Platform> platforms;  ///< where the text names none
  QuickBuildRules rules;
  /// Files of the volumes that the step mounts, by their paths: what --secret may name.
  std::map<std::string, std::string> files = {};
  /// Not empty: the tag of the cache in the registry of the step's image, which it uses and renews (`cache: enabled`).
  std::string cache_tag = {};
};

/// The step. What deserves attention is added to `warnings`. INVALID_ARGUMENT for what is wrong, with the flag.
Result<BuildStep> ParseBuild(std::string_view text, const BuildSurroundings& surroundings,
                             std::vector<std::string>* warnings);

}  // namespace slipway::task
