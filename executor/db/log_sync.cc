#include "executor/db/log_sync.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <utility>

#include "executor/base/fs.h"
#include "executor/base/log.h"

namespace slipway::db {

namespace {
constexpr std::chrono::seconds kSoon{1};
}

LogSync::~LogSync() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  begun_.notify_one();
  if (worker_.joinable()) worker_.join();
}

Status LogSync::Reach() {
  std::unique_lock lock(mutex_);
  // A sync that is under way may have begun before our commit.
  const std::shared_ptr<Round> round = next_;
  changed_.wait(lock, [&] { return round->done || !syncing_; });
  if (round->done) return round->status;
  next_ = std::make_shared<Round>();
  syncing_ = true;
  due_ = false;
  lock.unlock();
  Status status = SyncNow();
  lock.lock();
  syncing_ = false;
  round->done = true;
  round->status = std::move(status);
  changed_.notify_all();
  return round->status;
}

void LogSync::ReachSoon() {
  const std::lock_guard lock(mutex_);
  if (std::exchange(due_, true)) return;
  if (!worker_.joinable()) worker_ = std::thread([this] { Work(); });
  begun_.notify_one();
}

void LogSync::Work() {
  std::unique_lock lock(mutex_);
  while (true) {
    begun_.wait(lock, [this] { return stopping_ || due_; });
    // Mostly a sync that somebody waits for comes first.
    begun_.wait_for(lock, kSoon, [this] { return stopping_; });
    if (stopping_) return;
    if (!due_) continue;
    lock.unlock();
    if (const Status status = Reach(); !status.ok()) spdlog::error("{}", status.message());
    lock.lock();
  }
}

// The log is made by the first commit and stays as long as the database is open.
Status LogSync::SyncNow() {
  const std::string path = database_ + "-wal";
  const std::string what = fmt::format("sync the log of database '{}'", database_);
  if (!log_.valid()) {
    auto log = fs::Open(path, O_RDONLY);
    if (!log.ok()) return std::move(log).status().With(what);
    SLIPWAY_RETURN_IF_ERROR(fs::SyncDir(fs::DirName(path)).With(what));
    log_ = *std::move(log);
  }
  return ::fdatasync(log_.get()) == 0 ? Status() : ErrnoStatus(errno, what);
}

}  // namespace slipway::db
