// Context: the first argument of every call that may block. It carries cancellation with its cause and a deadline.
//
// A Context is a small handle that is copied freely and used from any thread. Children are cancelled with their parent;
// cancelling a child leaves the parent alone. Clean-up that must happen all the same runs under Context::Background().
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>

#include "executor/base/status.h"

namespace slipway {

class Context {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  /// Never cancelled, no deadline.
  static Context Background();

  /// A child that can be cancelled on its own with Cancel().
  Context Child() const;
  /// A child whose deadline is `timeout` from now (or the parent's, if that is sooner). `what` names the limit in the
  /// error: "timed out after 600 s: <what>".
  Context WithTimeout(std::chrono::nanoseconds timeout, std::string_view what) const;

  /// Cancels this context and its children. The first cause wins. `cause` must not be OK.
  void Cancel(Status cause) const;

  /// OK while work may go on; else the cause (CANCELLED, DEADLINE_EXCEEDED, or what Cancel was given).
  Status Err() const;
  bool Done() const { return !Err().ok(); }

  std::optional<TimePoint> deadline() const;
  /// Fires on Cancel() here or above. A deadline does not fire it: whoever waits also bounds the wait by deadline().
  std::stop_token stop_token() const;

  /// Waits up to `duration`; OK if the whole time passed, else Err().
  Status Sleep(std::chrono::nanoseconds duration) const;

  /// Waits on `cv` until `ready` holds; OK then, else Err(). `lock` must hold the mutex that guards what `ready` reads.
  Status Wait(std::unique_lock<std::mutex>& lock, std::condition_variable_any& cv, const std::function<bool()>& ready) const;

 private:
  struct Node;
  explicit Context(std::shared_ptr<Node> node) : node_(std::move(node)) {}
  std::shared_ptr<Node> node_;
};

}  // namespace slipway
