// SqliteRunStore: a RunStore in a SQLite file (WAL, full sync). The schema is in migrations/; its SQL is kept portable.
#pragma once

#include <memory>
#include <string>

#include "daemon/store/notification.h"
#include "daemon/store/run_store.h"
#include "executor/db/database.h"

namespace slipway::store {

class SqliteRunStore : public RunStore {
 public:
  /// Opens or makes the file and brings its schema up to date. `run_id_prefix` is taken for a store that has none yet;
  /// "" draws one. FAILED_PRECONDITION if it has another.
  static Result<std::unique_ptr<SqliteRunStore>> Open(const std::string& path, const std::string& run_id_prefix = "");

  ~SqliteRunStore() override;

  /// Who says what is to be told of a run; stored together with each of its states. Set it before runs are made.
  void SetAnnouncer(Announcer announcer) { announcer_ = std::move(announcer); }

  Result<CreatedRun> Create(const NewRun& request) override;
  Result<Run> Get(const std::string& id) override;
  Result<RunPage> List(const RunFilter& filter, size_t page_size, const std::string& page_token) override;
  Result<std::vector<Run>> Unfinished() override;
  Result<QueueInfo> Queue(int64_t number) override;
  Result<Run> Start(const std::string& id, SystemTime now) override;
  Result<Run> SetRunning(const std::string& id, SystemTime now) override;
  Result<Run> Finish(const std::string& id, RunState state, const RunResult& result, SystemTime now) override;
  Result<Run> Requeue(const std::string& id, bool crashed, SystemTime now) override;
  Result<Run> SetArchived(const std::string& id, bool archived, SystemTime now) override;
  Result<Run> RequestCancel(const std::string& id, SystemTime now) override;
  Status Reseal(const std::string& id, const std::string& sealed) override;
  Result<std::optional<int64_t>> OldestOfNewest(uint64_t count) override;
  Result<std::vector<std::string>> Forget(const Retention& kept, size_t limit) override;
  const std::string& run_id_prefix() const override { return prefix_; }

 private:
  explicit SqliteRunStore(std::unique_ptr<db::Database> database) : database_(std::move(database)) {}
  Status LoadPrefix(db::Transaction& tx, const std::string& wanted);
  Status NoteBoot(db::Transaction& tx);
  Result<int64_t> TakeNumber(db::Transaction& tx);
  Status Announce(db::Transaction& tx, const Run& run, SystemTime now);
  Status AnnounceAndCommit(db::Transaction& tx, const Run& run, SystemTime now);
  Result<Run> Move(db::Transaction& tx, const std::string& id, RunState to, SystemTime now);

  std::unique_ptr<db::Database> database_;
  bool open_ = false;  // the store says in which boot
  std::string prefix_;
  Announcer announcer_;
};

}  // namespace slipway::store
