// DetachedWorker: one thread for what may never come back. To look at an open file that a stranger has sent, or to
// close it, can last as long as its sender likes, and nothing interrupts it: the end of a TCP connection may linger, a
// file system may be a program of the sender's.
//
// It is the one thread that is never joined, so the end of the process does not wait for it. Work is done in the order
// in which it came. Thread-safe.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>

namespace slipway {

class DetachedWorker {
 public:
  /// The process's own, which lives as long as the process. Its thread starts with the first call.
  static DetachedWorker& Get();
  DetachedWorker(const DetachedWorker&) = delete;
  DetachedWorker& operator=(const DetachedWorker&) = delete;

  /// What `work` owns is let go on that thread, too.
  void Do(std::function<void()> work);
  /// How much is under way or waits. Whoever brings work for strangers must bring no more while this is large.
  size_t waiting() const;
  /// Waits until nothing is under way.
  void Await() const;

 private:
  DetachedWorker();
  ~DetachedWorker() = default;
  [[noreturn]] void Work();

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  mutable std::condition_variable done_;
  std::deque<std::function<void()>> queue_;  // guarded by mutex_; the first is under way
};

}  // namespace slipway
