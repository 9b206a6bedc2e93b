#include "executor/base/detached_worker.h"

#include <thread>
#include <utility>

namespace slipway {

DetachedWorker& DetachedWorker::Get() {
  static DetachedWorker& worker = *new DetachedWorker();
  return worker;
}

DetachedWorker::DetachedWorker() {
  std::thread([this] { Work(); }).detach();
}

void DetachedWorker::Do(std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(work));
  }
  wake_.notify_one();
}

size_t DetachedWorker::waiting() const {
  const std::lock_guard lock(mutex_);
  return queue_.size();
}

void DetachedWorker::Await() const {
  std::unique_lock lock(mutex_);
  done_.wait(lock, [this] { return queue_.empty(); });
}

void DetachedWorker::Work() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return !queue_.empty(); });
    std::function<void()> work = std::move(queue_.front());
    lock.unlock();
    work();
    work = nullptr;
    lock.lock();
    queue_.pop_front();
    done_.notify_all();
  }
}

}  // namespace slipway
