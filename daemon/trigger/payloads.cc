#include "daemon/trigger/payloads.h"

#include <algorithm>
#include <set>

namespace slipway::trigger {

namespace {

constexpr size_t kLongestText = 64U << 10;
constexpr size_t kMostPaths = 10'000;

GitEvent Ignored(std::string detail) {
  GitEvent event;
  event.detail = std::move(detail);
  return event;
}

void AddRepository(const std::string& url, GitEvent* event) {
  if (!url.empty()) event->repositories.push_back(url);
}

// The paths of a list of commits as GitHub, Gitea and GitLab give them; nothing if there are too many, or if no commit
// is listed: a branch that goes back to an older commit brings none, and changes files all the same. Only GitHub says
// that a push was forced; of a rewrite that does list commits, those of the others do not tell what it took away.
std::optional<std::vector<std::string>> ChangedPaths(const std::vector<Payload>& commits) {
  if (commits.empty()) return std::nullopt;
  std::set<std::string> paths;
  for (const Payload& commit : commits) {
    for (const char* kind : {"added", "modified", "removed"}) {
      for (const Payload& path : commit.Items(kind)) paths.insert(path.Text());
      if (paths.size() > kMostPaths) return std::nullopt;
    }
  }
  return std::vector<std::string>(paths.begin(), paths.end());
}

Result<GitEvent> Checked(GitEvent event) {
  SLIPWAY_RETURN_IF_ERROR(CheckEvent(event));
  return event;
}

GitEvent GitHubPush(const Payload& body) {
  // GitHub leaves commits out of longer pushes, and Gitea gives the whole number.
  constexpr size_t kMostListed = 20;
  GitEvent event;
  event.kind = GitEvent::Kind::kCommit;
  event.detail = "push";
  SetRef(body.Text("ref"), &event);
  event.commit = body.Text("after");
  event.before = body.Text("before");
  event.deleted = body.Flag("deleted") || IsNoCommit(event.commit);
  // Of an annotated tag, `after` is the tag itself and not what it stands on.
  const std::string head = body.Text("head_commit.id");
  if (!event.tag.empty() && !event.deleted && !head.empty()) event.commit = head;
  event.message = body.Text("head_commit.message");
  const std::vector<Payload> commits = body.Items("commits");
  if (event.message.empty()) {
    for (const Payload& commit : commits) {
      if (commit.Text("id") == event.commit) event.message = commit.Text("message");
    }
  }
  const int64_t total = body.Number("total_commits");
  const bool all = commits.size() < kMostListed && total <= static_cast<int64_t>(commits.size());
  if (all && !body.Flag("forced") && !IsNoCommit(event.before)) event.changed_paths = ChangedPaths(commits);
  return event;
}

GitEvent GitHubPullRequest(const Payload& body) {
  const std::string action = body.Text("action");
  const bool builds = action == "opened" || action == "reopened" || action == "synchronize" || action == "synchronized";
  if (!builds) return Ignored("pull_request " + action);
  const Payload request = body.At("pull_request");
  GitEvent event;
  event.kind = GitEvent::Kind::kPullRequest;
  event.detail = "pull_request " + action;
  event.number = request.Text("number").empty() ? body.Text("number") : request.Text("number");
  event.branch = request.Text("base.ref");
  event.source_branch = request.Text("head.ref");
  event.commit = request.Text("head.sha");
  event.before = body.Text("before");
  event.message = request.Text("title");
  event.fetch_ref = "refs/pull/" + event.number + "/head";
  // A fork that was deleted leaves no head repository.
  event.from_fork = request.Text("head.repo.full_name") != request.Text("base.repo.full_name");
  return event;
}

}  // namespace

Payload Payload::At(std::string_view path) const {
  const nlohmann::json* at = json_;
  while (at != nullptr && !path.empty()) {
    const size_t dot = std::min(path.find('.'), path.size());
    const auto found = at->is_object() ? at->find(std::string(path.substr(0, dot))) : at->end();
    at = at->is_object() && found != at->end() ? &*found : nullptr;
    path.remove_prefix(std::min(dot + 1, path.size()));
  }
  Payload out;
  out.json_ = at;
  return out;
}

std::string Payload::Text(std::string_view path) const {
  const nlohmann::json* at = At(path).json_;
  if (at == nullptr) return "";
  if (at->is_number_integer()) return at->dump();
  if (!at->is_string()) return "";
  const auto& text = at->get_ref<const std::string&>();
  return text.substr(0, kLongestText);
}

bool Payload::Flag(std::string_view path) const {
  const nlohmann::json* at = At(path).json_;
  return at != nullptr && at->is_boolean() && at->get<bool>();
}

int64_t Payload::Number(std::string_view path) const {
  const nlohmann::json* at = At(path).json_;
  return at != nullptr && at->is_number_integer() ? at->get<int64_t>() : 0;
}

std::vector<Payload> Payload::Items(std::string_view path) const {
  const nlohmann::json* at = At(path).json_;
  std::vector<Payload> out;
  if (at == nullptr || !at->is_array()) return out;
  out.reserve(at->size());
  for (const nlohmann::json& item : *at) out.push_back(Payload(item));
  return out;
}

void SetRef(std::string_view ref, GitEvent* event) {
  constexpr std::string_view kHeads = "refs/heads/";
  constexpr std::string_view kTags = "refs/tags/";
  if (ref.starts_with(kTags)) {
    event->tag = ref.substr(kTags.size());
  } else {
    event->branch = ref.starts_with(kHeads) ? ref.substr(kHeads.size()) : ref;
  }
}

bool IsNoCommit(std::string_view id) { return id.find_first_not_of('0') == std::string_view::npos; }

Status CheckEvent(const GitEvent& event) {
  if (event.kind == GitEvent::Kind::kPing || event.kind == GitEvent::Kind::kIgnored) return Status();
  if (event.branch.empty() && event.tag.empty()) return InvalidArgument("'{}' names no branch or tag", event.detail);
  if (event.repositories.empty()) return InvalidArgument("'{}' names no repository", event.detail);
  if (event.deleted) return Status();
  const bool hex = event.commit.find_first_not_of("0123456789abcdef") == std::string::npos;
  const size_t digits = event.commit.size();
  // Bitbucket shortens the commits of pull requests.
  const bool shortened = event.kind == GitEvent::Kind::kPullRequest && digits >= 12 && digits < 40;
  if (!hex || (digits != 40 && digits != 64 && !shortened)) {
    return InvalidArgument("'{}' names no commit of 40 or 64 hex digits but '{}'", event.detail,
                           event.commit.substr(0, 80));
  }
  const bool pull = event.kind == GitEvent::Kind::kPullRequest;
  if (pull && (event.number.empty() || event.number.find_first_not_of("0123456789") != std::string::npos)) {
    return InvalidArgument("'{}' has no number", event.detail);
  }
  return Status();
}

Result<GitEvent> ParseGitHub(std::string_view name, const Payload& body) {
  if (name == "ping") {
    GitEvent event;
    event.kind = GitEvent::Kind::kPing;
    event.detail = "ping";
    return event;
  }
  GitEvent event = Ignored(std::string(name));
  if (name == "push") event = GitHubPush(body);
  // Gitea sends new commits of a pull request under a name of their own.
  if (name == "pull_request" || name == "pull_request_sync") event = GitHubPullRequest(body);
  for (const char* url : {"clone_url", "html_url", "ssh_url", "git_url", "url"}) {
    AddRepository(body.At("repository").Text(url), &event);
  }
  return Checked(std::move(event));
}

Result<GitEvent> ParseGitLab(const Payload& body) {
  const std::string kind = body.Text("object_kind");
  GitEvent event = Ignored(kind);
  if (kind == "push" || kind == "tag_push") {
    event.kind = GitEvent::Kind::kCommit;
    SetRef(body.Text("ref"), &event);
    const std::string after = body.Text("after");
    event.commit = body.Text("checkout_sha").empty() ? after : body.Text("checkout_sha");
    event.before = body.Text("before");
    event.deleted = IsNoCommit(after);
    const std::vector<Payload> commits = body.Items("commits");
    for (const Payload& commit : commits) {
      if (commit.Text("id") == event.commit) event.message = commit.Text("message");
    }
    const bool all = body.Number("total_commits_count") <= static_cast<int64_t>(commits.size());
    if (all && !IsNoCommit(event.before)) event.changed_paths = ChangedPaths(commits);
  } else if (kind == "merge_request") {
    const Payload request = body.At("object_attributes");
    const std::string action = request.Text("action");
    event.detail = "merge_request " + action;
    // An update without an old revision changed words or labels only.
    const bool new_commits = action == "update" && !request.Text("oldrev").empty();
    if (action == "open" || action == "reopen" || new_commits) {
      event.kind = GitEvent::Kind::kPullRequest;
      event.number = request.Text("iid");
      event.branch = request.Text("target_branch");
      event.source_branch = request.Text("source_branch");
      event.commit = request.Text("last_commit.id");
      event.before = request.Text("oldrev");
      event.message = request.Text("last_commit.message");
      event.fetch_ref = "refs/merge-requests/" + event.number + "/head";
      event.from_fork = request.Text("source_project_id") != request.Text("target_project_id");
    }
  }
  for (const char* url : {"git_http_url", "web_url", "git_ssh_url", "http_url", "url"}) {
    AddRepository(body.At("project").Text(url), &event);
  }
  return Checked(std::move(event));
}

Result<GitEvent> ParseAzureDevOps(const Payload& body) {
  const std::string type = body.Text("eventType");
  GitEvent event = Ignored(type);
  const Payload resource = body.At("resource");
  if (type == "git.push") {
    const std::vector<Payload> updates = resource.Items("refUpdates");
    if (updates.empty()) return InvalidArgument("'git.push' has no refUpdates");
    // One push may move several refs; Azure DevOps sends one delivery for each.
    event.kind = GitEvent::Kind::kCommit;
    SetRef(updates.front().Text("name"), &event);
    event.commit = updates.front().Text("newObjectId");
    event.before = updates.front().Text("oldObjectId");
    event.deleted = IsNoCommit(event.commit);
    for (const Payload& commit : resource.Items("commits")) {
      if (commit.Text("commitId") == event.commit) event.message = commit.Text("comment");
    }
  } else if (type == "git.pullrequest.created" || type == "git.pullrequest.updated") {
    if (resource.Text("status") == "active") {
      event.kind = GitEvent::Kind::kPullRequest;
      event.number = resource.Text("pullRequestId");
      SetRef(resource.Text("targetRefName"), &event);
      GitEvent source;
      SetRef(resource.Text("sourceRefName"), &source);
      event.source_branch = source.branch;
      event.commit = resource.Text("lastMergeSourceCommit.commitId");
      event.message = resource.Text("title");
      event.from_fork = resource.At("forkSource").exists();
    } else {
      event.detail += " " + resource.Text("status");
    }
  }
  event.delivery_id = body.Text("id");
  for (const char* url : {"remoteUrl", "webUrl", "sshUrl", "url"}) {
    AddRepository(resource.At("repository").Text(url), &event);
  }
  return Checked(std::move(event));
}

Result<GitEvent> ParseGeneric(std::string_view name, const Payload& body) {
  GitEvent event = Ignored(std::string(name));
  if (name == "ping") event.kind = GitEvent::Kind::kPing;
  if (name == "push") {
    event.kind = GitEvent::Kind::kCommit;
    SetRef(body.Text("ref"), &event);
    event.commit = body.Text("after");
    event.before = body.Text("before");
    event.deleted = IsNoCommit(event.commit);
    event.message = body.Text("message");
    if (body.At("paths").exists()) {
      event.changed_paths.emplace();
      for (const Payload& path : body.Items("paths")) event.changed_paths->push_back(path.Text());
    }
  }
  AddRepository(body.Text("repository"), &event);
  return Checked(std::move(event));
}

}  // namespace slipway::trigger
