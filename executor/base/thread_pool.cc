#include "executor/base/thread_pool.h"

#include <pthread.h>

#include <algorithm>
#include <system_error>

#include "executor/base/caught.h"

namespace slipway {

ThreadPool::ThreadPool(size_t threads, std::string name)
    : most_(threads != 0 ? threads : std::max(1U, std::thread::hardware_concurrency())), name_(name.substr(0, 15)) {}

ThreadPool::~ThreadPool() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void ThreadPool::Submit(std::function<void()> task) {
  std::unique_lock lock(mutex_);
  queue_.push_back(std::move(task));
  if (queue_.size() > idle_ && threads_.size() < most_) {
    StartThread();
    return;
  }
  lock.unlock();
  wake_.notify_one();
}

void ThreadPool::StartThread() {
  try {
    threads_.emplace_back([this] { Work(); });
  } catch (const std::system_error&) {
    if (threads_.empty()) throw;
    return;  // the process may have no more of them: those that are there take the task
  }
  pthread_setname_np(threads_.back().native_handle(), name_.c_str());
}

void ThreadPool::Work() {
  std::unique_lock lock(mutex_);
  while (true) {
    ++idle_;
    wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    --idle_;
    if (queue_.empty()) return;
    auto task = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    task();
    task = nullptr;
    lock.lock();
  }
}

struct TaskGroup::State {
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::function<Status()>> waiting;
  size_t running = 0;
  Status first;

  // Takes one task that no thread has begun and runs it. False if there is none.
  bool RunOne() {
    std::unique_lock lock(mutex);
    if (waiting.empty()) return false;
    auto task = std::move(waiting.front());
    waiting.pop_front();
    ++running;
    lock.unlock();
    Status status = Caught("a task", task);
    task = nullptr;
    lock.lock();
    if (!status.ok() && first.ok()) first = std::move(status);
    if (--running == 0) changed.notify_all();
    return true;
  }
};

TaskGroup::TaskGroup(ThreadPool& pool) : state_(std::make_shared<State>()), pool_(pool) {}

TaskGroup::~TaskGroup() { Wait().Ignore(); }

void TaskGroup::Run(std::function<Status()> task) {
  {
    std::lock_guard lock(state_->mutex);
    state_->waiting.push_back(std::move(task));
  }
  state_->changed.notify_all();  // who waits helps
  pool_.Submit([state = state_] { state->RunOne(); });
}

Status TaskGroup::Wait() {
  while (true) {
    while (state_->RunOne()) {
    }
    // Those that run may add others, and the pool may be busy with what waits for these.
    std::unique_lock lock(state_->mutex);
    state_->changed.wait(lock, [this] { return state_->running == 0 || !state_->waiting.empty(); });
    if (state_->waiting.empty()) return state_->first;
  }
}

}  // namespace slipway
