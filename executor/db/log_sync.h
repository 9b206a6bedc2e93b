// LogSync: brings commits to the disk, several with one sync.
//
// SQLite itself would sync in COMMIT, while it holds the writer: transactions of several threads would then wait for
// the disk one after the other. Here a commit first goes to the log (the -wal file) without a sync, others may write,
// and who needs it on the disk asks for that. While one sync is under way those that ask wait for the next one
// together.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "executor/base/status.h"
#include "executor/base/unique_fd.h"

namespace slipway::db {

/// Thread-safe.
class LogSync {
 public:
  explicit LogSync(std::string database) : database_(std::move(database)) {}
  ~LogSync();
  LogSync(const LogSync&) = delete;
  LogSync& operator=(const LogSync&) = delete;

  /// Returns when all that was committed before the call is on the disk. Not OK: the disk failed, and what of it is
  /// there is unknown.
  Status Reach();
  /// Sees to it that all that was committed before the call is on the disk about a second later.
  void ReachSoon();

 private:
  // One sync, and who waits for it.
  struct Round {
    bool done = false;
    Status status;
  };
  Status SyncNow();
  void Work();

  const std::string database_;
  UniqueFd log_;  // by one thread at a time: that which has set `syncing_`
  std::mutex mutex_;
  std::condition_variable changed_;  // a sync is over
  std::condition_variable begun_;    // the worker has something to do
  bool due_ = false;       // guarded by mutex_: there is a commit that no sync has begun after
  bool stopping_ = false;  // guarded by mutex_
  std::thread worker_;     // of ReachSoon, once that was called
  bool syncing_ = false;   // guarded by mutex_
  std::shared_ptr<Round> next_ = std::make_shared<Round>();  // guarded by mutex_
};

}  // namespace slipway::db
