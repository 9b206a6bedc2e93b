// What comes before the first step of a task file's run: its source is fetched, its files are read from it, and the
// task is made of them. Also what a dry run does, which ends there.
//
// Free functions without state; block while sources are fetched.
#pragma once

#include <memory>
#include <string>

#include "executor/base/context.h"
#include "executor/base/progress.h"
#include "executor/builder/builder.h"
#include "executor/builder/workbench.h"
#include "executor/http/transport.h"
#include "steps/task/file_task.h"
#include "steps/task/task_file.h"

namespace slipway::runs {

/// What task files may reach besides their source.
struct TaskServices {
  task::SecretResolver resolve_secrets;  ///< empty: `secrets` of a file are refused
  size_t max_parallel = 0;               ///< steps of one task at once; 0: engine::kDefaultParallel
  http::Transport* transport = nullptr;  ///< for aliases behind URLs; nullptr: refused. Must outlive its users
};

struct PreparedTask {
  task::CompiledTask compiled;
  std::unique_ptr<builder::Workbench> workbench;  ///< holds the source; null if there is none
  std::string revision;                           ///< commit of the source, "" if none
};

/// What a task file is made a task with.
struct PreparationContext {
  builder::Builder& builder;
  const TaskServices& services;
  const task::QuickBuildRules& rules;
  ProgressSink& progress;
  const builder::RegistryAccess& access;
};

/// `values` are what templates see of the run; commit and branch are filled in. NOT_FOUND if the file is not in the
/// source; else the codes of the fetch and of task::CompileTask.
Result<PreparedTask> PrepareTask(const Context& ctx, const PreparationContext& with, const task::FileTask& request,
                                 run_template::RunValues values);

}  // namespace slipway::runs
