#include "daemon/store/task_json.h"

#include <nlohmann/json.hpp>

#include "daemon/store/run_json.h"

namespace slipway::store {

namespace {

using Json = nlohmann::json;

Json ToJson(const TimerTrigger& timer) {
  return {{"name", timer.name},
          {"schedule", timer.schedule},
          {"time_zone", timer.time_zone},
          {"enabled", timer.enabled},
          {"missed", static_cast<int>(timer.missed)}};
}

TimerTrigger TimerFrom(const Json& json) {
  return {.name = json.at("name"),
          .schedule = json.at("schedule"),
          .time_zone = json.at("time_zone"),
          .enabled = json.at("enabled"),
          .missed = static_cast<MissedTimer>(json.at("missed").get<int>())};
}

Json ToJson(const SourceTrigger& source) {
  return {{"name", source.name},
          {"enabled", source.enabled},
          {"on_commit", source.on_commit},
          {"on_pull_request", source.on_pull_request},
          {"repository_url", source.repository_url},
          {"branches", source.branches},
          {"tags", source.tags},
          {"paths", source.paths},
          {"has_status_token", source.has_status_token},
          {"api_url", source.api_url},
          {"forks", static_cast<int>(source.forks)},
          {"cancel_previous", source.cancel_previous}};
}

SourceTrigger SourceFrom(const Json& json) {
  SourceTrigger out;
  out.name = json.at("name");
  out.enabled = json.at("enabled");
  out.on_commit = json.at("on_commit");
  out.on_pull_request = json.at("on_pull_request");
  out.repository_url = json.at("repository_url");
  out.branches = json.at("branches").get<std::vector<std::string>>();
  out.tags = json.at("tags").get<std::vector<std::string>>();
  out.paths = json.at("paths").get<std::vector<std::string>>();
  out.has_status_token = json.at("has_status_token");
  out.api_url = json.at("api_url");
  out.forks = static_cast<ForkPolicy>(json.at("forks").get<int>());
  out.cancel_previous = json.at("cancel_previous");
  return out;
}

Json ToJson(const BaseImageTrigger& base) {
  return {{"name", base.name},         {"enabled", base.enabled},           {"all_stages", base.all_stages},
          {"endpoint", base.endpoint}, {"payload_type", base.payload_type}, {"rebase", static_cast<int>(base.rebase)}};
}

BaseImageTrigger BaseFrom(const Json& json) {
  return {.name = json.at("name"),
          .enabled = json.at("enabled"),
          .all_stages = json.at("all_stages"),
          .endpoint = json.at("endpoint"),
          .payload_type = json.at("payload_type"),
          .rebase = static_cast<RebasePolicy>(json.at("rebase").get<int>())};
}

void ReadSpec(const Json& json, Task* task) {
  task->timeout = std::chrono::seconds(json.at("timeout_seconds").get<int64_t>());
  task->has_context_token = json.at("has_context_token");
  for (const Json& timer : json.at("timers")) task->timers.push_back(TimerFrom(timer));
  for (const Json& source : json.at("sources")) task->sources.push_back(SourceFrom(source));
  if (!json.at("base_image").is_null()) task->base_image = BaseFrom(json.at("base_image"));
  for (const Json& login : json.at("logins")) {
    task->logins.push_back({.server = login.at("server"), .username = login.at("username")});
  }
  task->tags = json.at("tags").get<std::map<std::string, std::string>>();
}

}  // namespace

std::string SpecToJson(const Task& task) {
  const auto* build = std::get_if<task::QuickBuild>(&task.step);
  Json out = {{"kind", build != nullptr ? "build" : "file"},
              {"step", build != nullptr ? RequestToJson(*build) : RequestToJson(std::get<task::FileTask>(task.step))},
              {"timeout_seconds", task.timeout.count()},
              {"has_context_token", task.has_context_token},
              {"timers", Json::array()},
              {"sources", Json::array()},
              {"base_image", nullptr},
              {"logins", Json::array()},
              {"tags", task.tags}};
  for (const TimerTrigger& timer : task.timers) out["timers"].push_back(ToJson(timer));
  for (const SourceTrigger& source : task.sources) out["sources"].push_back(ToJson(source));
  if (task.base_image) out["base_image"] = ToJson(*task.base_image);
  for (const RegistryLogin& login : task.logins) {
    out["logins"].push_back({{"server", login.server}, {"username", login.username}});
  }
  return out.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Status SpecFromJson(std::string_view text, Task* task) {
  std::string kind;
  std::string step;
  try {
    const Json json = Json::parse(text);
    kind = json.at("kind");
    step = json.at("step");
    ReadSpec(json, task);
  } catch (const Json::exception& error) {
    return DataLoss("the stored task '{}' cannot be read: {}", task->name, error.what());
  }
  if (kind == "build") {
    SLIPWAY_ASSIGN_OR_RETURN(task->step, RequestFromJson(step).With(task->name));
  } else {
    SLIPWAY_ASSIGN_OR_RETURN(task->step, FileTaskFromJson(step).With(task->name));
  }
  return Status();
}

}  // namespace slipway::store
