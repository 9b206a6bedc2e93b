// FailingStore: a store of runs on a disk that is full for a while. Thread-safe.
#pragma once

#include <condition_variable>
#include <limits>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "daemon/store/run_store.h"

namespace slipway::runs {

class FailingStore : public store::RunStore {
 public:
  static constexpr int kAlways = std::numeric_limits<int>::max();

  explicit FailingStore(std::unique_ptr<store::RunStore> store) : store_(std::move(store)) {}

  /// So many of the next calls fail.
  void FailStart(int times) { Set(&start_, times); }
  void FailSetRunning(int times) { Set(&running_, times); }
  void FailFinish(int times) { Set(&finish_, times); }
  /// Waits until so many calls have failed.
  void AwaitFailures(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return failed_ >= count; });
  }

  Result<store::Run> Start(const std::string& id, SystemTime now) override {
    SLIPWAY_RETURN_IF_ERROR(Take(&start_));
    return store_->Start(id, now);
  }
  Result<store::Run> SetRunning(const std::string& id, SystemTime now) override {
    SLIPWAY_RETURN_IF_ERROR(Take(&running_));
    return store_->SetRunning(id, now);
  }
  Result<store::Run> Finish(const std::string& id, store::RunState state, const store::RunResult& result,
                            SystemTime now) override {
    SLIPWAY_RETURN_IF_ERROR(Take(&finish_));
    return store_->Finish(id, state, result, now);
  }

  Result<store::CreatedRun> Create(const store::NewRun& request) override { return store_->Create(request); }
  Result<store::Run> Get(const std::string& id) override { return store_->Get(id); }
  Result<store::RunPage> List(const store::RunFilter& filter, size_t size, const std::string& token) override {
    return store_->List(filter, size, token);
  }
  Result<std::vector<store::Run>> Unfinished() override { return store_->Unfinished(); }
  Result<QueueInfo> Queue(int64_t number) override { return store_->Queue(number); }
  Result<store::Run> Requeue(const std::string& id, bool crashed, SystemTime now) override {
    return store_->Requeue(id, crashed, now);
  }
  Result<store::Run> SetArchived(const std::string& id, bool archived, SystemTime now) override {
    return store_->SetArchived(id, archived, now);
  }
  Result<store::Run> RequestCancel(const std::string& id, SystemTime now) override {
    return store_->RequestCancel(id, now);
  }
  Status Reseal(const std::string& id, const std::string& sealed) override { return store_->Reseal(id, sealed); }
  Result<std::optional<int64_t>> OldestOfNewest(uint64_t count) override { return store_->OldestOfNewest(count); }
  Result<std::vector<std::string>> Forget(const store::Retention& kept, size_t limit) override {
    return store_->Forget(kept, limit);
  }
  const std::string& run_id_prefix() const override { return store_->run_id_prefix(); }

 private:
  void Set(int* left, int times) {
    const std::lock_guard lock(mutex_);
    *left = times;
  }
  Status Take(int* left) {
    const std::lock_guard lock(mutex_);
    if (*left == 0) return Status();
    --*left;
    ++failed_;
    changed_.notify_all();
    return ResourceExhausted("database or disk is full");
  }

  const std::unique_ptr<store::RunStore> store_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int start_ = 0;    // guarded by mutex_
  int running_ = 0;  // guarded by mutex_
  int finish_ = 0;   // guarded by mutex_
  int failed_ = 0;   // guarded by mutex_
};

}  // namespace slipway::runs
