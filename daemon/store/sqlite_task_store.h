// SqliteTaskStore: a TaskStore in the same SQLite file as the runs.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "daemon/store/task_store.h"
#include "executor/db/database.h"

namespace slipway::store {

class SqliteTaskStore : public TaskStore {
 public:
  /// The schema must be up to date (SqliteRunStore::Open). Several stores may have the file open.
  static Result<std::unique_ptr<SqliteTaskStore>> Open(const std::string& path);

  Result<Task> Create(Task task, SystemTime now) override;
  Result<Task> Update(Task task, SystemTime now) override;
  Status Delete(const std::string& name, const std::string& etag) override;
  Result<Task> Get(const std::string& name) override;
  Result<TaskPage> List(size_t page_size, const std::string& page_token) override;
  Result<std::vector<Task>> All() override;
  Status Reseal(const std::string& name, const std::string& sealed) override;
  Status SetBases(const std::string& name, const std::vector<BaseImage>& bases) override;
  Result<std::vector<Task>> BuiltFrom(const Image& image) override;
  Result<std::vector<Image>> WatchedImages() override;
  Result<std::vector<TimerState>> Timers() override;
  Status SetTimer(const TimerState& state) override;
  Result<Delivery> AddDelivery(Delivery delivery) override;
  Status SetVerdict(int64_t number, Verdict verdict, const std::string& reason, const std::string& run_id) override;
  Result<Delivery> GetDelivery(int64_t number) override;
  Result<DeliveryPage> Deliveries(const std::string& task, size_t page_size, const std::string& page_token) override;
  Result<std::vector<Delivery>> PendingDeliveries() override;
  Result<int64_t> ForgetDeliveries(SystemTime before) override;

 private:
  explicit SqliteTaskStore(std::unique_ptr<db::Database> database) : database_(std::move(database)) {}

  std::unique_ptr<db::Database> database_;
};

}  // namespace slipway::store
