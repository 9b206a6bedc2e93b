#include "cli/task/task_json.h"

#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/time_util.h>

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "cli/enum_text.h"
#include "cli/run_format.h"
#include "executor/base/base64.h"

namespace slipway::cli {

namespace {

using Json = nlohmann::ordered_json;
using google::protobuf::RepeatedPtrField;

void AddText(Json* json, const char* name, const std::string& text) {
  if (!text.empty()) (*json)[name] = text;
}

Json List(const RepeatedPtrField<std::string>& texts) {
  Json list = Json::array();
  for (const std::string& text : texts) list.push_back(text);
  return list;
}

void AddList(Json* json, const char* name, const RepeatedPtrField<std::string>& texts) {
  if (!texts.empty()) (*json)[name] = List(texts);
}

void AddTime(Json* json, const char* name, bool there, const google::protobuf::Timestamp& time) {
  if (there) (*json)[name] = google::protobuf::util::TimeUtil::ToString(time);
}

std::string StatusOf(v1::TaskStatus status) {
  return EnumText(status == v1::TASK_STATUS_UNSPECIFIED ? v1::TASK_STATUS_ENABLED : status);
}

Json PlatformJson(const v1::Platform& platform) {
  Json json = {{"os", platform.os()}};
  AddText(&json, "architecture", platform.architecture());
  AddText(&json, "variant", platform.variant());
  return json;
}

// {"name", "value", "isSecret"}, with the value of a secret hidden whatever the daemon gave.
Json ArgumentsJson(const RepeatedPtrField<v1::Argument>& arguments) {
  Json list = Json::array();
  for (const v1::Argument& argument : arguments) {
    Json json = {{"name", argument.name()}};
    if (!argument.is_secret()) json["value"] = argument.value();
    json["isSecret"] = argument.is_secret();
    list.push_back(std::move(json));
  }
  return list;
}

// Puts enums by their short names; deeper ones keep those of the API.
void ShortenEnums(const google::protobuf::Message& message, Json* json) {
  const google::protobuf::Descriptor& type = *message.GetDescriptor();
  for (int i = 0; i < type.field_count(); ++i) {
    const auto* field = type.field(i);
    if (field->enum_type() == nullptr || field->is_repeated() || !json->contains(field->json_name())) continue;
    (*json)[field->json_name()] = EnumText(*field->enum_type(), message.GetReflection()->GetEnumValue(message, field));
  }
}

// The step without what stands outside of it in ACR's model.
template <typename Step>
Json BareStep(const Step& step, const char* type) {
  Step rest = step;
  rest.clear_source_location();
  rest.clear_timeout();
  Json json = {{"type", type}};
  json["contextPath"] = step.source_location();
  json.update(MessageJson(rest));
  ShortenEnums(rest, &json);
  return json;
}

Json StepJson(const v1::DockerBuildRequest& build) {
  Json json = BareStep(build, "Docker");
  json["imageNames"] = List(build.image_names());
  json["noCache"] = build.no_cache();
  json["arguments"] = ArgumentsJson(build.arguments());
  if (build.platforms_size() == 1) json.erase("platforms");
  return json;
}

Json StepJson(const v1::FileTaskRequest& file) {
  Json json = BareStep(file, "FileTask");
  json["values"] = ArgumentsJson(file.values());
  json.erase("platform");
  return json;
}

Json StepJson(const v1::EncodedTaskRequest& task, TaskText text) {
  Json json = BareStep(task, "EncodedTask");
  json["values"] = ArgumentsJson(task.values());
  json.erase("platform");
  if (text == TaskText::kPlain) return json;
  json["encodedTaskContent"] = Base64Encode(task.task_content());
  if (!task.values_content().empty()) json["encodedValuesContent"] = Base64Encode(task.values_content());
  json.erase("taskContent");
  json.erase("valuesContent");
  return json;
}

Json SourceJson(const v1::SourceTrigger& source) {
  Json repository = Json::object();
  AddText(&repository, "repositoryUrl", source.repository_url());
  if (!source.status_token().empty()) {
    repository["sourceControlAuthProperties"] = {{"token", source.status_token()}, {"tokenType", "PAT"}};
  }
  Json json = {
      {"name", source.name()}, {"status", StatusOf(source.status())}, {"sourceTriggerEvents", List(source.events())}};
  if (!repository.empty()) json["sourceRepository"] = std::move(repository);
  AddList(&json, "branches", source.branches());
  AddList(&json, "tags", source.tags());
  AddList(&json, "paths", source.paths());
  if (source.forks() != v1::FORK_POLICY_UNSPECIFIED) json["forks"] = EnumText(source.forks());
  if (source.cancel_previous()) json["cancelPrevious"] = true;
  AddText(&json, "apiUrl", source.api_url());
  AddText(&json, "webhookPath", source.webhook_path());
  AddText(&json, "secret", source.secret());
  return json;
}

Json BaseImageJson(const v1::BaseImageTrigger& base) {
  const auto type = base.base_image_trigger_type();
  Json json = {
      {"name", base.name()},
      {"status", StatusOf(base.status())},
      {"baseImageTriggerType",
       EnumText(type == v1::BASE_IMAGE_TRIGGER_TYPE_UNSPECIFIED ? v1::BASE_IMAGE_TRIGGER_TYPE_RUNTIME : type)}};
  AddText(&json, "updateTriggerEndpoint", base.update_trigger_endpoint());
  AddText(&json, "updateTriggerPayloadType", base.update_trigger_payload_type());
  if (base.rebase() != v1::REBASE_POLICY_UNSPECIFIED) json["rebase"] = EnumText(base.rebase());
  return json;
}

Json TriggerJson(const v1::Task& task) {
  Json json = Json::object();
  for (const v1::TimerTrigger& timer : task.timer_triggers()) json["timerTriggers"].push_back(TimerJson(timer));
  for (const v1::SourceTrigger& source : task.source_triggers()) json["sourceTriggers"].push_back(SourceJson(source));
  if (task.has_base_image_trigger()) json["baseImageTrigger"] = BaseImageJson(task.base_image_trigger());
  return json;
}

void AddStep(const v1::Task& task, TaskText text, Json* json) {
  const google::protobuf::Duration* timeout = nullptr;
  const v1::Platform* platform = nullptr;
  Json step;
  if (task.has_docker_build()) {
    step = StepJson(task.docker_build());
    if (task.docker_build().has_timeout()) timeout = &task.docker_build().timeout();
    if (task.docker_build().platforms_size() == 1) platform = &task.docker_build().platforms(0);
  } else if (task.has_file_task()) {
    step = StepJson(task.file_task());
    if (task.file_task().has_timeout()) timeout = &task.file_task().timeout();
    if (task.file_task().has_platform()) platform = &task.file_task().platform();
  } else if (task.has_encoded_task()) {
    step = StepJson(task.encoded_task(), text);
    if (task.encoded_task().has_timeout()) timeout = &task.encoded_task().timeout();
    if (task.encoded_task().has_platform()) platform = &task.encoded_task().platform();
  }
  AddText(&step, "contextAccessToken", task.context_access_token());
  for (const v1::BaseImage& base : task.base_image_dependencies()) {
    Json image = {{"type", base.is_runtime() ? "RunTime" : "BuildTime"}};
    image.update(MessageJson(base.image()));
    step["baseImageDependencies"].push_back(std::move(image));
  }
  if (platform != nullptr) (*json)["platform"] = PlatformJson(*platform);
  if (timeout != nullptr) (*json)["timeout"] = timeout->seconds();
  (*json)["step"] = std::move(step);
}

}  // namespace

Json MessageJson(const google::protobuf::Message& message) {
  std::string text;
  if (!google::protobuf::util::MessageToJsonString(message, &text).ok()) return Json::object();
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  return json.is_object() ? json : Json::object();
}

Json TimerJson(const v1::TimerTrigger& timer) {
  Json json = {{"name", timer.name()}, {"schedule", timer.schedule()}, {"status", StatusOf(timer.status())}};
  AddText(&json, "timeZone", timer.time_zone());
  if (timer.missed() != v1::MISSED_TIMER_UNSPECIFIED) json["missed"] = EnumText(timer.missed());
  AddTime(&json, "nextTime", timer.has_next_time(), timer.next_time());
  return json;
}

Json CredentialsJson(const v1::Task& task) {
  Json json = Json::object();
  for (const v1::RegistryCredential& credential : task.credentials()) {
    Json& one = json[credential.login_server()];
    one["userName"] = {{"type", "Opaque"}, {"value", credential.username()}};
    one["password"] = {{"type", "Opaque"}, {"value", "***"}};
  }
  return json;
}

Json TaskJson(const v1::Task& task, TaskText text) {
  Json json = {{"name", task.name()}, {"status", StatusOf(task.status())}};
  AddTime(&json, "creationDate", task.has_create_time(), task.create_time());
  AddTime(&json, "lastUpdatedDate", task.has_last_updated_time(), task.last_updated_time());
  AddText(&json, "etag", task.etag());
  AddStep(task, text, &json);
  json["trigger"] = TriggerJson(task);
  if (!task.credentials().empty()) json["credentials"] = {{"customRegistries", CredentialsJson(task)}};
  if (!task.tags().empty()) json["tags"] = MessageJson(task).value("tags", Json::object());
  return json;
}

Json DeliveryJson(const v1::Delivery& delivery) {
  Json json = MessageJson(delivery);
  if (json.contains("verdict")) json["verdict"] = EnumText(delivery.verdict());
  return json;
}

}  // namespace slipway::cli
