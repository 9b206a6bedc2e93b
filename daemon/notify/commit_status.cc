#include "daemon/notify/commit_status.h"

#include <nlohmann/json.hpp>

#include "executor/http/url.h"

namespace slipway::notify {

namespace {

using Json = nlohmann::json;
using store::RunState;

constexpr size_t kLongestDescription = 140;  // GitHub's

enum class Host { kGitHub, kGitLab, kGitea };

std::optional<Host> HostOf(const store::RunTrigger& trigger) {
  if (trigger.host == "github") return Host::kGitHub;
  if (trigger.host == "gitlab") return Host::kGitLab;
  if (trigger.host == "gitea") return Host::kGitea;
  return std::nullopt;
}

struct Place {
  std::string api;         ///< address of the host's API
  std::string repository;  ///< "owner/repo"; of GitLab with its groups
};

// Where a repository is told of. Nothing for addresses that do not tell.
std::optional<Place> PlaceOf(Host host, const std::string& repository_url, const std::string& api_url) {
  const Result<http::Url> url = http::Url::Parse(repository_url);
  if (!url.ok()) return std::nullopt;
  std::string path = url->path.substr(1);
  while (path.ends_with('/')) path.pop_back();
  if (path.ends_with(".git")) path.resize(path.size() - 4);
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos || slash == 0) return std::nullopt;
  std::string prefix;
  if (host != Host::kGitLab) {
    // Gitea may live below a path of its own.
    const size_t owner = path.rfind('/', slash - 1);
    if (owner != std::string::npos) {
      prefix = "/" + path.substr(0, owner);
      path.erase(0, owner + 1);
    }
  }
  Place out{.api = api_url, .repository = path};
  while (out.api.ends_with('/')) out.api.pop_back();
  if (!out.api.empty()) return out;
  const std::string origin = url->scheme + "://" + url->Authority() + prefix;
  switch (host) {
    case Host::kGitHub: out.api = url->host == "github.com" ? "https://api.github.com" : origin + "/api/v3"; break;
    case Host::kGitLab: out.api = origin + "/api/v4"; break;
    case Host::kGitea: out.api = origin + "/api/v1"; break;
  }
  return out;
}

std::string StateFor(Host host, RunState state) {
  const bool lab = host == Host::kGitLab;
  switch (state) {
    case RunState::kQueued: return "pending";
    case RunState::kStarted:
    case RunState::kRunning: return lab ? "running" : "pending";
    case RunState::kSucceeded: return "success";
    case RunState::kFailed:
    case RunState::kTimeout: return lab ? "failed" : "failure";
    case RunState::kCanceled: return lab ? "canceled" : "error";
    case RunState::kError: return lab ? "failed" : "error";
  }
  return "pending";
}

std::string Describe(const store::Run& run) {
  const auto took = run.start_time && run.finish_time ? " after " + FormatDuration(*run.finish_time - *run.start_time)
                                                      : std::string();
  std::string out;
  switch (run.state) {
    case RunState::kQueued: out = fmt::format("Run {} is waiting", run.id); break;
    case RunState::kStarted:
    case RunState::kRunning: out = fmt::format("Run {} is under way", run.id); break;
    case RunState::kSucceeded: out = fmt::format("Run {} succeeded{}", run.id, took); break;
    case RunState::kFailed:
      out = fmt::format("Run {} failed{}", run.id, took);
      if (!run.result.failed_step.empty()) out += fmt::format(" in step '{}'", run.result.failed_step);
      break;
    case RunState::kCanceled: out = fmt::format("Run {} was canceled", run.id); break;
    case RunState::kTimeout: out = fmt::format("Run {} took longer than it may", run.id); break;
    case RunState::kError: out = fmt::format("Run {} met an error that is not of the commit", run.id); break;
  }
  // No character may be cut through: the only text that is not ours is the name of a step.
  if (out.size() > kLongestDescription) {
    size_t end = kLongestDescription;
    while (end > 0 && (static_cast<unsigned char>(out[end]) & 0xC0) == 0x80) --end;
    out.resize(end);
  }
  return out;
}

std::string TextOf(const Json& json, const char* name) { return json.at(name).get<std::string>(); }

}  // namespace

std::optional<store::NewNotification> StatusOf(const store::Run& run, const std::string& api_url,
                                               const std::string& public_url) {
  const store::RunTrigger& trigger = run.trigger;
  const std::optional<Host> host = HostOf(trigger);
  if (!host || trigger.commit.empty() || run.task.empty() || run.state == RunState::kStarted) return std::nullopt;
  const std::optional<Place> place = PlaceOf(*host, trigger.repository_url, api_url);
  if (!place) return std::nullopt;
  const std::string state = StateFor(*host, run.state);
  const Json content = {{"host", static_cast<int>(*host)},
                        {"api", place->api},
                        {"repository", place->repository},
                        {"commit", trigger.commit},
                        {"state", state},
                        {"description", Describe(run)},
                        {"link", public_url.empty() ? "" : public_url + "/runs/" + run.id},
                        {"context", "slipway/" + run.task},
                        {"task", run.task},
                        {"trigger", trigger.name}};
  return store::NewNotification{
      .lane = std::string(kStatusLane),
      .receiver = fmt::format("{} {}@{}", trigger.host, place->repository, trigger.commit.substr(0, 12)),
      .event = state,
      .subject = fmt::format("{} {} {} {}", run.task, place->api, place->repository, trigger.commit),
      .content = content.dump(-1, ' ', false, Json::error_handler_t::replace)};
}

Result<StatusOwner> OwnerOf(const std::string& content) {
  try {
    const Json json = Json::parse(content);
    return StatusOwner{.task = TextOf(json, "task"), .trigger = TextOf(json, "trigger")};
  } catch (const Json::exception& error) {
    return DataLoss("the stored status cannot be read: {}", error.what());
  }
}

Result<http::Request> StatusRequest(const std::string& content, const std::string& token) {
  try {
    const Json json = Json::parse(content);
    const auto host = static_cast<Host>(json.at("host").get<int>());
    const std::string commit = http::PercentEncode(TextOf(json, "commit"));
    const std::string repository = TextOf(json, "repository");
    const std::string api = TextOf(json, "api");
    Json body = {{"state", TextOf(json, "state")},
                 {"description", TextOf(json, "description")},
                 {host == Host::kGitLab ? "name" : "context", TextOf(json, "context")}};
    if (const std::string link = TextOf(json, "link"); !link.empty()) body["target_url"] = link;
    http::Request out;
    out.method = "POST";
    out.headers = {{"Content-Type", "application/json"}};
    out.max_redirects = 0;  // a token is for where it was meant to go
    if (host == Host::kGitLab) {
      out.url = fmt::format("{}/projects/{}/statuses/{}", api, http::PercentEncode(repository), commit);
      out.headers.Add("PRIVATE-TOKEN", token);
    } else {
      const size_t slash = repository.find('/');
      out.url = fmt::format("{}/repos/{}/{}/statuses/{}", api, http::PercentEncode(repository.substr(0, slash)),
                            http::PercentEncode(repository.substr(slash + 1)), commit);
      out.headers.Add("Authorization", (host == Host::kGitHub ? "Bearer " : "token ") + token);
    }
    if (host == Host::kGitHub) {
      out.headers.Add("Accept", "application/vnd.github+json");
      out.headers.Add("X-GitHub-Api-Version", "2022-11-28");
    }
    out.body = body.dump(-1, ' ', false, Json::error_handler_t::replace);
    return out;
  } catch (const Json::exception& error) {
    return DataLoss("the stored status cannot be read: {}", error.what());
  }
}

bool HasStateAlready(const http::Response& response) {
  return response.status == 400 && response.body.find("Cannot transition status") != std::string::npos;
}

}  // namespace slipway::notify
