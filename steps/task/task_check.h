// From the fields of a task file to a task: defaults, the merge of environments, names, the order of steps, and every
// check of ACR Tasks, in its order: secrets, volumes and mounts; then the version; then each step.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "executor/oci/platform.h"
#include "steps/task/quick_build.h"
#include "steps/task/task.h"
#include "steps/task/task_schema.h"

namespace slipway::task {

struct CheckOptions {
  std::string file;  ///< what messages call it
  QuickBuildRules rules;
  std::optional<oci::Platform> platform;  ///< what builds that name none are for; unset: the machine's own
  std::string task_name;                  ///< of the stored task; "" for none
  /// Aliases that may stand for the first word of a `cmd`; empty: none may.
  std::map<std::string, std::string> aliases;
};

/// Secrets, volumes and mounts alone, which must be right before secrets are resolved. INVALID_ARGUMENT with the place.
Status CheckSecretsAndVolumes(const RawTask& raw, const std::string& file);

/// The task; the first thing that is wrong as INVALID_ARGUMENT with its place. `warnings` gets what deserves attention.
Result<Task> MakeTask(const RawTask& raw, const CheckOptions& options, std::vector<std::string>* warnings);

}  // namespace slipway::task
