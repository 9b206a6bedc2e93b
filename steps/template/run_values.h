// RunValues: what a task may know about its run, and the replacement of "{{.Run.ID}}" and its like by it.
//
// Follows ACR Tasks' data model (.Run.*). Only plain references are understood, with blanks inside the braces and trim
// marks ("{{- .Run.ID -}}" eats the white space around it). Everything else that Go's text/template knows is refused,
// not passed on. Values; no thread-safety of their own.
#pragma once

#include <string>
#include <string_view>

#include "executor/base/clock.h"
#include "executor/base/status.h"

namespace slipway::run_template {

struct RunValues {
  std::string id;            ///< .Run.ID, .Build.ID
  std::string registry;      ///< .Run.Registry; .Run.RegistryName is the part before its first '.' or ':'
  SystemTime date;           ///< .Run.Date: when the run started
  std::string os;            ///< .Run.OS
  std::string architecture;  ///< .Run.Architecture
  std::string task_name;     ///< .Run.TaskName; "" for quick builds
};

/// `text` with every expression replaced. INVALID_ARGUMENT with the expression for one that is not known.
Result<std::string> Render(std::string_view text, const RunValues& values);

/// ".Run.Date" as ACR writes it: "20260131-235959z".
std::string FormatRunDate(SystemTime time);

}  // namespace slipway::run_template
