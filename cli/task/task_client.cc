#include "cli/task/task_client.h"

namespace slipway::cli {

namespace {
constexpr int kTries = 5;
constexpr int kPage = 200;
}  // namespace

Result<v1::Task> GetTask(Connection& connection, const std::string& name, std::string* reason) {
  v1::GetTaskRequest request;
  request.set_name(name);
  v1::Task task;
  Call call(Context::Background(), kCallTimeout);
  if (const grpc::Status status = connection.tasks().GetTask(call.context(), request, &task); !status.ok()) {
    return connection.Failure(status, fmt::format("get task '{}'", name), reason);
  }
  return task;
}

Result<std::vector<v1::Task>> ListTasks(Connection& connection) {
  std::vector<v1::Task> tasks;
  v1::ListTasksRequest request;
  request.set_page_size(kPage);
  do {
    Call call(Context::Background(), kCallTimeout);
    v1::ListTasksResponse page;
    if (const grpc::Status status = connection.tasks().ListTasks(call.context(), request, &page); !status.ok()) {
      return connection.Failure(status, "list tasks");
    }
    for (v1::Task& task : *page.mutable_tasks()) tasks.push_back(std::move(task));
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return tasks;
}

Result<v1::Task> ChangeTask(Connection& connection, const std::string& name, const TaskChange& change) {
  Status changed;
  for (int i = 0; i < kTries; ++i) {
    SLIPWAY_ASSIGN_OR_RETURN(v1::Task was, GetTask(connection, name));
    v1::UpdateTaskRequest request;
    SLIPWAY_RETURN_IF_ERROR(change(was, &request));
    if (request.update_mask().paths().empty()) return was;
    request.mutable_task()->set_name(was.name());
    request.mutable_task()->set_etag(was.etag());
    v1::Task task;
    Call call(Context::Background(), kCallTimeout);
    const grpc::Status status = connection.tasks().UpdateTask(call.context(), request, &task);
    if (status.ok()) return task;
    changed = connection.Failure(status, fmt::format("update task '{}'", name));
    if (status.error_code() != grpc::StatusCode::ABORTED) break;
  }
  return changed;
}

}  // namespace slipway::cli
