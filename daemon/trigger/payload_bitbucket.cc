// Bitbucket's bodies: those of the cloud ("repo:push"), and those of the server ("repo:refs_changed").
#include <map>

#include "daemon/trigger/payloads.h"
#include "executor/base/log.h"

namespace slipway::trigger {

namespace {

// Each becomes a delivery that is stored and judged by itself; `git push --mirror` may send very many.
constexpr size_t kMostChanges = 200;

std::vector<Payload> Changes(std::vector<Payload> changes) {
  if (changes.size() > kMostChanges) {
    spdlog::warn("a push to Bitbucket moves {} refs; the first {} are looked at", changes.size(), kMostChanges);
    changes.erase(changes.begin() + kMostChanges, changes.end());
  }
  return changes;
}

std::vector<std::string> Links(const Payload& repository) {
  std::vector<std::string> out;
  if (const std::string url = repository.Text("links.html.href"); !url.empty()) out.push_back(url);
  for (const Payload& link : repository.Items("links.clone")) out.push_back(link.Text("href"));
  for (const Payload& link : repository.Items("links.self")) out.push_back(link.Text("href"));
  return out;
}

GitEvent CloudChange(const Payload& change) {
  const bool gone = !change.At("new").exists();
  const Payload ref = change.At(gone ? "old" : "new");
  GitEvent event;
  event.kind = GitEvent::Kind::kCommit;
  (ref.Text("type") == "tag" ? event.tag : event.branch) = ref.Text("name");
  event.deleted = gone;
  event.commit = change.Text("new.target.hash");
  event.before = change.Text("old.target.hash");
  event.message = change.Text("new.target.message");
  return event;
}

// One push may move several refs, and all of them are in one delivery.
std::vector<GitEvent> CloudPush(const Payload& body) {
  std::vector<GitEvent> events;
  for (const Payload& change : Changes(body.Items("push.changes"))) events.push_back(CloudChange(change));
  return events;
}

std::vector<GitEvent> CloudPullRequest(const Payload& body) {
  const Payload request = body.At("pullrequest");
  GitEvent event;
  event.kind = GitEvent::Kind::kPullRequest;
  event.number = request.Text("id");
  event.branch = request.Text("destination.branch.name");
  event.source_branch = request.Text("source.branch.name");
  event.commit = request.Text("source.commit.hash");
  event.message = request.Text("title");
  event.from_fork = request.Text("source.repository.full_name") != request.Text("destination.repository.full_name");
  return {event};
}

GitEvent ServerChange(const Payload& change) {
  GitEvent event;
  event.kind = GitEvent::Kind::kCommit;
  SetRef(change.Text("refId"), &event);
  event.deleted = change.Text("type") == "DELETE";
  event.commit = change.Text("toHash");
  event.before = change.Text("fromHash");
  return event;
}

std::vector<GitEvent> ServerPush(const Payload& body) {
  const std::vector<Payload> changes = body.Items("changes");
  std::vector<GitEvent> events;
  for (const Payload& change : Changes(changes)) {
    events.push_back(ServerChange(change));
    // The body has the message of one tip only, and not what another ref's tip says.
    const bool told = changes.size() == 1 || body.Text("toCommit.id") == events.back().commit;
    if (told) events.back().message = body.Text("toCommit.message");
  }
  return events;
}

std::vector<GitEvent> ServerPullRequest(const Payload& body) {
  const Payload request = body.At("pullRequest");
  GitEvent event;
  event.kind = GitEvent::Kind::kPullRequest;
  event.number = request.Text("id");
  event.branch = request.Text("toRef.displayId");
  event.source_branch = request.Text("fromRef.displayId");
  event.commit = request.Text("fromRef.latestCommit");
  event.message = request.Text("title");
  event.fetch_ref = "refs/pull-requests/" + event.number + "/from";
  event.from_fork = request.Text("fromRef.repository.id") != request.Text("toRef.repository.id");
  return {event};
}

}  // namespace

Result<std::vector<GitEvent>> ParseBitbucket(std::string_view key, const Payload& body) {
  static const std::map<std::string_view, std::vector<GitEvent> (*)(const Payload&)> kParsers = {
      {"repo:push", CloudPush},
      {"pullrequest:created", CloudPullRequest},
      {"pullrequest:updated", CloudPullRequest},
      {"repo:refs_changed", ServerPush},
      {"pr:opened", ServerPullRequest},
      {"pr:reopened", ServerPullRequest},
      {"pr:from_ref_updated", ServerPullRequest},
  };
  std::vector<GitEvent> events(1);
  if (const auto parser = kParsers.find(key); parser != kParsers.end()) events = parser->second(body);
  if (events.empty()) return InvalidArgument("'{}' has no changes", key);
  if (key == "diagnostics:ping") events.front().kind = GitEvent::Kind::kPing;
  const Payload repository =
      body.At("repository").exists() ? body.At("repository") : body.At("pullRequest.toRef.repository");
  const std::vector<std::string> links = Links(repository);
  for (GitEvent& event : events) {
    event.detail = key;
    event.repositories = links;
    SLIPWAY_RETURN_IF_ERROR(CheckEvent(event));
  }
  return events;
}

}  // namespace slipway::trigger
