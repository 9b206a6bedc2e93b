// Action: what a step does. One implementation a kind of step, a file each: build.cc, push.cc, cmd.cc.
//
// An action is made for one step of one run, run once (again only by a retry of the engine) and thrown away. It works
// in the thread that calls it and tells what it does through the environment's sink.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "executor/base/context.h"
#include "executor/base/progress.h"
#include "executor/base/status.h"
#include "executor/builder/builder.h"
#include "steps/action/report.h"
#include "steps/task/task.h"

namespace slipway::action {

/// What the steps of one run share. Used by the run's thread only.
struct Environment {
  builder::Builder& builder;
  ProgressSink& progress;
  std::string step;  ///< id of the one that works now
  /// Images that steps have built, by the names that later steps call them ("host/repo:tag").
  std::map<std::string, std::shared_ptr<const builder::BuiltImage>> images;
  Report report;
};

class Action {
 public:
  virtual ~Action() = default;
  /// Blocks until the step is done. The status tells who is to blame, see engine::Run.
  virtual Status Run(const Context& ctx, Environment& environment) = 0;
};

/// The action of a step, which must outlive it.
std::unique_ptr<Action> MakeAction(const task::Step& step);

// One a kind; for MakeAction.
std::unique_ptr<Action> MakeBuildAction(const task::BuildStep& step);
std::unique_ptr<Action> MakePushAction(const task::PushStep& step);
std::unique_ptr<Action> MakeCmdAction(const task::CmdStep& step);

/// A line in the log of a run, of no vertex.
void Say(Environment& environment, std::string text);

}  // namespace slipway::action
