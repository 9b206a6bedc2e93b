// OciRuntime: an OCI runtime program (crun, runc) that was found to work on this host, and how to call it.
//
// ProbeRuntime finds one by really running a container. The object is a value; its methods are thread-safe.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "executor/base/context.h"
#include "executor/base/process.h"
#include "executor/base/status.h"
#include "executor/base/unique_fd.h"
#include "executor/runtime/cgroup.h"

namespace slipway::runtime {

struct OciRuntime {
  std::string name;       ///< "runc"
  std::string path;       ///< of the program
  std::string version;    ///< "1.1.5"
  bool can_keep = false;  ///< knows `run --keep`: what a container leaves can be looked at when it has ended
  CgroupLayout cgroups;
  /// It works with v1 hierarchies, but not beside a v2 one that has controllers, too (a hybrid host): it is not shown
  /// that one.
  bool v1_only = false;
  /// A copy of the program in memory that nobody can write to, made when it was chosen; null if there is none. The
  /// runtimes make such a copy at each start to be safe from their containers, and execute themselves again in it.
  std::shared_ptr<const UniqueFd> sealed;

  /// How to call it: a command line up to the runtime's own flags, and its environment. On a host without cgroups the
  /// runtime sees an empty hierarchy of its own.
  SpawnOptions Command(const std::string& state_root) const;
};

/// Why a runtime was not taken.
struct RefusedRuntime {
  std::string name;
  std::string reason;
};

struct RuntimeProbe {
  OciRuntime runtime;
  /// The first that can do what `runtime` cannot: keep a container, so that it can be seen what killed it. With the
  /// same kind of cgroups.
  std::optional<OciRuntime> keeping;
  std::vector<RefusedRuntime> refused;  ///< those that were tried before it
  /// "runc 1.1.5 (cgroups v1: cpu, memory); crun refused: …"
  std::string ToString() const;
};

/// Tries `candidates` (names, or paths with a slash) in order by running a container in `scratch`, an existing folder.
/// `cgroup_parent` is where its cgroup is made. FAILED_PRECONDITION with each one's reason if none works.
Result<RuntimeProbe> ProbeRuntime(const Context& ctx, const std::vector<std::string>& candidates,
                                  const std::string& scratch, const std::string& cgroup_parent);

/// The messages of level "error" in a log that the runtime wrote with --log-format json, joined with "; ".
std::string RuntimeErrors(std::string_view log);

/// Makes the runtime's words for a program that could not be started readable, and gives them a code: NOT_FOUND,
/// PERMISSION_DENIED, or UNAVAILABLE for what is not the image's fault.
Status StartFailure(std::string_view runtime_words);

}  // namespace slipway::runtime
