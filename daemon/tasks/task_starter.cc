#include "daemon/tasks/task_starter.h"

#include <algorithm>

#include "daemon/tasks/pinned_source.h"
#include "daemon/tasks/rebase_choice.h"
#include "daemon/tasks/task_secrets.h"
#include "daemon/trigger/source_filter.h"
#include "steps/task/pinned_source.h"

namespace slipway::tasks {

namespace {

constexpr size_t kMaxToken = 4096;

void PutOver(const std::vector<builder::NamedValue>& over, std::vector<builder::NamedValue>* values) {
  for (const builder::NamedValue& value : over) {
    const auto same = std::find_if(values->begin(), values->end(),
                                   [&value](const builder::NamedValue& known) { return known.name == value.name; });
    if (same == values->end()) {
      values->push_back(value);
    } else {
      *same = value;
    }
  }
}

std::string& SourceOf(store::TaskStep* step) {
  if (auto* build = std::get_if<task::QuickBuild>(step)) return build->source_location;
  return std::get<task::FileTask>(*step).source_location;
}

void PutOver(const TaskOverrides& over, store::TaskStep* step) {
  if (!over.source_location.empty()) SourceOf(step) = over.source_location;
  if (auto* build = std::get_if<task::QuickBuild>(step)) {
    PutOver(over.arguments, &build->arguments);
    if (!over.target.empty()) build->target = over.target;
    if (over.file.empty()) return;
    build->docker_file_path = over.file;
    build->docker_file_content.clear();
    return;
  }
  auto& file = std::get<task::FileTask>(*step);
  PutOver(over.values, &file.values);
  if (!over.file.empty()) file.file = over.file;
}

// Whether the commits that start the task are those of its source, rather than of a repository that it names beside it.
bool IsOfSource(const store::Task& task, const std::string& trigger) {
  const auto source = std::find_if(task.sources.begin(), task.sources.end(),
                                   [&trigger](const store::SourceTrigger& one) { return one.name == trigger; });
  return source == task.sources.end() || source->repository_url.empty() ||
         trigger::SameRepository(source->repository_url, SourceOf(task));
}

// Fields as the API calls those of overrides.
std::string OverrideField(const std::string& field) {
  return field == "docker_file_path" || field == "task_file_path" ? "file" : field;
}

}  // namespace

task::FieldErrors Check(const TaskOverrides& overrides, const store::Task& task, const task::QuickBuildRules& rules) {
  task::FieldErrors errors;
  const auto unfit = [&errors](bool given, const char* field, const char* why) {
    if (given) errors.push_back({field, why});
  };
  // Only what is given for this run is looked at, so that places in lists are those of the request.
  task::FieldErrors found;
  if (const auto* stored = std::get_if<task::QuickBuild>(&task.step)) {
    unfit(!overrides.values.empty(), "values", "are for task files; this task builds a Dockerfile, give arguments");
    task::QuickBuild build;
    build.source_location = stored->source_location;
    build.arguments = overrides.arguments;
    store::TaskStep step = build;
    TaskOverrides rest = overrides;
    rest.arguments.clear();
    PutOver(rest, &step);
    found = task::Check(std::get<task::QuickBuild>(step), rules);
  } else {
    const auto& file = std::get<task::FileTask>(task.step);
    unfit(!overrides.arguments.empty(), "arguments", "are for builds of a Dockerfile; give values to a task file");
    unfit(!overrides.target.empty(), "target", "is for builds of a Dockerfile; this task runs a task file");
    unfit(file.content && !overrides.file.empty(), "file", "the task's file is part of the task; none is read besides");
    task::FileTask shown = file;
    shown.values = overrides.values;
    store::TaskStep step = shown;
    TaskOverrides rest = overrides;
    rest.values.clear();
    PutOver(rest, &step);
    found = task::Check(std::get<task::FileTask>(step));
  }
  for (task::FieldError& error : found) errors.push_back({OverrideField(error.field), std::move(error.message)});
  if (overrides.update_trigger_token.size() > kMaxToken) {
    errors.push_back({"update_trigger_token", fmt::format("has more than {} bytes", kMaxToken)});
  }
  return errors;
}

Result<runs::ScheduleRequest> MakeScheduleRequest(const TaskStart& start, const secrets::Sealer& sealer) {
  const store::Task& task = start.task;
  store::TaskStep step = task.step;
  TaskSecrets secrets;
  if (start.with_secrets) {
    SLIPWAY_ASSIGN_OR_RETURN(secrets, TaskSecrets::Open(task, sealer));
  }
  PutSecrets(secrets, &step);
  PutOver(start.overrides, &step);

  std::string& source = SourceOf(&step);
  const bool own = start.overrides.source_location.empty();
  if (own && IsOfSource(task, start.trigger.name)) {
    source = task::PinnedSource(source, start.trigger.commit, start.trigger.fetch_ref);
  }
  // The token is for the host that it was given for.
  if (own || SameSourceHost(source, SourceOf(task))) source = SourceWithToken(source, secrets.Get("context"));

  runs::ScheduleRequest out;
  if (auto* build = std::get_if<task::QuickBuild>(&step)) {
    ChooseRebase(start, build);
    out.build = std::move(*build);
  } else {
    out.file_task = std::get<task::FileTask>(std::move(step));
  }
  out.logins.isolated = !start.with_secrets;
  for (const store::RegistryLogin& login : task.logins) {
    if (!start.with_secrets) break;
    out.logins.logins.push_back(
        {.server = login.server, .username = login.username, .password = secrets.Get("credential:" + login.server)});
  }
  out.timeout = start.overrides.timeout.value_or(task.timeout);
  out.request_id = start.request_id;
  out.task = task.name;
  out.trigger = start.trigger;
  out.go_on = start.go_on;
  if (!start.overrides.update_trigger_token.empty()) {
    out.trigger.update_token = start.overrides.update_trigger_token;
  }
  return out;
}

Result<store::CreatedRun> TaskStarter::Start(const TaskStart& start) const {
  SLIPWAY_ASSIGN_OR_RETURN(const runs::ScheduleRequest request, MakeScheduleRequest(start, sealer_));
  return dispatcher_.Schedule(request);
}

}  // namespace slipway::tasks
