// Bitbucket's bodies: those of the cloud ("repo:push"), and those of the server ("repo:refs_changed").
#include <map>

#include "daemon/trigger/payloads.h"

namespace slipway::trigger {

namespace {

std::vector<std::string> Links(const Payload& repository) {
  std::vector<std::string> out;
  if (const std::string url = repository.Text("links.html.href"); !url.empty()) out.push_back(url);
  for (const Payload& link : repository.Items("links.clone")) out.push_back(link.Text("href"));
  for (const Payload& link : repository.Items("links.self")) out.push_back(link.Text("href"));
  return out;
}

// Of several changes in one push the first that leaves something to build; the last if none does.
GitEvent CloudPush(const Payload& body) {
  GitEvent event;
  event.kind = GitEvent::Kind::kCommit;
  for (const Payload& change : body.Items("push.changes")) {
    const bool gone = !change.At("new").exists();
    const Payload ref = change.At(gone ? "old" : "new");
    event.branch.clear();
    event.tag.clear();
    (ref.Text("type") == "tag" ? event.tag : event.branch) = ref.Text("name");
    event.deleted = gone;
    event.commit = change.Text("new.target.hash");
    event.before = change.Text("old.target.hash");
    event.message = change.Text("new.target.message");
    if (!gone) break;
  }
  return event;
}

GitEvent CloudPullRequest(const Payload& body) {
  const Payload request = body.At("pullrequest");
  GitEvent event;
  event.kind = GitEvent::Kind::kPullRequest;
  event.number = request.Text("id");
  event.branch = request.Text("destination.branch.name");
  event.source_branch = request.Text("source.branch.name");
  event.commit = request.Text("source.commit.hash");
  event.message = request.Text("title");
  event.from_fork = request.Text("source.repository.full_name") != request.Text("destination.repository.full_name");
  return event;
}

GitEvent ServerPush(const Payload& body) {
  GitEvent event;
  event.kind = GitEvent::Kind::kCommit;
  for (const Payload& change : body.Items("changes")) {
    event.branch.clear();
    event.tag.clear();
    SetRef(change.Text("refId"), &event);
    event.deleted = change.Text("type") == "DELETE";
    event.commit = change.Text("toHash");
    event.before = change.Text("fromHash");
    if (!event.deleted) break;
  }
  event.message = body.Text("toCommit.message");
  return event;
}

GitEvent ServerPullRequest(const Payload& body) {
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
  return event;
}

}  // namespace

Result<GitEvent> ParseBitbucket(std::string_view key, const Payload& body) {
  static const std::map<std::string_view, GitEvent (*)(const Payload&)> kParsers = {
      {"repo:push", CloudPush},
      {"pullrequest:created", CloudPullRequest},
      {"pullrequest:updated", CloudPullRequest},
      {"repo:refs_changed", ServerPush},
      {"pr:opened", ServerPullRequest},
      {"pr:reopened", ServerPullRequest},
      {"pr:from_ref_updated", ServerPullRequest},
  };
  GitEvent event;
  if (const auto parser = kParsers.find(key); parser != kParsers.end()) event = parser->second(body);
  if (key == "diagnostics:ping") event.kind = GitEvent::Kind::kPing;
  event.detail = key;
  const Payload repository =
      body.At("repository").exists() ? body.At("repository") : body.At("pullRequest.toRef.repository");
  event.repositories = Links(repository);
  SLIPWAY_RETURN_IF_ERROR(CheckEvent(event));
  return event;
}

}  // namespace slipway::trigger
