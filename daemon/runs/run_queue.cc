#include "daemon/runs/run_queue.h"

namespace slipway::runs {

void RunQueue::Push(std::string run_id) {
  {
    const std::lock_guard lock(mutex_);
    ids_.push_back(std::move(run_id));
  }
  wake_.notify_one();
}

void RunQueue::PushFront(std::string run_id) {
  {
    const std::lock_guard lock(mutex_);
    ids_.push_front(std::move(run_id));
  }
  wake_.notify_one();
}

std::optional<std::string> RunQueue::Pop() {
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [this] { return closed_ || !ids_.empty(); });
  if (closed_) return std::nullopt;
  std::string id = std::move(ids_.front());
  ids_.pop_front();
  return id;
}

void RunQueue::Close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  wake_.notify_all();
}

}  // namespace slipway::runs
