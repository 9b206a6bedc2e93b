#include "daemon/notify/cloud_event.h"

#include <nlohmann/json.hpp>

#include "daemon/secrets/hmac.h"
#include "executor/base/digest.h"
#include "executor/http/url.h"

namespace slipway::notify {

namespace {

using Json = nlohmann::json;

std::string ReferenceOf(const store::Image& image) {
  std::string out = image.registry.empty() ? image.repository : fmt::format("{}/{}", image.registry, image.repository);
  if (!image.tag.empty()) out += ":" + image.tag;
  if (!image.digest.empty()) out += "@" + image.digest;
  return out;
}

Json ToJson(const store::Image& image) {
  return {{"registry", image.registry},
          {"repository", image.repository},
          {"tag", image.tag},
          {"digest", image.digest},
          {"reference", ReferenceOf(image)}};
}

Json ToJson(const store::RunTrigger& trigger) {
  Json out = {{"kind", store::TriggerName(trigger.kind)}};
  const auto add = [&out](const char* name, const std::string& value) {
    if (!value.empty()) out[name] = value;
  };
  add("name", trigger.name);
  add("host", trigger.host);
  add("repository", trigger.repository_url);
  add("commit", trigger.commit);
  add("branch", trigger.branch);
  add("tag", trigger.tag);
  add("pullRequest", trigger.pull_request);
  if (trigger.occurrence) out["occurrence"] = FormatTime(*trigger.occurrence);
  return out;
}

// Of a run as it is now. Nothing in it is secret: what was is masked before it is stored.
Json DataOf(const store::Run& run) {
  Json out = {
      {"runId", run.id},        {"status", store::StateName(run.state)},     {"runType", store::TypeName(run.type)},
      {"attempt", run.attempt}, {"createTime", FormatTime(run.create_time)}, {"trigger", ToJson(run.trigger)}};
  if (!run.task.empty()) out["task"] = run.task;
  if (run.start_time) out["startTime"] = FormatTime(*run.start_time);
  if (run.finish_time) out["finishTime"] = FormatTime(*run.finish_time);
  if (!run.result.revision.empty()) out["revision"] = run.result.revision;
  if (!store::IsFinal(run.state)) return out;
  out["images"] = Json::array();
  for (const store::Image& image : run.result.output_images) out["images"].push_back(ToJson(image));
  if (!run.result.error_message.empty()) {
    out["error"] = {
        {"code", run.result.error_code}, {"message", run.result.error_message}, {"step", run.result.failed_step}};
  }
  return out;
}

// The id is the same however often it is sent.
std::string Envelope(const store::Run& run, std::string_view event, size_t index, const std::string& source,
                     Json data) {
  const Json out = {{"specversion", "1.0"},
                    {"id", fmt::format("{}.{}.{}", run.id, event, index)},
                    {"source", source},
                    {"type", fmt::format("org.slipway.{}", event)},
                    {"subject", fmt::format("runs/{}", run.id)},
                    {"time", FormatTime(run.last_updated_time)},
                    {"datacontenttype", "application/json"},
                    {"data", std::move(data)}};
  return out.dump(-1, ' ', false, Json::error_handler_t::replace);
}

struct Event {
  std::string_view name;
  std::string content;
};

std::vector<Event> AllEvents(const store::Run& run, const std::string& source) {
  std::vector<Event> out;
  const auto add = [&](std::string_view event, size_t index, Json data) {
    out.push_back({event, Envelope(run, event, index, source, std::move(data))});
  };
  if (run.state == store::RunState::kRunning) {
    add(kRunStarted, static_cast<size_t>(run.attempt), DataOf(run));
  } else if (store::IsFinal(run.state)) {
    for (const size_t i : run.result.pushed) {
      if (i >= run.result.output_images.size()) continue;
      Json data = DataOf(run);
      data["image"] = ToJson(run.result.output_images[i]);
      add(kImagePushed, i + 1, std::move(data));
    }
    add(kRunFinished, 1, DataOf(run));
  }
  return out;
}

}  // namespace

std::string LaneOf(const Target& target) { return "callback:" + Digest::Of(target.url).Short(); }

std::vector<store::NewNotification> EventsOf(const store::Run& run, const std::vector<Target>& targets,
                                             const std::string& source) {
  std::vector<store::NewNotification> out;
  if (targets.empty()) return out;
  const std::vector<Event> events = AllEvents(run, source);
  for (const Target& target : targets) {
    const Result<http::Url> url = http::Url::Parse(target.url);
    for (const Event& event : events) {
      if (!target.Wants(event.name)) continue;
      out.push_back({.lane = LaneOf(target),
                     .receiver = url.ok() ? url->Origin() : "",
                     .event = std::string(event.name),
                     .subject = "",
                     .content = event.content});
    }
  }
  return out;
}

std::string Sign(std::string_view body, std::string_view secret) { return "sha256=" + secrets::HmacHex(body, secret); }

http::Request CallbackRequest(const Target& target, const store::Notification& notification) {
  http::Request out;
  out.method = "POST";
  out.url = target.url;
  out.body = notification.content;
  out.headers = {{"Content-Type", "application/cloudevents+json; charset=utf-8"},
                 {"X-Slipway-Event", notification.event},
                 {"X-Slipway-Notification", store::NotificationId(notification.number)}};
  if (!target.secret.empty()) out.headers.Add("X-Slipway-Signature-256", Sign(notification.content, target.secret));
  out.plain_http = http::PlainHttp::kAny;  // the operator has named the address
  return out;
}

}  // namespace slipway::notify
