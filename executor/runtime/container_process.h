// One call of the OCI runtime's `run`: pumps the program's output, and on cancel ends every process of the container.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "executor/base/context.h"
#include "executor/base/process.h"
#include "executor/base/status.h"
#include "executor/runtime/runner.h"

namespace slipway::runtime {

struct ContainerCommand {
  SpawnOptions spawn;    ///< without standard output and error
  std::string pid_file;  ///< that the runtime writes once the program runs
  std::chrono::milliseconds grace{};
  std::function<void()> on_started;  ///< called once when the program runs; may be empty
};

struct ContainerOutcome {
  ExitStatus exit;       ///< the runtime's, which repeats the program's
  bool started = false;  ///< the program ran; else what was printed are the runtime's own words
  std::string words;     ///< of a runtime that started nothing: its standard error
};

/// Blocks until the runtime ended. On cancel SIGTERM goes to every process of the container, SIGKILL after the grace
/// (or as soon as only a first process is left that does not catch SIGTERM, since such a one never gets it); then the
/// context's error.
Result<ContainerOutcome> RunContainerProcess(const Context& ctx, const ContainerCommand& command,
                                             const OutputSink& output);

/// The processes (as the host numbers them) in the PID namespace of `init`, which is one of them. Empty if it has gone,
/// or if it is in our own.
std::vector<pid_t> ProcessesInNamespaceOf(pid_t init);

}  // namespace slipway::runtime
