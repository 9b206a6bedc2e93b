// ThreadPool: a bounded set of threads that run tasks in the order given. TaskGroup: tasks of one caller, awaited
// together.
//
// A thread is started when a task finds all others at work, so that a large bound costs nothing until it is needed.
// A pool is passed to whoever needs parallelism; nobody detaches a thread (but detached_worker.h, which says why). A
// task that waits for other tasks of the same pool must do so through TaskGroup::Wait, which runs queued tasks of its
// own group in the waiting thread, so a full pool cannot deadlock.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "executor/base/status.h"

namespace slipway {

class ThreadPool {
 public:
  /// `threads` of 0 means one for each processor.
  explicit ThreadPool(size_t threads, std::string name = "pool");
  /// Runs what is queued, then joins.
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  void Submit(std::function<void()> task);
  /// Tasks that can run at once.
  size_t size() const { return most_; }

 private:
  void Work();
  void StartThread();

  const size_t most_;
  const std::string name_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> queue_;  // guarded by mutex_
  bool stopping_ = false;                    // guarded by mutex_
  size_t idle_ = 0;                          // guarded by mutex_
  std::vector<std::thread> threads_;         // guarded by mutex_
};

/// Tasks that are awaited together. The first failure is kept; the others still run to their end. An exception is a
/// failure (Caught).
class TaskGroup {
 public:
  explicit TaskGroup(ThreadPool& pool);
  /// Waits.
  ~TaskGroup();
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  void Run(std::function<Status()> task);
  /// Waits for all tasks (helping with those not yet begun, those that tasks add too) and returns the first failure.
  Status Wait();

 private:
  struct State;
  std::shared_ptr<State> state_;
  ThreadPool& pool_;
};

}  // namespace slipway
