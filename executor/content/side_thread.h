// SideThread: a thread beside its owner's, for one thing at a time that is done while the owner does another.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace slipway::content {

/// Used by one thread. Waits when destroyed.
class SideThread {
 public:
  SideThread();
  ~SideThread();
  SideThread(const SideThread&) = delete;
  SideThread& operator=(const SideThread&) = delete;

  /// Only when it is not busy. What `work` uses must stay as it is until then.
  void Begin(std::function<void()> work);
  bool busy();
  void Wait();

 private:
  void Work();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::function<void()> work_;  // guarded by mutex_; empty: not busy
  bool stopping_ = false;       // guarded by mutex_
  std::thread thread_;          // last: it uses the others
};

}  // namespace slipway::content
