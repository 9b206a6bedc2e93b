// RunningContainer: a container on a writable snapshot of its image, run by a thread of its own.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "executor/builder/workbench.h"
#include "executor/snapshot/snapshotter.h"

namespace slipway::builder {

class RunningContainer : public Container {
 public:
  /// `spec.rootfs` is the snapshot's. `keep` is what must live as long as the container. The runner must outlive this.
  RunningContainer(runtime::Runner& runner, runtime::ContainerSpec spec, std::unique_ptr<snapshot::Active> root,
                   std::shared_ptr<const void> keep, runtime::OutputSink output,
                   std::function<void(const Result<runtime::ContainerExit>&)> on_exit);
  ~RunningContainer() override;

  Result<runtime::StartedContainer> WaitStarted(const Context& ctx) override;
  Result<runtime::ContainerExit> Wait(const Context& ctx) override;
  void Stop() override;

 private:
  void Work(runtime::Runner& runner, const runtime::OutputSink& output);

  const std::function<void(const Result<runtime::ContainerExit>&)> on_exit_;

  const Context ctx_ = Context::Background().Child();
  runtime::ContainerSpec spec_;
  std::unique_ptr<snapshot::Active> root_;
  const std::shared_ptr<const void> keep_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::optional<runtime::StartedContainer> started_;       // guarded by mutex_
  std::optional<Result<runtime::ContainerExit>> outcome_;  // guarded by mutex_
  std::thread worker_;
};

}  // namespace slipway::builder
