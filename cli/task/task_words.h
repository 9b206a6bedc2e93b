// The options of `slipway task create` and `update`, as they stand on the command line. What is not given is unset: a
// default for create, left as it is by update.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/task/acr_words.h"
#include "cli/task/output.h"

namespace slipway::cli {

/// What the step is made of.
struct StepWords {
  std::optional<std::string> context, file, cmd, values, target;
  std::vector<std::string> images, args, secret_args, set, set_secret, platforms;
  std::optional<bool> no_push, no_cache;
  std::optional<int> timeout;  ///< seconds
  std::optional<std::string> git_access_token;
};

/// What starts the task.
struct TriggerWords {
  std::optional<bool> commit, pull_request;
  std::optional<std::string> source_name, forks;
  std::vector<std::string> branches, tags, paths;
  std::optional<bool> cancel_previous;

  std::vector<std::string> schedules;
  std::optional<std::string> time_zone, missed;

  std::optional<bool> base_enabled;
  std::optional<std::string> base_name, base_type, endpoint, payload_type, rebase;

  /// Whether anything is said of the trigger of pushes and pull requests.
  bool of_source() const {
    return commit || pull_request || source_name || forks || cancel_previous || !branches.empty() || !tags.empty() ||
           !paths.empty();
  }
  bool of_base_image() const { return base_enabled || base_name || base_type || endpoint || payload_type || rebase; }
};

struct TaskWords {
  std::string name;
  std::optional<std::string> status;
  StepWords step;
  TriggerWords triggers;
  FormChoice form;
  AcrWords acr;
};

/// -n and all the others.
void AddTaskOptions(CLI::App& command, TaskWords* words);
/// Those of a run that overrides: --context, --file, --arg, --secret-arg, --target, --set, --set-secret.
void AddOverrideOptions(CLI::App& command, StepWords* words);

/// -n, --name: required.
CLI::Option* AddTaskName(CLI::App& command, std::string* name);
/// A switch as az takes it: `--x`, `--x true`, `--x false`.
CLI::Option* AddSwitch(CLI::App& command, const std::string& name, std::optional<bool>* value, const std::string& help);

}  // namespace slipway::cli
