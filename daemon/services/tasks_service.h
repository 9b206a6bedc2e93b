// TasksService: slipway.v1.Tasks on the store of tasks and on what starts them. All calls are short and run on gRPC's
// threads. Thread-safe.
#pragma once

#include <chrono>

#include "daemon/runs/dispatcher.h"
#include "daemon/secrets/sealer.h"
#include "daemon/services/convert_tasks.h"
#include "daemon/store/run_store.h"
#include "daemon/store/task_store.h"
#include "daemon/tasks/task_starter.h"
#include "daemon/tasks/triggers.h"
#include "executor/base/clock.h"
#include "slipway/v1/tasks.grpc.pb.h"

namespace slipway::services {

class TasksService final : public slipway::v1::Tasks::Service {
 public:
  struct Parts {
    store::TaskStore& tasks;
    store::RunStore& runs;
    runs::Dispatcher& dispatcher;
    tasks::Triggers& triggers;
    const secrets::Sealer& sealer;
    const Clock& clock;
    task::QuickBuildRules rules;
    std::chrono::seconds default_timeout{3600};  ///< of runs whose task sets none
  };
  explicit TasksService(Parts parts) : parts_(std::move(parts)), starter_(parts_.dispatcher, parts_.sealer) {}

  grpc::Status CreateTask(grpc::ServerContext* context, const v1::CreateTaskRequest* request,
                          v1::Task* response) override;
  grpc::Status UpdateTask(grpc::ServerContext* context, const v1::UpdateTaskRequest* request,
                          v1::Task* response) override;
  grpc::Status GetTask(grpc::ServerContext* context, const v1::GetTaskRequest* request, v1::Task* response) override;
  grpc::Status ListTasks(grpc::ServerContext* context, const v1::ListTasksRequest* request,
                         v1::ListTasksResponse* response) override;
  grpc::Status DeleteTask(grpc::ServerContext* context, const v1::DeleteTaskRequest* request,
                          v1::DeleteTaskResponse* response) override;
  grpc::Status RunTask(grpc::ServerContext* context, const v1::RunTaskRequest* request, v1::Run* response) override;
  grpc::Status ListDeliveries(grpc::ServerContext* context, const v1::ListDeliveriesRequest* request,
                              v1::ListDeliveriesResponse* response) override;
  grpc::Status ReplayDelivery(grpc::ServerContext* context, const v1::ReplayDeliveryRequest* request,
                              v1::Delivery* response) override;

 private:
  grpc::Status TryUpdate(const v1::UpdateTaskRequest& request, v1::Task* response, bool* again);
  grpc::Status Keep(TaskDraft draft, bool is_new, v1::Task* response);
  v1::Task Show(const store::Task& task) const;

  const Parts parts_;
  const tasks::TaskStarter starter_;
};

}  // namespace slipway::services
