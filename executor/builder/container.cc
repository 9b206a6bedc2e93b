#include "executor/builder/container.h"

#include "executor/base/caught.h"

namespace slipway::builder {

RunningContainer::RunningContainer(runtime::Runner& runner, runtime::ContainerSpec spec,
                                   std::unique_ptr<snapshot::Active> root, std::shared_ptr<const void> keep,
                                   runtime::OutputSink output,
                                   std::function<void(const Result<runtime::ContainerExit>&)> on_exit)
    : on_exit_(std::move(on_exit)), spec_(std::move(spec)), root_(std::move(root)), keep_(std::move(keep)) {
  spec_.on_started = [this](const runtime::StartedContainer& started) {
    const std::lock_guard lock(mutex_);
    started_ = started;
    changed_.notify_all();
  };
  worker_ = std::thread([this, &runner, output = std::move(output)] { Work(runner, output); });
}

RunningContainer::~RunningContainer() {
  Stop();
  worker_.join();
}

void RunningContainer::Work(runtime::Runner& runner, const runtime::OutputSink& output) {
  auto outcome = Caught("the container", [&] { return runner.Run(ctx_, spec_, output); });
  root_.reset();  // what it wrote into its root is of no use any more
  if (on_exit_) on_exit_(outcome);
  const std::lock_guard lock(mutex_);
  outcome_ = std::move(outcome);
  changed_.notify_all();
}

void RunningContainer::Stop() { ctx_.Cancel(Cancelled("the container was stopped")); }

Result<runtime::StartedContainer> RunningContainer::WaitStarted(const Context& ctx) {
  std::unique_lock lock(mutex_);
  SLIPWAY_RETURN_IF_ERROR(ctx.Wait(lock, changed_, [this] { return started_ || outcome_; }));
  // A runtime that finds out late that there is no such program has said before that it runs.
  if (outcome_ && !outcome_->ok()) return outcome_->status();
  return started_.value_or(runtime::StartedContainer());
}

Result<runtime::ContainerExit> RunningContainer::Wait(const Context& ctx) {
  const auto ended = [this] { return outcome_.has_value(); };
  std::unique_lock lock(mutex_);
  const Status status = ctx.Wait(lock, changed_, ended);
  if (status.ok()) return *outcome_;
  Stop();
  SLIPWAY_RETURN_IF_ERROR(Context::Background().Wait(lock, changed_, ended));
  return status;
}

}  // namespace slipway::builder
