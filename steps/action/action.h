// Action: what a step does. One implementation a kind of step, a file each: build.cc, push.cc, cmd.cc.
//
// An action is made for one step of one run. Prepare comes first and once, then Run as often as the step's rounds and
// retries ask for. It works in the thread that calls it and tells what it does through the environment's sink.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "executor/base/context.h"
#include "executor/base/digest.h"
#include "executor/base/progress.h"
#include "executor/base/status.h"
#include "executor/builder/builder.h"
#include "steps/action/report.h"
#include "steps/action/shared_run.h"
#include "steps/task/task.h"

namespace slipway::action {

/// An image that was pushed under a name.
struct PushedName {
  oci::Reference name;
  Digest digest;
};

/// What one step works with, and what it leaves. Used by the step's thread, but for the sink, which is thread-safe and
/// lives until the end of the run.
struct Environment {
  SharedRun& run;
  ProgressSink& progress;
  Report report;  ///< of this step's last execution; outputs refer to builds in here
  std::vector<PushedName> pushed;
  std::optional<int> exit_code;  ///< of the last program that ended
};

class Action {
 public:
  virtual ~Action() = default;
  /// What comes before the step's time begins: the pull that it asks for.
  virtual Status Prepare(const Context& ctx, Environment& environment) {
    (void)ctx, (void)environment;
    return Status();
  }
  /// Blocks until the step is done. The status tells who is to blame, see engine::Run.
  virtual Status Run(const Context& ctx, Environment& environment) = 0;
};

/// The action of a step, which must outlive it.
std::unique_ptr<Action> MakeAction(const task::Step& step);

// One a kind; for MakeAction.
std::unique_ptr<Action> MakeBuildAction(const task::Step& step);
std::unique_ptr<Action> MakePushAction(const task::Step& step);
std::unique_ptr<Action> MakeCmdAction(const task::Step& step);

/// A line in the log of a run, of no vertex.
void Say(ProgressSink& progress, std::string text);

}  // namespace slipway::action
