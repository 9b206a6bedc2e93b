// RunQueue: ids of runs that wait, first come first served. Thread-safe.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <string>

namespace slipway::runs {

class RunQueue {
 public:
  void Push(std::string run_id);
  /// Of one that was popped and has to wait again.
  void PushFront(std::string run_id);
  /// Waits for the next run; nullopt once the queue is closed, whatever it holds.
  std::optional<std::string> Pop();
  void Close();

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::string> ids_;  // guarded by mutex_
  bool closed_ = false;          // guarded by mutex_
};

}  // namespace slipway::runs
