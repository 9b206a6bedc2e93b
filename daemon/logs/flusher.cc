#include "daemon/logs/flusher.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>

namespace slipway::logs {

namespace {
// Long enough to gather a burst, short enough not to be seen.
constexpr std::chrono::milliseconds kGatherTime{40};
}  // namespace

Flusher::Flusher() : thread_([this] { Work(); }) {}

Flusher::~Flusher() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void Flusher::Wake(const std::shared_ptr<RunFeed>& feed) {
  const std::lock_guard lock(mutex_);
  if (std::find(due_.begin(), due_.end(), feed) != due_.end()) return;
  due_.push_back(feed);
  if (due_.size() == 1) wake_.notify_all();
}

void Flusher::Work() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || !due_.empty(); });
    if (!stopping_) wake_.wait_for(lock, kGatherTime, [this] { return stopping_; });
    const std::vector<std::shared_ptr<RunFeed>> due = std::exchange(due_, {});
    if (due.empty() && stopping_) return;
    lock.unlock();
    for (const std::shared_ptr<RunFeed>& feed : due) {
      if (const Status status = feed->Flush(); !status.ok()) spdlog::warn("log of a run: {}", status.message());
    }
    lock.lock();
  }
}

}  // namespace slipway::logs
