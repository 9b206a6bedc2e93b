#include "tests/testing/fake_tasks.h"

#include <google/protobuf/util/message_differencer.h>

#include <algorithm>

#include "tests/testing/fake_server.h"

namespace slipway::testing {

namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::RepeatedPtrField;

constexpr const char* kHidden = "***";

// Sets the field of `to` to what it is in `from`, be it nothing.
bool CopyField(const std::string& name, const Message& from, Message* to) {
  const FieldDescriptor* field = from.GetDescriptor()->FindFieldByName(name);
  if (field == nullptr) return false;
  to->GetReflection()->ClearField(to, field);
  std::unique_ptr<Message> only(from.New());
  only->CopyFrom(from);
  std::vector<const FieldDescriptor*> all;
  only->GetReflection()->ListFields(*only, &all);
  for (const FieldDescriptor* other : all) {
    if (other != field) only->GetReflection()->ClearField(only.get(), other);
  }
  to->MergeFrom(*only);
  return true;
}

Message* StepOf(v1::Task* task) {
  return task->has_docker_build() ? static_cast<Message*>(task->mutable_docker_build())
         : task->has_file_task()  ? static_cast<Message*>(task->mutable_file_task())
                                  : static_cast<Message*>(task->mutable_encoded_task());
}

std::string StepName(const v1::Task& task) {
  return task.has_docker_build() ? "docker_build" : task.has_file_task() ? "file_task" : "encoded_task";
}

// Calls `secret(key, value)` for each secret of a task; the key stays the same if lists are put in another order.
template <typename Secret>
void EachSecret(v1::Task* task, const Secret& secret) {
  secret("context", task->mutable_context_access_token());
  for (v1::SourceTrigger& source : *task->mutable_source_triggers()) {
    secret("secret " + source.name(), source.mutable_secret());
    secret("token " + source.name(), source.mutable_status_token());
  }
  for (v1::RegistryCredential& login : *task->mutable_credentials()) {
    secret("password " + login.login_server(), login.mutable_password());
  }
  RepeatedPtrField<v1::Argument>* arguments = task->has_docker_build()
                                                  ? task->mutable_docker_build()->mutable_arguments()
                                              : task->has_file_task() ? task->mutable_file_task()->mutable_values()
                                                                      : task->mutable_encoded_task()->mutable_values();
  for (v1::Argument& argument : *arguments) {
    if (argument.is_secret()) secret("argument " + argument.name(), argument.mutable_value());
  }
}

v1::Task Hidden(v1::Task task) {
  EachSecret(&task, [](const std::string& key, std::string* value) {
    if (!value->empty()) *value = key.starts_with("argument") ? "" : kHidden;
  });
  return task;
}

grpc::Status NoTask(const std::string& name) {
  return FakeServer::Failure(grpc::StatusCode::NOT_FOUND, "task '" + name + "' does not exist", "TASK_NOT_FOUND");
}

void FillDefaults(v1::Task* task) {
  for (v1::SourceTrigger& source : *task->mutable_source_triggers()) {
    if (source.secret().empty()) source.set_secret("drawn");
    source.set_webhook_path("/webhooks/git/" + task->name() + "/" + source.name());
  }
}

}  // namespace

v1::Task FakeTasks::Keep(v1::Task task) {
  task.set_etag("e" + std::to_string(++changes_));
  tasks_[task.name()] = task;
  return task;
}

void FakeTasks::Put(v1::Task task) {
  const std::lock_guard lock(mutex_);
  FillDefaults(&task);
  Keep(std::move(task));
}

v1::Task FakeTasks::Stored(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto at = tasks_.find(name);
  return at == tasks_.end() ? v1::Task() : at->second;
}

std::vector<v1::CreateTaskRequest> FakeTasks::created() const {
  const std::lock_guard lock(mutex_);
  return created_;
}

std::vector<v1::UpdateTaskRequest> FakeTasks::updated() const {
  const std::lock_guard lock(mutex_);
  return updated_;
}

std::vector<v1::RunTaskRequest> FakeTasks::run() const {
  const std::lock_guard lock(mutex_);
  return run_;
}

void FakeTasks::BeforeNextUpdate(std::function<void(v1::Task*)> change) {
  const std::lock_guard lock(mutex_);
  before_update_ = std::move(change);
}

void FakeTasks::SetDeliveries(std::vector<v1::Delivery> deliveries) {
  const std::lock_guard lock(mutex_);
  deliveries_ = std::move(deliveries);
}

grpc::Status FakeTasks::CreateTask(grpc::ServerContext*, const v1::CreateTaskRequest* request, v1::Task* response) {
  const std::lock_guard lock(mutex_);
  created_.push_back(*request);
  v1::Task task = request->task();
  if (tasks_.contains(task.name())) {
    return FakeServer::Failure(grpc::StatusCode::ALREADY_EXISTS, "task '" + task.name() + "' exists", "TASK_EXISTS");
  }
  if (task.name().size() < 5) {
    return FakeServer::Failure(grpc::StatusCode::INVALID_ARGUMENT, "bad", "", {{"task.name", "is too short"}});
  }
  FillDefaults(&task);
  *response = Hidden(task);
  for (int i = 0; i < task.source_triggers_size(); ++i) {
    if (request->validate_only()) {
      if (request->task().source_triggers(i).secret().empty()) response->mutable_source_triggers(i)->clear_secret();
    } else if (request->task().source_triggers(i).secret().empty()) {
      response->mutable_source_triggers(i)->set_secret(task.source_triggers(i).secret());
    }
  }
  if (!request->validate_only()) response->set_etag(Keep(std::move(task)).etag());
  return grpc::Status::OK;
}

grpc::Status FakeTasks::UpdateTask(grpc::ServerContext*, const v1::UpdateTaskRequest* request, v1::Task* response) {
  const std::lock_guard lock(mutex_);
  updated_.push_back(*request);
  const auto at = tasks_.find(request->task().name());
  if (at == tasks_.end()) return NoTask(request->task().name());
  if (before_update_ && !request->validate_only()) {
    v1::Task changed = at->second;
    std::exchange(before_update_, nullptr)(&changed);
    Keep(std::move(changed));
  }
  const v1::Task& was = at->second;
  if (!request->task().etag().empty() && request->task().etag() != was.etag()) {
    return FakeServer::Failure(grpc::StatusCode::ABORTED, "the task was changed meanwhile", "TASK_CHANGED");
  }
  v1::Task task = was;
  v1::Task wanted = request->task();
  for (const std::string& path : request->update_mask().paths()) {
    const bool part = path.starts_with("step.");
    const std::string field = part ? path.substr(5) : path == "step" ? StepName(wanted) : path;
    const bool known = part ? CopyField(field, *StepOf(&wanted), StepOf(&task)) : CopyField(field, wanted, &task);
    if (!known) return {grpc::StatusCode::INVALID_ARGUMENT, "update_mask: '" + path + "' is unknown"};
  }
  std::map<std::string, std::string> before;
  v1::Task old = was;
  EachSecret(&old, [&](const std::string& key, std::string* value) { before[key] = *value; });
  EachSecret(&task, [&](const std::string& key, std::string* value) {
    if (*value == kHidden) *value = before[key];
  });
  FillDefaults(&task);
  // What changes nothing leaves the etag.
  const bool same = google::protobuf::util::MessageDifferencer::Equals(task, was);
  if (request->validate_only()) {
    if (!same) task.set_etag("");
  } else if (!same) {
    task = Keep(std::move(task));
  }
  *response = Hidden(task);
  return grpc::Status::OK;
}

grpc::Status FakeTasks::GetTask(grpc::ServerContext*, const v1::GetTaskRequest* request, v1::Task* response) {
  const std::lock_guard lock(mutex_);
  const auto at = tasks_.find(request->name());
  if (at == tasks_.end()) return NoTask(request->name());
  *response = Hidden(at->second);
  return grpc::Status::OK;
}

grpc::Status FakeTasks::ListTasks(grpc::ServerContext*, const v1::ListTasksRequest* request,
                                  v1::ListTasksResponse* response) {
  const std::lock_guard lock(mutex_);
  // Pages are smaller than asked for, as a daemon may make them.
  auto at = tasks_.upper_bound(request->page_token());
  for (int i = 0; i < 2 && at != tasks_.end(); ++i, ++at) *response->add_tasks() = Hidden(at->second);
  if (at != tasks_.end()) response->set_next_page_token(std::prev(at)->first);
  return grpc::Status::OK;
}

grpc::Status FakeTasks::DeleteTask(grpc::ServerContext*, const v1::DeleteTaskRequest* request,
                                   v1::DeleteTaskResponse*) {
  const std::lock_guard lock(mutex_);
  return tasks_.erase(request->name()) > 0 ? grpc::Status::OK : NoTask(request->name());
}

grpc::Status FakeTasks::RunTask(grpc::ServerContext*, const v1::RunTaskRequest* request, v1::Run* response) {
  {
    const std::lock_guard lock(mutex_);
    if (!tasks_.contains(request->name())) return NoTask(request->name());
  }
  const grpc::Status status = make_run_(*request, response);
  if (!status.ok()) return status;
  const std::lock_guard lock(mutex_);
  run_.push_back(*request);
  return status;
}

grpc::Status FakeTasks::ListDeliveries(grpc::ServerContext*, const v1::ListDeliveriesRequest* request,
                                       v1::ListDeliveriesResponse* response) {
  const std::lock_guard lock(mutex_);
  for (const v1::Delivery& delivery : deliveries_) {
    if (request->task().empty() || request->task() == delivery.task()) *response->add_deliveries() = delivery;
  }
  return grpc::Status::OK;
}

grpc::Status FakeTasks::ReplayDelivery(grpc::ServerContext*, const v1::ReplayDeliveryRequest* request,
                                       v1::Delivery* response) {
  const std::lock_guard lock(mutex_);
  const auto at = std::find_if(deliveries_.begin(), deliveries_.end(),
                               [&](const v1::Delivery& d) { return d.delivery_id() == request->delivery_id(); });
  if (at == deliveries_.end()) {
    return FakeServer::Failure(grpc::StatusCode::NOT_FOUND, "delivery '" + request->delivery_id() + "' does not exist",
                               "DELIVERY_NOT_FOUND");
  }
  *response = *at;
  response->set_delivery_id("d" + std::to_string(100 + deliveries_.size()));
  response->set_verdict(v1::DELIVERY_VERDICT_PENDING);
  return grpc::Status::OK;
}

}  // namespace slipway::testing
