// FakeTasks: the service Tasks as its contract says, with tasks in memory; it records what it is asked for. Part of
// FakeServer, which makes the runs. All functions may be called from any thread.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "slipway/v1/tasks.grpc.pb.h"

namespace slipway::testing {

class FakeTasks : public v1::Tasks::Service {
 public:
  using MakeRun = std::function<grpc::Status(const v1::RunTaskRequest& request, v1::Run* run)>;
  explicit FakeTasks(MakeRun make_run) : make_run_(std::move(make_run)) {}

  /// Puts a task there, as if it had been created.
  void Put(v1::Task task);
  /// With its secrets; empty if there is none.
  v1::Task Stored(const std::string& name) const;
  /// Requests as they came in; those that only check are among them.
  std::vector<v1::CreateTaskRequest> created() const;
  std::vector<v1::UpdateTaskRequest> updated() const;
  std::vector<v1::RunTaskRequest> run() const;
  /// The next update that is more than a check finds the task changed by this.
  void BeforeNextUpdate(std::function<void(v1::Task*)> change);
  void SetDeliveries(std::vector<v1::Delivery> deliveries);

  grpc::Status CreateTask(grpc::ServerContext*, const v1::CreateTaskRequest* request, v1::Task* response) override;
  grpc::Status UpdateTask(grpc::ServerContext*, const v1::UpdateTaskRequest* request, v1::Task* response) override;
  grpc::Status GetTask(grpc::ServerContext*, const v1::GetTaskRequest* request, v1::Task* response) override;
  grpc::Status ListTasks(grpc::ServerContext*, const v1::ListTasksRequest* request,
                         v1::ListTasksResponse* response) override;
  grpc::Status DeleteTask(grpc::ServerContext*, const v1::DeleteTaskRequest* request,
                          v1::DeleteTaskResponse* response) override;
  grpc::Status RunTask(grpc::ServerContext*, const v1::RunTaskRequest* request, v1::Run* response) override;
  grpc::Status ListDeliveries(grpc::ServerContext*, const v1::ListDeliveriesRequest* request,
                              v1::ListDeliveriesResponse* response) override;
  grpc::Status ReplayDelivery(grpc::ServerContext*, const v1::ReplayDeliveryRequest* request,
                              v1::Delivery* response) override;

 private:
  v1::Task Keep(v1::Task task);

  const MakeRun make_run_;
  mutable std::mutex mutex_;
  std::map<std::string, v1::Task> tasks_;
  std::vector<v1::CreateTaskRequest> created_;
  std::vector<v1::UpdateTaskRequest> updated_;
  std::vector<v1::RunTaskRequest> run_;
  std::function<void(v1::Task*)> before_update_;
  std::vector<v1::Delivery> deliveries_;
  int changes_ = 0;
};

}  // namespace slipway::testing
