// TaskChoice: which task file `slipway run` runs, and how the daemon comes by its text: from the source, or sent along.
#pragma once

#include <optional>
#include <string>

#include "cli/source_location.h"
#include "executor/base/status.h"

namespace slipway::cli {

struct TaskChoice {
  std::string name;                    ///< path in the source, or what messages call it
  std::optional<std::string> content;  ///< sent along; unset: the daemon reads it in the source
  std::string host_path;               ///< where a file of the source lies on this machine; "" if it does not
};

/// `file` is the value of -f ("-": standard input; "": acb.yaml): a path in the source, else one from the current
/// folder. NOT_FOUND names the places looked at.
Result<TaskChoice> ChooseTask(const SourceLocation& source, const std::string& file, int stdin_fd);
/// The task of `--cmd`: one step. `timeout` in seconds, 0 for none.
std::string TaskOfCommand(const std::string& command, int timeout);
/// A text that did not come from a source: its aliases work, whether it says "version" or not.
std::string WithVersion(std::string text);

}  // namespace slipway::cli
