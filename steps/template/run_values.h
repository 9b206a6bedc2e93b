// RunValues: what a task may know about its run (.Run.*), and plain templates over nothing but that.
//
// Follows ACR Tasks' data model. Values; no thread-safety of their own.
#pragma once

#include <string>
#include <string_view>

#include "executor/base/clock.h"
#include "executor/base/status.h"

namespace slipway::run_template {

struct RunValues {
  std::string id;             ///< .Run.ID, .Build.ID
  std::string registry;       ///< .Run.Registry; .Run.RegistryName is the part before its first '.' or ':'
  SystemTime date;            ///< .Run.Date: when the run started
  std::string os;             ///< .Run.OS
  std::string architecture;   ///< .Run.Architecture
  std::string task_name;      ///< .Run.TaskName; "" for quick builds
  std::string commit;         ///< .Run.Commit; this and what follows "" if unknown
  std::string branch;         ///< .Run.Branch
  std::string git_tag;        ///< .Run.GitTag
  std::string repository;     ///< .Run.Repository
  std::string triggered_by;   ///< .Run.TriggeredBy
  std::string shared_volume;  ///< .Run.SharedVolume
  std::string os_version;     ///< .Run.OSVersion
};

/// An image name or build argument of a quick build: `text` with the templates in it rendered over .Run and .Build
/// alone. INVALID_ARGUMENT with the expression for a field of .Run that does not exist and for a template that is
/// wrong.
Result<std::string> Render(std::string_view text, const RunValues& values);

/// ".Run.Date" as ACR writes it: "20260131-235959z".
std::string FormatRunDate(SystemTime time);

}  // namespace slipway::run_template
