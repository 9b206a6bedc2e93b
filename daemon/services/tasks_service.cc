#include "daemon/services/tasks_service.h"

#include <openssl/rand.h>

#include "daemon/services/message_check.h"
#include "daemon/services/schedule_answer.h"
#include "daemon/services/status.h"
#include "daemon/store/task_json.h"
#include "daemon/tasks/pinned_source.h"
#include "daemon/tasks/task_check.h"
#include "executor/base/log.h"

namespace slipway::services {

namespace {

constexpr int kTaskPage = 100;
constexpr int kDeliveryPage = 15;
constexpr int kMaxPage = 1000;
// Changes without an etag that meet another one at the same moment are made anew on what that one left.
constexpr int kUpdateAttempts = 10;

grpc::Status NoSuchTask(const Status& status, const std::string& name) {
  if (status.code() == Code::kNotFound) return Refuse(status, "TASK_NOT_FOUND", {{"task", name}});
  if (status.code() == Code::kAborted) return Refuse(status, "TASK_CHANGED", {{"task", name}});
  return ToGrpc(status);
}

grpc::Status CheckName(const google::protobuf::Message& request, const std::string& name) {
  if (const task::FieldErrors errors = CheckKnown(request); !errors.empty()) return BadFields(errors);
  if (store::IsTaskName(name)) return grpc::Status::OK;
  return BadFields({{"name", name.empty() ? "is empty" : "is no name of a task (5 to 50 letters, digits, '-', '_')"}});
}

// How many of a page; what is wrong with it is added to `errors`.
size_t PageSize(int asked, int standard, task::FieldErrors* errors) {
  if (asked < 0) errors->push_back({"page_size", "is negative"});
  return static_cast<size_t>(asked <= 0 ? standard : std::min(asked, kMaxPage));
}

// 32 hex digits that nobody guesses.
Result<std::string> DrawSecret() {
  std::array<unsigned char, 16> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) {
    return Internal("no random bytes for a webhook's secret");
  }
  std::string out;
  for (const unsigned char byte : bytes) out += fmt::format("{:02x}", byte);
  return out;
}

// Whether a change leaves everything as it was, secrets too.
bool IsSame(const store::Task& before, const tasks::TaskSecrets& secrets, const TaskDraft& draft) {
  return before.enabled == draft.task.enabled && secrets.values() == draft.secrets.values() &&
         store::SpecToJson(before) == store::SpecToJson(draft.task);
}

// Gives a secret to each source trigger that has none: the drawn ones by the trigger's name.
Result<std::map<std::string, std::string>> DrawSecrets(TaskDraft* draft) {
  std::map<std::string, std::string> drawn;
  for (const store::SourceTrigger& source : draft->task.sources) {
    const std::string name = fmt::format("trigger:{}:secret", source.name);
    if (draft->secrets.Has(name)) continue;
    SLIPWAY_ASSIGN_OR_RETURN(drawn[source.name], DrawSecret());
    draft->secrets.Set(name, drawn[source.name]);
  }
  return drawn;
}

}  // namespace

v1::Task TasksService::Show(const store::Task& task) const {
  Result<tasks::TaskSecrets> secrets = tasks::TaskSecrets::Open(task, parts_.sealer);
  if (!secrets.ok()) spdlog::error("task '{}': {}", task.name, secrets.status().message());
  return ToMessage(task, secrets.ok() ? *secrets : tasks::TaskSecrets(),
                   [&](const std::string& timer) { return parts_.triggers.NextTime(task.name, timer); });
}

// Stores a task that was checked.
grpc::Status TasksService::Keep(TaskDraft draft, bool is_new, v1::Task* response) {
  const Result<std::map<std::string, std::string>> drawn = DrawSecrets(&draft);
  if (!drawn.ok()) return ToGrpc(drawn.status());
  if (const Status sealed = draft.secrets.Seal(parts_.sealer, &draft.task); !sealed.ok()) return ToGrpc(sealed);
  const std::string name = draft.task.name;
  const SystemTime now = parts_.clock.System();
  const Result<store::Task> stored =
      is_new ? parts_.tasks.Create(std::move(draft.task), now) : parts_.tasks.Update(std::move(draft.task), now);
  if (stored.code() == Code::kAlreadyExists) return Refuse(stored.status(), "TASK_EXISTS", {{"task", name}});
  if (!stored.ok()) return NoSuchTask(stored.status(), name);
  spdlog::info("task '{}' was {}", name, is_new ? "made" : "changed");
  if (const Status status = parts_.triggers.TaskChanged(name); !status.ok()) return ToGrpc(status);
  *response = Show(*stored);
  for (v1::SourceTrigger& source : *response->mutable_source_triggers()) {
    if (const auto it = drawn->find(source.name()); it != drawn->end()) source.set_secret(it->second);
  }
  return grpc::Status::OK;
}

grpc::Status TasksService::CreateTask(grpc::ServerContext*, const v1::CreateTaskRequest* request, v1::Task* response) {
  task::FieldErrors errors = CheckKnown(*request);
  if (!errors.empty()) return BadFields(errors);
  TaskDraft draft = ToTask(request->task(), {}, parts_.default_timeout, &errors);
  if (errors.empty()) errors = tasks::Check(draft.task, draft.secrets, parts_.rules);
  if (!errors.empty()) return BadFields(errors, "task.");
  if (!request->validate_only()) return Keep(std::move(draft), true, response);
  const Result<store::Task> taken = parts_.tasks.Get(draft.task.name);
  if (taken.ok()) {
    return Refuse(AlreadyExists("there is a task '{}' already", taken->name), "TASK_EXISTS", {{"task", taken->name}});
  }
  if (taken.code() != Code::kNotFound) return ToGrpc(taken.status());
  *response = ToMessage(draft.task, draft.secrets, [](const std::string&) { return std::nullopt; });
  return grpc::Status::OK;
}

grpc::Status TasksService::UpdateTask(grpc::ServerContext*, const v1::UpdateTaskRequest* request, v1::Task* response) {
  if (grpc::Status bad = CheckName(*request, request->task().name()); !bad.ok()) return bad;
  bool again = true;
  grpc::Status status;
  for (int i = 0; i < kUpdateAttempts && again; ++i) {
    again = false;
    status = TryUpdate(*request, response, &again);
  }
  return status;
}

grpc::Status TasksService::TryUpdate(const v1::UpdateTaskRequest& request, v1::Task* response, bool* again) {
  const std::string& name = request.task().name();
  const Result<store::Task> before = parts_.tasks.Get(name);
  if (!before.ok()) return NoSuchTask(before.status(), name);
  const std::string& etag = request.task().etag();
  if (!etag.empty() && etag != before->etag) {
    return NoSuchTask(
        Aborted("task '{}' was changed by somebody else meanwhile; read it again and repeat the change", before->name),
        before->name);
  }
  const Result<tasks::TaskSecrets> known = tasks::TaskSecrets::Open(*before, parts_.sealer);
  if (!known.ok()) return ToGrpc(known.status());

  v1::Task merged = ToMessage(*before, *known, [](const std::string&) { return std::nullopt; });
  task::FieldErrors errors;
  Merge(request.task(), request.update_mask(), &merged, &errors);
  if (!errors.empty()) return BadFields(errors);
  TaskDraft draft = ToTask(merged, *known, parts_.default_timeout, &errors);
  if (errors.empty()) errors = tasks::Check(draft.task, draft.secrets, parts_.rules);
  const std::string token = known->Get("context");
  const bool moved = store::SourceOf(*before) != store::SourceOf(draft.task);
  if (moved && !token.empty() && draft.secrets.Get("context") == token &&
      !tasks::SameSourceHost(store::SourceOf(*before), store::SourceOf(draft.task))) {
    errors.push_back({"context_access_token", "was given for another host; give that of the new source, or none"});
  }
  if (!errors.empty()) return BadFields(errors, "task.");
  draft.task.create_time = before->create_time;
  draft.task.etag = before->etag;
  draft.task.bases = before->bases;
  const bool same = IsSame(*before, *known, draft);
  if (request.validate_only()) {
    if (!same) draft.task.etag.clear();
    *response = ToMessage(draft.task, draft.secrets, [](const std::string&) { return std::nullopt; });
    return grpc::Status::OK;
  }
  if (same) {
    *response = Show(*before);
    return grpc::Status::OK;
  }
  grpc::Status status = Keep(std::move(draft), false, response);
  *again = etag.empty() && status.error_code() == grpc::StatusCode::ABORTED;
  return status;
}

grpc::Status TasksService::GetTask(grpc::ServerContext*, const v1::GetTaskRequest* request, v1::Task* response) {
  if (grpc::Status bad = CheckName(*request, request->name()); !bad.ok()) return bad;
  const Result<store::Task> task = parts_.tasks.Get(request->name());
  if (!task.ok()) return NoSuchTask(task.status(), request->name());
  *response = Show(*task);
  return grpc::Status::OK;
}

grpc::Status TasksService::ListTasks(grpc::ServerContext*, const v1::ListTasksRequest* request,
                                     v1::ListTasksResponse* response) {
  task::FieldErrors errors = CheckKnown(*request);
  const size_t size = PageSize(request->page_size(), kTaskPage, &errors);
  if (!errors.empty()) return BadFields(errors);
  const Result<store::TaskPage> page = parts_.tasks.List(size, request->page_token());
  if (page.code() == Code::kInvalidArgument) return BadFields({{"page_token", page.status().message()}});
  if (!page.ok()) return ToGrpc(page.status());
  for (const store::Task& task : page->tasks) *response->add_tasks() = Show(task);
  response->set_next_page_token(page->next_page_token);
  return grpc::Status::OK;
}

grpc::Status TasksService::DeleteTask(grpc::ServerContext*, const v1::DeleteTaskRequest* request,
                                      v1::DeleteTaskResponse*) {
  if (grpc::Status bad = CheckName(*request, request->name()); !bad.ok()) return bad;
  const Result<store::Task> task = parts_.tasks.Get(request->name());
  if (!task.ok()) return NoSuchTask(task.status(), request->name());
  const Status removed = parts_.tasks.Delete(task->name, request->etag());
  if (!removed.ok()) return NoSuchTask(removed, task->name);
  spdlog::info("task '{}' was removed", task->name);
  return ToGrpc(parts_.triggers.TaskChanged(task->name));
}

grpc::Status TasksService::RunTask(grpc::ServerContext* context, const v1::RunTaskRequest* request, v1::Run* response) {
  if (grpc::Status bad = CheckName(*request, request->name()); !bad.ok()) return bad;
  if (request->request_id().size() > kMaxRequestId) {
    return BadFields({{"request_id", fmt::format("has more than {} characters", kMaxRequestId)}});
  }
  const Result<store::Task> task = parts_.tasks.Get(request->name());
  if (!task.ok()) return NoSuchTask(task.status(), request->name());
  task::FieldErrors errors;
  tasks::TaskOverrides overrides = ToOverrides(request->overrides(), &errors);
  for (task::FieldError& error : tasks::Check(overrides, *task, parts_.rules)) errors.push_back(std::move(error));
  if (!errors.empty()) return BadFields(errors, "overrides.");
  const std::string source = overrides.source_location.empty() ? store::SourceOf(*task) : overrides.source_location;
  const Result<store::CreatedRun> created = starter_.Start({.task = *task,
                                                            .overrides = std::move(overrides),
                                                            .request_id = request->request_id(),
                                                            .go_on = WhileItWaits(context)});
  if (!created.ok()) return RefuseRun(created.status(), source, parts_.runs, parts_.dispatcher);
  AnswerRun(created->run, parts_.runs, response);
  return grpc::Status::OK;
}

grpc::Status TasksService::ListDeliveries(grpc::ServerContext*, const v1::ListDeliveriesRequest* request,
                                          v1::ListDeliveriesResponse* response) {
  task::FieldErrors errors = CheckKnown(*request);
  const size_t size = PageSize(request->page_size(), kDeliveryPage, &errors);
  if (!request->task().empty() && !store::IsTaskName(request->task()))
    errors.push_back({"task", "is no name of a task"});
  if (!errors.empty()) return BadFields(errors);
  // Its deliveries outlive a task; they have its name as it was written.
  const Result<store::Task> task = parts_.tasks.Get(request->task());
  const Result<store::DeliveryPage> page =
      parts_.tasks.Deliveries(task.ok() ? task->name : request->task(), size, request->page_token());
  if (page.code() == Code::kInvalidArgument) return BadFields({{"page_token", page.status().message()}});
  if (!page.ok()) return ToGrpc(page.status());
  for (const store::Delivery& delivery : page->deliveries) *response->add_deliveries() = ToMessage(delivery);
  response->set_next_page_token(page->next_page_token);
  return grpc::Status::OK;
}

grpc::Status TasksService::ReplayDelivery(grpc::ServerContext*, const v1::ReplayDeliveryRequest* request,
                                          v1::Delivery* response) {
  if (const task::FieldErrors errors = CheckKnown(*request); !errors.empty()) return BadFields(errors);
  const std::optional<int64_t> number = store::ParseDeliveryId(request->delivery_id());
  if (!number) return BadFields({{"delivery_id", "is not the id of a delivery ('d' and a number)"}});
  const Result<store::Delivery> delivery = parts_.triggers.Replay(*number);
  if (delivery.code() == Code::kNotFound) {
    return Refuse(delivery.status(), "DELIVERY_NOT_FOUND", {{"delivery_id", request->delivery_id()}});
  }
  if (delivery.code() == Code::kFailedPrecondition) {
    return Refuse(delivery.status(), "DELIVERY_REFUSED", {{"delivery_id", request->delivery_id()}});
  }
  if (!delivery.ok()) return ToGrpc(delivery.status());
  *response = ToMessage(*delivery);
  return grpc::Status::OK;
}

}  // namespace slipway::services
