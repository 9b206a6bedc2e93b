#include "daemon/store/run_trigger.h"

#include <nlohmann/json.hpp>

namespace slipway::store {

namespace {

using Json = nlohmann::json;

Json ToJson(const TriggerImage& image) {
  return {{"registry", image.registry}, {"repository", image.repository}, {"tag", image.tag}, {"digest", image.digest}};
}

RunTrigger Read(const Json& json) {
  RunTrigger out;
  out.kind = static_cast<RunTrigger::Kind>(json.at("kind").get<int>());
  out.name = json.at("name");
  out.id = json.at("id");
  out.host = json.at("host");
  out.repository_url = json.at("repository_url");
  out.commit = json.at("commit");
  out.branch = json.at("branch");
  out.tag = json.at("tag");
  out.pull_request = json.at("pull_request");
  out.source_branch = json.at("source_branch");
  out.fetch_ref = json.at("fetch_ref");
  out.from_fork = json.at("from_fork");
  if (!json.at("occurrence").is_null())
    out.occurrence = SystemTime(std::chrono::nanoseconds(json.at("occurrence").get<int64_t>()));
  for (const Json& image : json.at("images")) {
    out.images.push_back({.registry = image.at("registry"),
                          .repository = image.at("repository"),
                          .tag = image.at("tag"),
                          .digest = image.at("digest")});
  }
  out.update_token = json.at("update_token");
  out.ancestry = json.at("ancestry").get<std::vector<std::string>>();
  return out;
}

}  // namespace

std::string_view TriggerName(RunTrigger::Kind kind) {
  switch (kind) {
    case RunTrigger::Kind::kManual: return "Manual";
    case RunTrigger::Kind::kCommit: return "Commit";
    case RunTrigger::Kind::kPullRequest: return "Pull Request";
    case RunTrigger::Kind::kTimer: return "Timer";
    case RunTrigger::Kind::kImageUpdate: return "Image Update";
  }
  return "Manual";
}

std::string TriggerToJson(const RunTrigger& trigger) {
  Json out = {{"kind", static_cast<int>(trigger.kind)},
              {"name", trigger.name},
              {"id", trigger.id},
              {"host", trigger.host},
              {"repository_url", trigger.repository_url},
              {"commit", trigger.commit},
              {"branch", trigger.branch},
              {"tag", trigger.tag},
              {"pull_request", trigger.pull_request},
              {"source_branch", trigger.source_branch},
              {"fetch_ref", trigger.fetch_ref},
              {"from_fork", trigger.from_fork},
              {"occurrence", nullptr},
              {"images", Json::array()},
              {"update_token", trigger.update_token},
              {"ancestry", trigger.ancestry}};
  if (trigger.occurrence) {
    out["occurrence"] =
        std::chrono::duration_cast<std::chrono::nanoseconds>(trigger.occurrence->time_since_epoch()).count();
  }
  for (const TriggerImage& image : trigger.images) out["images"].push_back(ToJson(image));
  return out.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<RunTrigger> TriggerFromJson(std::string_view json) {
  if (json.empty()) return RunTrigger();
  try {
    return Read(Json::parse(json));
  } catch (const Json::exception& error) {
    return DataLoss("what started the run cannot be read: {}", error.what());
  }
}

}  // namespace slipway::store
