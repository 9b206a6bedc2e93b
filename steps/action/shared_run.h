// SharedRun: what the steps of one run share: the images that they have built, the workbench with its containers, the
// services that go on until the end. Thread-safe; several steps work at once.
//
// The workbench and the task's networks are made when the first step needs them, so a run that only builds and pushes
// makes neither folder nor network.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "executor/base/context.h"
#include "executor/base/progress.h"
#include "executor/base/status.h"
#include "executor/builder/builder.h"
#include "executor/builder/workbench.h"
#include "executor/source/context_source.h"
#include "steps/task/task.h"

namespace slipway::action {

using ImagePtr = std::shared_ptr<const builder::BuiltImage>;
/// By Reference::ToString().
using Images = std::map<std::string, ImagePtr>;

/// Where the files of a run come from.
struct RunSource {
  std::string name = "run";                 ///< of the workbench; unique among the runs of a daemon
  source::ContextSpec context;              ///< what the workspace holds; not used with `workbench`
  builder::Workbench* workbench = nullptr;  ///< one that is open and loaded already, and outlives the run
  std::string revision;                     ///< commit of what `workbench` holds
  builder::RegistryAccess access;           ///< of all that the steps do
};

class SharedRun {
 public:
  /// All must outlive this. `progress` is for what belongs to no step.
  SharedRun(builder::Builder& builder, const task::Task& task, RunSource source, ProgressSink& progress);
  /// Ends the services.
  ~SharedRun();

  builder::Builder& builder() { return builder_; }
  const task::Task& task() const { return task_; }
  const builder::RegistryAccess& access() const { return source_.access; }

  void AddImage(const oci::Reference& name, ImagePtr image);
  /// Null if no step has built one of that name.
  ImagePtr FindImage(const oci::Reference& name);
  Images images();

  /// Opened, filled with its source and given its networks by the first caller; others wait for that.
  Result<builder::Workbench*> Workbench(const Context& ctx);
  /// Of the workspace's source; "" before there is a workbench, and where there is no commit.
  std::string revision();
  /// What a container that names `network` is to join: itself, or "" where the run has no such network of its own.
  std::string NetworkFor(const std::string& network);

  /// A container that runs until the end of the run.
  void AddService(std::unique_ptr<builder::Container> container);
  /// Ends all services at once and waits for them.
  void EndServices();

 private:
  Status MakeNetworks(const Context& ctx, builder::Workbench& workbench);

  builder::Builder& builder_;
  const task::Task& task_;
  const RunSource source_;
  ProgressSink& progress_;

  std::mutex opening_;                                 // held while the workbench is being opened
  std::unique_ptr<builder::Workbench> own_workbench_;  // guarded by opening_, as the next two
  builder::Workbench* workbench_ = nullptr;
  bool has_networks_ = false;

  std::mutex mutex_;
  Images images_;  // guarded by mutex_, as all below
  std::string revision_;
  std::map<std::string, bool> networks_;  // whether the run has made it
  std::vector<std::unique_ptr<builder::Container>> services_;
};

}  // namespace slipway::action
