#include "executor/base/context.h"

namespace slipway {

struct Context::Node {
  std::shared_ptr<Node> parent;
  std::stop_source stop;
  std::mutex mutex;
  Status cause;  // guarded by mutex
  std::optional<TimePoint> deadline;
  Status on_deadline;
  // Last member: its destructor waits for a callback that runs, which uses the members above.
  std::optional<std::stop_callback<std::function<void()>>> parent_link;

  void Cancel(const Status& why) {
    {
      std::lock_guard lock(mutex);
      if (!cause.ok()) return;
      cause = why;
    }
    stop.request_stop();
  }

  Status Err() {
    {
      std::lock_guard lock(mutex);
      if (!cause.ok()) return cause;
    }
    if (deadline && std::chrono::steady_clock::now() >= *deadline) return on_deadline;
    return parent ? parent->Err() : Status();
  }
};

Context Context::Background() { return Context(std::make_shared<Node>()); }

Context Context::Child() const {
  auto node = std::make_shared<Node>();
  node->parent = node_;
  node->deadline = node_->deadline;
  node->on_deadline = node_->on_deadline;
  Node* raw = node.get();
  Node* parent = node_.get();
  node->parent_link.emplace(node_->stop.get_token(), std::function<void()>([raw, parent] { raw->Cancel(parent->Err()); }));
  return Context(std::move(node));
}

Context Context::WithTimeout(std::chrono::nanoseconds timeout, std::string_view what) const {
  Context child = Child();
  const TimePoint at = std::chrono::steady_clock::now() + timeout;
  if (!child.node_->deadline || at < *child.node_->deadline) {
    child.node_->deadline = at;
    const auto seconds = std::chrono::duration<double>(timeout).count();
    child.node_->on_deadline = DeadlineExceeded("timed out after {:.6g} s: {}", seconds, what);
  }
  return child;
}

void Context::Cancel(Status cause) const {
  assert(!cause.ok());
  node_->Cancel(cause);
}

Status Context::Err() const { return node_->Err(); }

std::optional<Context::TimePoint> Context::deadline() const { return node_->deadline; }

std::stop_token Context::stop_token() const { return node_->stop.get_token(); }

Status Context::Sleep(std::chrono::nanoseconds duration) const {
  std::mutex mutex;
  std::condition_variable_any cv;
  std::unique_lock lock(mutex);
  const TimePoint end = std::chrono::steady_clock::now() + duration;
  const TimePoint until = node_->deadline ? std::min(end, *node_->deadline) : end;
  cv.wait_until(lock, stop_token(), until, [] { return false; });
  return std::chrono::steady_clock::now() >= end && !stop_token().stop_requested() ? Status() : Err();
}

Status Context::Wait(std::unique_lock<std::mutex>& lock, std::condition_variable_any& cv,
                     const std::function<bool()>& ready) const {
  const bool done = node_->deadline ? cv.wait_until(lock, stop_token(), *node_->deadline, ready)
                                    : cv.wait(lock, stop_token(), ready);
  if (done) return Status();
  Status err = Err();
  return err.ok() ? Cancelled("the wait was ended") : err;
}

}  // namespace slipway
