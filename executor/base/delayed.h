// Delayed: work that nobody waits for, done a little later on a thread of its own, several pieces together. For what
// brings things to the disk that are in use already: a build that is short does not compete with it.
#pragma once

#include <pthread.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace slipway {

/// Thread-safe. What waits is done, at once, before it is destroyed.
template <typename T>
class Delayed {
 public:
  /// `work` gets what came within `delay` of the first piece, in order. What it refers to must outlive this.
  Delayed(std::string name, std::chrono::milliseconds delay, std::function<void(std::vector<T>)> work)
      : name_(std::move(name)), delay_(delay), work_(std::move(work)) {}
  ~Delayed() {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
  }
  Delayed(const Delayed&) = delete;
  Delayed& operator=(const Delayed&) = delete;

  void Add(T piece) {
    std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(piece));
    if (!thread_.joinable()) {
      thread_ = std::thread([this] { Work(); });
      pthread_setname_np(thread_.native_handle(), name_.substr(0, 15).c_str());
    }
    changed_.notify_all();
  }

 private:
  void Work() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      changed_.wait_for(lock, delay_, [this] { return stopping_; });
      std::vector<T> pieces = std::exchange(waiting_, {});
      lock.unlock();
      work_(std::move(pieces));
      lock.lock();
    }
  }

  const std::string name_;
  const std::chrono::milliseconds delay_;
  const std::function<void(std::vector<T>)> work_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<T> waiting_;  // guarded by mutex_, as all below
  bool stopping_ = false;
  std::thread thread_;  // from the first piece on
};

}  // namespace slipway
