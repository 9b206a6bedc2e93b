// BuildJob: one `slipway build`, `slipway run` or `slipway task run` from the command line's words to the exit code:
// pack and send the context, schedule the run, follow it, say how it ended.
//
// Ctrl-C before the run is scheduled ends the job; after it, the run is canceled and its end awaited. A second Ctrl-C
// leaves at once.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command.h"
#include "cli/output_option.h"
#include "cli/ssh_flag.h"
#include "slipway/v1/runs.pb.h"
#include "slipway/v1/tasks.pb.h"

namespace slipway::cli {

namespace v1 = ::slipway::v1;

enum class ProgressMode { kAuto, kPlain, kTty, kQuiet };

/// What `slipway run` asks for.
struct TaskRequest {
  v1::ScheduleRunRequest request;  ///< file_task or encoded_task, but for the source
  std::string host_path;  ///< of a task file in the folder that is sent: it is sent along if it is ignored there
  bool dry_run = false;   ///< show what would be done
};

struct BuildOptions {
  std::string server;
  std::string context;
  std::string dockerfile;                    ///< value of -f; empty: not given
  v1::DockerBuildRequest request;            ///< all that needs no look at the context
  std::vector<std::string> build_contexts;   ///< values of --build-context
  std::vector<SshFlag> ssh;                  ///< agents that `request` names
  std::optional<TaskRequest> task;           ///< what is to be run instead of the build
  std::optional<v1::RunTaskRequest> stored;  ///< or this stored task, with `context` as its source unless that is ""
  bool wait = true;
  bool logs = true;
  OutputOptions output;
  ProgressMode progress = ProgressMode::kAuto;
};

/// --progress, which has been checked.
ProgressMode ParseProgress(std::string_view text);
/// Adds --no-wait, --no-logs and --progress.
void AddRunFlags(CLI::App& command, bool* no_wait, bool* no_logs, std::string* progress);

/// Returns the exit code.
int RunBuild(BuildOptions options);

}  // namespace slipway::cli
