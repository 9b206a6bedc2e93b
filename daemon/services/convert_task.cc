#include "daemon/services/convert_task.h"

#include "daemon/services/convert.h"
#include "executor/base/utf8.h"

namespace slipway::services {

namespace {

std::string Text(std::string_view text) { return utf8::Repair(text); }

template <typename Request>
task::FileTask Common(const Request& request) {
  task::FileTask task;
  task.source_location = request.source_location();
  task.values_content = request.values_content();
  for (const v1::Argument& value : request.values()) {
    task.values.push_back({.name = value.name(), .value = value.value(), .secret = value.is_secret()});
  }
  if (request.has_platform()) {
    task.platform.emplace();
    task.platform->os = request.platform().os();
    task.platform->architecture = request.platform().architecture();
    task.platform->variant = request.platform().variant();
  }
  task.strict = request.strict();
  return task;
}

template <typename Request>
void FillCommon(const task::FileTask& task, std::chrono::seconds timeout, Request* out) {
  out->set_source_location(Text(task.source_location));
  out->set_values_content(Text(task.values_content));
  for (const builder::NamedValue& value : task.values) {
    v1::Argument* to = out->add_values();
    to->set_name(Text(value.name));
    if (!value.secret) to->set_value(Text(value.value));
    to->set_is_secret(value.secret);
  }
  if (task.platform) {
    out->mutable_platform()->set_os(Text(task.platform->os));
    out->mutable_platform()->set_architecture(Text(task.platform->architecture));
    out->mutable_platform()->set_variant(Text(task.platform->variant));
  }
  out->mutable_timeout()->set_seconds(timeout.count());
  out->set_strict(task.strict);
}

void FillImage(const store::Image& image, v1::ImageDescriptor* out) {
  out->set_registry(Text(image.registry));
  out->set_repository(Text(image.repository));
  out->set_tag(Text(image.tag));
  out->set_digest(image.digest);
}

struct Summary {
  std::string operator()(const task::BuildStep& step) const {
    std::string out;
    for (const oci::Reference& name : step.request.names) out += fmt::format("{} ", name.ToString());
    return out + "from " + (step.context_folder.empty() ? "a remote context" : step.context_folder);
  }
  std::string operator()(const task::PushStep& step) const {
    std::string out;
    for (const oci::Reference& name : step.names) out += (out.empty() ? "" : " ") + name.ToString();
    return out;
  }
  std::string operator()(const task::CmdStep& step) const {
    std::string out = step.image;
    for (const std::string& argument : step.arguments) out += " " + argument;
    return out;
  }
};

}  // namespace

task::FileTask ToFileTask(const v1::FileTaskRequest& request) {
  task::FileTask task = Common(request);
  task.file = request.task_file_path().empty() ? task::kDefaultTaskFile : request.task_file_path();
  task.values_file = request.values_file_path();
  return task;
}

task::FileTask ToFileTask(const v1::EncodedTaskRequest& request) {
  task::FileTask task = Common(request);
  task.file = request.task_name().empty() ? "task" : request.task_name();
  task.content = request.task_content();
  return task;
}

void FillRequest(const task::FileTask& task, std::chrono::seconds timeout, v1::FileTaskRequest* out) {
  FillCommon(task, timeout, out);
  out->set_task_file_path(Text(task.file));
  out->set_values_file_path(Text(task.values_file));
}

void FillRequest(const task::FileTask& task, std::chrono::seconds timeout, v1::EncodedTaskRequest* out) {
  FillCommon(task, timeout, out);
  out->set_task_name(Text(task.file));
  out->set_task_content(Text(*task.content));
}

void FillTaskRequest(const store::Run& run, v1::Run* out) {
  if (run.file_task->content) {
    FillRequest(*run.file_task, run.timeout, out->mutable_encoded_task());
  } else {
    FillRequest(*run.file_task, run.timeout, out->mutable_file_task());
  }
}

void FillSteps(const store::RunResult& result, v1::Run* out) {
  for (const store::Step& step : result.steps) {
    v1::RunStep* to = out->add_steps();
    to->set_step_id(Text(step.id));
    to->set_kind(static_cast<v1::StepKind>(step.kind));
    to->set_status(static_cast<v1::StepStatus>(step.state));
    if (step.exit_code) to->set_exit_code(*step.exit_code);
    if (step.start) FillTime(*step.start, to->mutable_start_time());
    if (step.finish) FillTime(*step.finish, to->mutable_finish_time());
    to->set_attempts(static_cast<uint32_t>(step.attempts));
    to->set_error_message(Text(step.error));
    to->set_errors_ignored(step.errors_ignored);
    to->set_log_begin(step.log_begin);
    to->set_log_end(step.log_end);
    for (const std::string& id : step.when) to->add_when(Text(id));
    to->set_run_on(step.run_on);
  }
  for (const store::Dependencies& entry : result.dependencies) {
    v1::ImageDependencies* to = out->add_dependencies();
    if (entry.image) FillImage(*entry.image, to->mutable_image());
    if (entry.runtime) FillImage(*entry.runtime, to->mutable_runtime_dependency());
    for (const store::Image& image : entry.buildtime) FillImage(image, to->add_buildtime_dependencies());
    to->set_git_head_revision(entry.revision);
  }
}

void FillPlannedStep(const task::Step& step, v1::RunStep* out) {
  out->set_step_id(Text(step.id));
  out->set_kind(static_cast<v1::StepKind>(step.what.index() + 1));
  out->set_status(v1::STEP_STATUS_SKIPPED);
  for (const std::string& id : step.when) out->add_when(Text(id));
  out->set_run_on(std::string(task::RunOnName(step.run_on)));
  out->set_summary(Text(std::visit(Summary(), step.what)));
}

}  // namespace slipway::services
