// A task file's way to a task: comments, version, aliases, templates, YAML, checks. The language is that of ACR Tasks;
// differences.md lists where this differs from it on purpose.
//
// Stateless; may be used from any thread. Blocks while aliases are loaded and secrets resolved.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "executor/base/context.h"
#include "executor/base/status.h"
#include "executor/oci/platform.h"
#include "steps/task/alias.h"
#include "steps/task/quick_build.h"
#include "steps/task/task.h"
#include "steps/template/data.h"

namespace slipway::task {

/// Gives the values of a task's secrets, by id.
using SecretResolver =
    std::function<Result<std::map<std::string, std::string>>(const Context& ctx, const std::vector<Secret>& secrets)>;

struct TaskFileRequest {
  std::string name;  ///< what messages call the file
  std::string text;
  run_template::Data data;  ///< what templates see; its secrets are not looked at
  QuickBuildRules rules;
  std::optional<oci::Platform> platform;  ///< what builds that name none are for; unset: the machine's own
  bool strict = false;                    ///< an unknown key is an error
  AliasLoader load_aliases;               ///< may be empty: `src` is then an error
  SecretResolver resolve_secrets;         ///< may be empty: `secrets` are then an error
  /// Those of data.values that are secret, by name: where they end up in the open is warned about.
  std::map<std::string, std::string> secret_values;
};

struct CompiledTask {
  Task task;
  std::string rendered;               ///< the file as it is after aliases and templates; holds the values of secrets
  std::vector<std::string> warnings;  ///< one line each, with the place
};

/// The task. INVALID_ARGUMENT with file, line and column for what is wrong in the file; the codes of the template
/// engine, of the loader and of the resolver for their failures.
Result<CompiledTask> CompileTask(const Context& ctx, const TaskFileRequest& request);

}  // namespace slipway::task
