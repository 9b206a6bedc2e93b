#include "daemon/services/runs_service.h"

#include "daemon/services/convert.h"
#include "daemon/services/convert_task.h"
#include "daemon/services/event_stream.h"
#include "daemon/services/log_stream.h"
#include "daemon/services/message_check.h"
#include "daemon/services/schedule_answer.h"
#include "daemon/services/status.h"
#include "daemon/services/step_log_stream.h"
#include "daemon/services/timeout.h"
#include "executor/base/utf8.h"

namespace slipway::services {

namespace {

constexpr int kDefaultPage = 15;
constexpr int kMaxPage = 1000;
constexpr std::chrono::minutes kRenderTimeout{5};

grpc::Status CheckRunId(const std::string& run_id) {
  if (store::IsRunId(run_id)) return grpc::Status::OK;
  return BadFields({{"run_id", run_id.empty() ? "is empty" : "is not the id of a run (3 to 12 of a-z and 0-9)"}});
}

grpc::Status CheckRequest(const google::protobuf::Message& request, const std::string& run_id) {
  if (const task::FieldErrors errors = CheckKnown(request); !errors.empty()) return BadFields(errors);
  return CheckRunId(run_id);
}

grpc::Status NoSuchRun(const Status& status, const std::string& run_id) {
  if (status.code() != Code::kNotFound) return ToGrpc(status);
  return Refuse(status, "RUN_NOT_FOUND", {{"run_id", run_id}});
}

}  // namespace

grpc::Status RunsService::ScheduleRun(grpc::ServerContext* context, const v1::ScheduleRunRequest* request,
                                      v1::Run* response) {
  if (const task::FieldErrors unknown = CheckKnown(*request); !unknown.empty()) return BadFields(unknown);
  if (request->request_id().size() > kMaxRequestId) {
    return BadFields({{"request_id", fmt::format("has more than {} characters", kMaxRequestId)}});
  }
  runs::ScheduleRequest schedule;
  schedule.request_id = request->request_id();
  schedule.go_on = WhileItWaits(context);
  task::FieldErrors errors;
  switch (request->request_case()) {
    case v1::ScheduleRunRequest::kDockerBuild:
      schedule.build = ToQuickBuild(request->docker_build());
      errors = task::Check(schedule.build, options_.rules);
      schedule.timeout = ReadTimeout(request->docker_build(), options_.default_timeout, &errors);
      if (!errors.empty()) return BadFields(errors, "docker_build.");
      break;
    case v1::ScheduleRunRequest::kFileTask:
      schedule.file_task = ToFileTask(request->file_task());
      errors = task::Check(*schedule.file_task);
      schedule.timeout = ReadTimeout(request->file_task(), options_.default_timeout, &errors);
      if (!errors.empty()) return BadFields(errors, "file_task.");
      break;
    case v1::ScheduleRunRequest::kEncodedTask:
      schedule.file_task = ToFileTask(request->encoded_task());
      errors = task::Check(*schedule.file_task);
      schedule.timeout = ReadTimeout(request->encoded_task(), options_.default_timeout, &errors);
      if (!errors.empty()) return BadFields(errors, "encoded_task.");
      break;
    case v1::ScheduleRunRequest::REQUEST_NOT_SET:
      return BadFields({{"request", "is not set; set docker_build, file_task or encoded_task"}});
  }
  const std::string& source = schedule.file_task ? schedule.file_task->source_location : schedule.build.source_location;
  const Result<store::CreatedRun> created = dispatcher_.Schedule(schedule);
  if (created.ok()) return Answer(created->run, response);
  return RefuseRun(created.status(), source, store_, dispatcher_);
}

grpc::Status RunsService::RenderTask(grpc::ServerContext* context, const v1::RenderTaskRequest* request,
                                     v1::RenderTaskResponse* response) {
  if (const task::FieldErrors unknown = CheckKnown(*request); !unknown.empty()) return BadFields(unknown);
  if (request->request_case() == v1::RenderTaskRequest::REQUEST_NOT_SET) {
    return BadFields({{"request", "is not set; set file_task or encoded_task"}});
  }
  const task::FileTask task =
      request->has_file_task() ? ToFileTask(request->file_task()) : ToFileTask(request->encoded_task());
  if (const task::FieldErrors errors = task::Check(task); !errors.empty()) {
    return BadFields(errors, request->has_file_task() ? "file_task." : "encoded_task.");
  }
  auto limit = std::chrono::ceil<std::chrono::milliseconds>(context->deadline() - std::chrono::system_clock::now());
  limit = std::clamp<std::chrono::milliseconds>(limit, std::chrono::milliseconds(0), kRenderTimeout);
  const Context ctx = Context::Background().WithTimeout(limit, "rendering the task");
  const Result<task::CompiledTask> compiled = dispatcher_.Render(ctx, task);
  if (!compiled.ok()) return ToGrpc(compiled.status());
  response->set_rendered(utf8::Repair(compiled->rendered));
  for (const task::Step& step : compiled->task.steps) FillPlannedStep(step, response->add_steps());
  for (const std::string& warning : compiled->warnings) response->add_warnings(utf8::Repair(warning));
  return grpc::Status::OK;
}

grpc::Status RunsService::Answer(const store::Run& run, v1::Run* response) {
  AnswerRun(run, store_, response);
  return grpc::Status::OK;
}

grpc::Status RunsService::GetRun(grpc::ServerContext*, const v1::GetRunRequest* request, v1::Run* response) {
  if (grpc::Status bad = CheckRequest(*request, request->run_id()); !bad.ok()) return bad;
  // Before the record: a run that ends in between has its steps there.
  std::vector<store::Step> steps = dispatcher_.board().Of(request->run_id());
  Result<store::Run> run = store_.Get(request->run_id());
  if (!run.ok()) return NoSuchRun(run.status(), request->run_id());
  if (store::IsActive(run->state)) run->result.steps = std::move(steps);
  return Answer(*run, response);
}

grpc::Status RunsService::ListRuns(grpc::ServerContext*, const v1::ListRunsRequest* request,
                                   v1::ListRunsResponse* response) {
  if (const task::FieldErrors unknown = CheckKnown(*request); !unknown.empty()) return BadFields(unknown);
  task::FieldErrors errors;
  const store::RunFilter filter = ToFilter(*request, &errors);
  if (request->page_size() < 0) errors.push_back({"page_size", "is negative"});
  if (!errors.empty()) return BadFields(errors);
  const int size = request->page_size() == 0 ? kDefaultPage : std::min(request->page_size(), kMaxPage);
  const runs::StepBoard::Snapshot steps = dispatcher_.board().All();  // before the records, as in GetRun
  Result<store::RunPage> page = store_.List(filter, static_cast<size_t>(size), request->page_token());
  if (page.code() == Code::kInvalidArgument) return BadFields({{"page_token", page.status().message()}});
  if (!page.ok()) return ToGrpc(page.status());
  for (store::Run& run : page->runs) {
    const auto live = steps.find(run.id);
    if (store::IsActive(run.state) && live != steps.end()) run.result.steps = live->second;
    *response->add_runs() = ToMessage(run);
  }
  response->set_next_page_token(page->next_page_token);
  return grpc::Status::OK;
}

grpc::Status RunsService::CancelRun(grpc::ServerContext*, const v1::CancelRunRequest* request, v1::Run* response) {
  if (grpc::Status bad = CheckRequest(*request, request->run_id()); !bad.ok()) return bad;
  const Result<store::Run> run = dispatcher_.Cancel(request->run_id());
  if (run.code() == Code::kFailedPrecondition) {
    return Refuse(run.status(), "RUN_FINISHED", {{"run_id", request->run_id()}});
  }
  return run.ok() ? Answer(*run, response) : NoSuchRun(run.status(), request->run_id());
}

grpc::Status RunsService::UpdateRun(grpc::ServerContext*, const v1::UpdateRunRequest* request, v1::Run* response) {
  if (grpc::Status bad = CheckRequest(*request, request->run_id()); !bad.ok()) return bad;
  if (!request->has_is_archive_enabled()) {
    return BadFields({{"is_archive_enabled", "is not set, and there is nothing else to change"}});
  }
  const Result<store::Run> run =
      store_.SetArchived(request->run_id(), request->is_archive_enabled(), Clock::Real().System());
  return run.ok() ? Answer(*run, response) : NoSuchRun(run.status(), request->run_id());
}

grpc::Status RunsService::GetRunCache(grpc::ServerContext*, const v1::GetRunCacheRequest* request,
                                      v1::GetRunCacheResponse* response) {
  if (grpc::Status bad = CheckRequest(*request, request->run_id()); !bad.ok()) return bad;
  if (const Result<store::Run> run = store_.Get(request->run_id()); !run.ok()) {
    return NoSuchRun(run.status(), request->run_id());
  }
  const Result<std::vector<CacheStep>> steps = archive_.CacheSteps(request->run_id());
  if (!steps.ok()) return ToGrpc(steps.status());
  for (const CacheStep& step : *steps) FillCacheStep(step, response->add_steps());
  return grpc::Status::OK;
}

grpc::Status RunsService::OpenFeed(const google::protobuf::Message& request, const std::string& run_id,
                                   std::shared_ptr<logs::RunFeed>* feed) {
  if (grpc::Status bad = CheckRequest(request, run_id); !bad.ok()) return bad;
  if (const Result<store::Run> run = store_.Get(run_id); !run.ok()) return NoSuchRun(run.status(), run_id);
  *feed = archive_.Read(run_id);
  return grpc::Status::OK;
}

grpc::ServerWriteReactor<v1::StreamRunLogResponse>* RunsService::StreamRunLog(grpc::CallbackServerContext*,
                                                                              const v1::StreamRunLogRequest* request) {
  using Refused = RefusedStream<v1::StreamRunLogResponse>;
  std::shared_ptr<logs::RunFeed> feed;
  if (const grpc::Status bad = OpenFeed(*request, request->run_id(), &feed); !bad.ok()) return new Refused(bad);
  if (!feed->open() && request->step_id().empty()) {
    const Result<uint64_t> size = feed->log().Size();
    if (!size.ok()) return new Refused(ToGrpc(size.status()));
    if (request->offset() > *size) {
      const Status status = OutOfRange("offset {} is past the end of the log at {}", request->offset(), *size);
      return new Refused(Refuse(status, "LOG_OFFSET", {{"size", std::to_string(*size)}}));
    }
  }
  if (!streams_.Take()) {
    return new Refused(Refuse(ResourceExhausted("too many logs and events are being followed"), "TOO_MANY_STREAMS"));
  }
  if (!request->step_id().empty()) {
    auto steps = std::make_shared<StepLogStream>(std::move(feed), streams_, store_, *request);
    steps->Begin(steps);
    return steps.get();
  }
  auto stream = std::make_shared<LogStream>(std::move(feed), streams_, store_, *request);
  stream->Begin(stream);
  return stream.get();
}

grpc::ServerWriteReactor<v1::StreamRunEventsResponse>* RunsService::StreamRunEvents(
    grpc::CallbackServerContext*, const v1::StreamRunEventsRequest* request) {
  using Refused = RefusedStream<v1::StreamRunEventsResponse>;
  std::shared_ptr<logs::RunFeed> feed;
  if (const grpc::Status bad = OpenFeed(*request, request->run_id(), &feed); !bad.ok()) return new Refused(bad);
  if (!streams_.Take()) {
    return new Refused(Refuse(ResourceExhausted("too many logs and events are being followed"), "TOO_MANY_STREAMS"));
  }
  auto stream = std::make_shared<EventStream>(std::move(feed), streams_, store_, *request);
  stream->Begin(stream);
  return stream.get();
}

}  // namespace slipway::services
