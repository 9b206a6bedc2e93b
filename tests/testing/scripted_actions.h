// ScriptedActions: a boundary with the world for tests of the engine. What a step does is a function of the test; who
// began and ended is noted, and a step can be held in its middle. Thread-safe.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "steps/action/action.h"
#include "steps/engine/engine.h"

namespace slipway::testing {

class ScriptedActions {
 public:
  using Body = std::function<Status(const Context&, action::Environment&)>;

  /// What the step does; others do nothing and end well.
  void On(const std::string& step, Body body) { bodies_[step] = std::move(body); }
  /// The step stays in its middle until it is cancelled or let go.
  void Hold(const std::string& step) {
    const std::lock_guard lock(mutex_);
    held_.insert(step);
  }
  void Release(const std::string& step) {
    const std::lock_guard lock(mutex_);
    held_.erase(step);
    changed_.notify_all();
  }
  /// Waits (with a deadline) until so many steps are in their middle.
  bool WaitForRunning(size_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20), [&] { return running_ == count; });
  }

  /// Waits (with a deadline) until the step was begun so often.
  bool WaitForExecutions(const std::string& step, int count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20), [&] { return executions_[step] >= count; });
  }

  engine::RunOptions Options() {
    engine::RunOptions options;
    options.make_action = [this](const task::Step& step) { return std::make_unique<Scripted>(*this, step); };
    return options;
  }

  /// "a" when a step begins, "/a" when it ends.
  std::vector<std::string> trace() {
    const std::lock_guard lock(mutex_);
    return trace_;
  }
  size_t most_running() {
    const std::lock_guard lock(mutex_);
    return most_running_;
  }
  int executions(const std::string& step) {
    const std::lock_guard lock(mutex_);
    return executions_[step];
  }

 private:
  class Scripted : public action::Action {
   public:
    Scripted(ScriptedActions& owner, const task::Step& step) : owner_(owner), step_(step) {}
    Status Run(const Context& ctx, action::Environment& environment) override {
      owner_.Enter(step_.id);
      Status status = owner_.WaitForRelease(ctx, step_.id);
      const auto body = owner_.bodies_.find(step_.id);
      if (status.ok() && body != owner_.bodies_.end()) status = body->second(ctx, environment);
      owner_.Leave(step_.id);
      return status;
    }

   private:
    ScriptedActions& owner_;
    const task::Step& step_;
  };

  void Enter(const std::string& id) {
    const std::lock_guard lock(mutex_);
    trace_.push_back(id);
    ++executions_[id];
    most_running_ = std::max(most_running_, ++running_);
    changed_.notify_all();
  }
  void Leave(const std::string& id) {
    const std::lock_guard lock(mutex_);
    trace_.push_back("/" + id);
    --running_;
    changed_.notify_all();
  }
  Status WaitForRelease(const Context& ctx, const std::string& id) {
    std::unique_lock lock(mutex_);
    return ctx.Wait(lock, changed_, [&] { return !held_.contains(id); });
  }

  std::map<std::string, Body> bodies_;  // not changed while a run goes on
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::set<std::string> held_;
  std::vector<std::string> trace_;
  std::map<std::string, int> executions_;
  size_t running_ = 0;
  size_t most_running_ = 0;
};

}  // namespace slipway::testing
