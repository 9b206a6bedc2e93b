#include "daemon/trigger/webhook.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <strings.h>

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "executor/base/fs.h"

namespace slipway::trigger {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using HeaderMap = std::map<std::string, std::string>;

constexpr const char* kTip = "1481a2de7b2a7d02428ad93446ab166be7793fbb";
constexpr const char* kBefore = "6113728f27ae82c7b1a177c8d03f9e96e0adf246";

Headers In(const HeaderMap& map) {
  return [&map](std::string_view name) -> std::string_view {
    for (const auto& [key, value] : map) {
      if (key.size() == name.size() && strncasecmp(key.data(), name.data(), name.size()) == 0) return value;
    }
    return "";
  };
}

std::string Body(const std::string& name) {
  auto text = fs::ReadFile(std::string(SLIPWAY_TEST_DATA) + "/webhooks/" + name + ".json");
  EXPECT_TRUE(text.ok()) << text.status().message();
  return text.ok() ? *text : "";
}

std::vector<GitEvent> ParseAll(const std::string& body, const HeaderMap& map) {
  const Headers headers = In(map);
  const auto host = DetectHost(headers);
  EXPECT_TRUE(host.ok()) << host.status().message();
  auto events = ParseDelivery(*host, headers, body);
  EXPECT_TRUE(events.ok()) << events.status().message();
  return events.ok() ? *events : std::vector<GitEvent>{};
}

// Of a delivery that tells one thing.
GitEvent Parse(const std::string& body, const HeaderMap& map) {
  const std::vector<GitEvent> events = ParseAll(body, map);
  EXPECT_THAT(events, SizeIs(1));
  return events.empty() ? GitEvent{} : events.front();
}

const HeaderMap kGitHubPush = {{"x-github-event", "push"},
                               {"X-GitHub-Delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958"}};

TEST(Webhook, GitHubPushBuildsTheTip) {
  const GitEvent event = Parse(Body("github_push"), kGitHubPush);
  EXPECT_EQ(event.host, GitHost::kGitHub);
  EXPECT_EQ(event.kind, GitEvent::Kind::kCommit);
  EXPECT_EQ(event.branch, "main");
  EXPECT_EQ(event.commit, kTip) << "not the first of the commits";
  EXPECT_EQ(event.before, kBefore);
  EXPECT_EQ(event.message, "Second: the API");
  EXPECT_EQ(event.delivery_id, "72d3162e-cc78-11e3-81ab-4c9367dc0958");
  EXPECT_THAT(event.repositories, Contains("https://github.example.com/org/app.git"));
  ASSERT_TRUE(event.changed_paths.has_value());
  EXPECT_THAT(*event.changed_paths, ElementsAre("README.md", "old", "services/api/main.go", "services/api/new.go"));
}

TEST(Webhook, GitHubTagsDeletionsAndPings) {
  const GitEvent tag = Parse(Body("github_tag"), kGitHubPush);
  EXPECT_EQ(tag.tag, "v1.2.3");
  EXPECT_EQ(tag.branch, "");
  EXPECT_FALSE(tag.deleted);
  EXPECT_TRUE(Parse(Body("github_delete"), kGitHubPush).deleted);
  EXPECT_EQ(Parse(Body("github_ping"), {{"X-GitHub-Event", "ping"}}).kind, GitEvent::Kind::kPing);
}

TEST(Webhook, OfAnAnnotatedTagOnGitHubItsCommitIsBuilt) {
  nlohmann::json body = nlohmann::json::parse(Body("github_tag"));
  body["after"] = "8f6e0ae05b9a0f0a9e3ac6c5a5ba0f7a5e1b5c11";
  EXPECT_EQ(Parse(body.dump(), kGitHubPush).commit, kTip) << "not the tag's own id";
  body["head_commit"] = nullptr;
  EXPECT_EQ(Parse(body.dump(), kGitHubPush).commit, body["after"]) << "where nothing else is told";
  nlohmann::json push = nlohmann::json::parse(Body("github_push"));
  push["head_commit"]["id"] = kBefore;
  EXPECT_EQ(Parse(push.dump(), kGitHubPush).commit, kTip) << "of a branch, what it is after the push";
}

TEST(Webhook, GitHubPullRequests) {
  const GitEvent opened = Parse(Body("github_pull_request"), {{"X-GitHub-Event", "pull_request"}});
  EXPECT_EQ(opened.kind, GitEvent::Kind::kPullRequest);
  EXPECT_EQ(opened.number, "7");
  EXPECT_EQ(opened.branch, "main");
  EXPECT_EQ(opened.source_branch, "change");
  EXPECT_EQ(opened.commit, kTip);
  EXPECT_EQ(opened.fetch_ref, "refs/pull/7/head");
  EXPECT_FALSE(opened.from_fork);
  EXPECT_TRUE(Parse(Body("github_pull_request_fork"), {{"X-GitHub-Event", "pull_request"}}).from_fork);
  const GitEvent labeled = Parse(Body("github_pull_request_labeled"), {{"X-GitHub-Event", "pull_request"}});
  EXPECT_EQ(labeled.kind, GitEvent::Kind::kIgnored);
  EXPECT_EQ(labeled.detail, "pull_request labeled");
  EXPECT_EQ(Parse(Body("github_pull_request"), {{"X-GitHub-Event", "issue_comment"}}).kind, GitEvent::Kind::kIgnored);
}

TEST(Webhook, GiteaSendsGitHubsHeadersToo) {
  const HeaderMap headers = {{"X-GitHub-Event", "push"},
                             {"X-Gitea-Event", "push"},
                             {"X-Gitea-Delivery", "f6266f16-1bf3-46a5-9ea4-602e06ead473"}};
  const GitEvent push = Parse(Body("gitea_push"), headers);
  EXPECT_EQ(push.host, GitHost::kGitea);
  EXPECT_EQ(push.commit, kTip);
  EXPECT_EQ(push.message, "Second [skip ci]");
  EXPECT_EQ(push.delivery_id, "f6266f16-1bf3-46a5-9ea4-602e06ead473");
  const GitEvent pull = Parse(Body("gitea_pull_request"), {{"X-Forgejo-Event", "pull_request_sync"}});
  EXPECT_EQ(pull.kind, GitEvent::Kind::kPullRequest);
  EXPECT_EQ(pull.number, "3");
}

TEST(Webhook, GitLab) {
  const GitEvent push = Parse(Body("gitlab_push"), {{"X-Gitlab-Event", "Push Hook"}, {"Idempotency-Key", "k1"}});
  EXPECT_EQ(push.host, GitHost::kGitLab);
  EXPECT_EQ(push.commit, kTip);
  EXPECT_EQ(push.branch, "main");
  EXPECT_EQ(push.delivery_id, "k1");
  EXPECT_THAT(*push.changed_paths, ElementsAre("docs/x.md"));
  EXPECT_FALSE(Parse(Body("gitlab_push_many"), {{"X-Gitlab-Event", "Push Hook"}}).changed_paths.has_value())
      << "the payload lists one of fifty commits";
  const GitEvent merge = Parse(Body("gitlab_merge_request"), {{"X-Gitlab-Event", "Merge Request Hook"}});
  EXPECT_EQ(merge.kind, GitEvent::Kind::kPullRequest);
  EXPECT_EQ(merge.number, "12");
  EXPECT_EQ(merge.fetch_ref, "refs/merge-requests/12/head");
  EXPECT_TRUE(merge.from_fork);
  EXPECT_EQ(Parse(Body("gitlab_merge_request_label"), {{"X-Gitlab-Event", "Merge Request Hook"}}).kind,
            GitEvent::Kind::kIgnored)
      << "labels start nothing";
}

TEST(Webhook, APushWithoutCommitsDoesNotTellItsPaths) {
  for (const auto& [name, header] : {std::pair("gitlab_push", "X-Gitlab-Event"),
                                     {"gitea_push", "X-Gitea-Event"},
                                     {"github_push", "X-GitHub-Event"}}) {
    nlohmann::json body = nlohmann::json::parse(Body(name));
    body["commits"] = nlohmann::json::array();
    body[name == std::string_view("gitlab_push") ? "total_commits_count" : "total_commits"] = 0;
    const GitEvent back = Parse(body.dump(), {{header, "push"}});
    EXPECT_EQ(back.commit, kTip) << name;
    EXPECT_FALSE(back.changed_paths.has_value()) << name << ": a branch was set back";
  }
}

TEST(Webhook, BitbucketTellsOfAllRefsOfAPushAtOnce) {
  const HeaderMap headers = {{"X-Event-Key", "repo:push"}, {"X-Request-UUID", "u"}};
  const std::vector<GitEvent> events = ParseAll(Body("bitbucket_push"), headers);
  ASSERT_THAT(events, SizeIs(2));
  EXPECT_EQ(events[0].branch, "gone");
  EXPECT_TRUE(events[0].deleted);
  EXPECT_EQ(events[0].delivery_id, "u");
  const GitEvent& push = events[1];
  EXPECT_EQ(push.host, GitHost::kBitbucket);
  EXPECT_EQ(push.branch, "main");
  EXPECT_EQ(push.commit, kTip);
  EXPECT_EQ(push.message, "Second\n");
  EXPECT_FALSE(push.deleted);
  EXPECT_EQ(push.delivery_id, "u#1") << "each is known by its own when it comes again";
  EXPECT_THAT(push.repositories, Contains("https://bitbucket.example.org/org/app"));

  nlohmann::json body = nlohmann::json::parse(Body("bitbucket_server_push"));
  body["changes"].push_back(body["changes"][0]);
  body["changes"][1]["refId"] = "refs/tags/v1";
  body["changes"][1]["toHash"] = kBefore;
  const std::vector<GitEvent> server = ParseAll(body.dump(), {{"X-Event-Key", "repo:refs_changed"}});
  ASSERT_THAT(server, SizeIs(2));
  EXPECT_EQ(server[0].branch, "main");
  EXPECT_EQ(server[0].message, "Second");
  EXPECT_EQ(server[1].tag, "v1");
  EXPECT_EQ(server[1].commit, kBefore);
  EXPECT_EQ(server[1].message, "") << "the body has that of the other commit";
}

TEST(Webhook, BitbucketPushesOfVeryManyRefsAreCutOff) {
  nlohmann::json body = nlohmann::json::parse(Body("bitbucket_push"));
  nlohmann::json& changes = body["push"]["changes"];
  while (changes.size() < 1000) changes.push_back(changes[1]);
  EXPECT_THAT(ParseAll(body.dump(), {{"X-Event-Key", "repo:push"}}), SizeIs(200));
  changes.clear();
  EXPECT_EQ(ParseDelivery(GitHost::kBitbucket, In({{"X-Event-Key", "repo:push"}}), body.dump()).code(),
            Code::kInvalidArgument);
}

TEST(Webhook, Bitbucket) {
  const GitEvent pull = Parse(Body("bitbucket_pull_request"), {{"X-Event-Key", "pullrequest:created"}});
  EXPECT_EQ(pull.kind, GitEvent::Kind::kPullRequest);
  EXPECT_EQ(pull.commit, std::string(kTip).substr(0, 12));
  EXPECT_TRUE(pull.from_fork);
  const GitEvent server = Parse(Body("bitbucket_server_push"), {{"X-Event-Key", "repo:refs_changed"}});
  EXPECT_EQ(server.commit, kTip);
  EXPECT_THAT(server.repositories, Contains("https://bitbucket.example.org/scm/org/app.git"));
}

TEST(Webhook, AzureDevOpsIsToldByItsAuthentication) {
  const HeaderMap headers = {{"Authorization", "Basic dXNlcjpzM2NyZXQ="}};
  const GitEvent push = Parse(Body("azure_push"), headers);
  EXPECT_EQ(push.host, GitHost::kAzureDevOps);
  EXPECT_EQ(push.commit, kTip);
  EXPECT_EQ(push.delivery_id, "03c164c2-8912-4d5e-8009-3707d5f83734");
  EXPECT_THAT(push.repositories, Contains("https://dev.example.com/org/p/_git/app"));
  const GitEvent pull = Parse(Body("azure_pull_request"), headers);
  EXPECT_EQ(pull.kind, GitEvent::Kind::kPullRequest);
  EXPECT_EQ(pull.number, "9");
  EXPECT_EQ(pull.source_branch, "change");
}

TEST(Webhook, Generic) {
  const GitEvent push = Parse(Body("generic_push"), {{"X-Slipway-Event", "push"}});
  EXPECT_EQ(push.commit, kTip);
  EXPECT_THAT(*push.changed_paths, ElementsAre("a", "b/c"));
  EXPECT_FALSE(push.delivery_id.empty()) << "of the body, where no header names it";
}

TEST(Webhook, ADeliveryIsKnownByTheHeaderOfItsHost) {
  // As a proxy on the way adds them.
  const HeaderMap added = {{"X-Request-Id", "proxy"}, {"Idempotency-Key", "other"}, {"X-Request-UUID", "another"}};
  const auto id = [&added](const char* name, HeaderMap headers) {
    const HeaderMap without = headers;
    headers.insert(added.begin(), added.end());
    const std::string found = ParseAll(Body(name), headers).at(0).delivery_id;
    EXPECT_EQ(found, ParseAll(Body(name), without).at(0).delivery_id) << name;
    return found;
  };
  EXPECT_EQ(id("generic_push", {{"X-Slipway-Event", "push"}, {"X-Slipway-Delivery", "d"}}), "d");
  EXPECT_EQ(id("github_push", {{"X-GitHub-Event", "push"}, {"X-GitHub-Delivery", "d"}}), "d");
  EXPECT_EQ(id("gitea_push", {{"X-Gitea-Event", "push"}, {"X-Gitea-Delivery", "d"}, {"X-GitHub-Delivery", "e"}}), "d");
  EXPECT_THAT(id("github_push", {{"X-GitHub-Event", "push"}}), HasSubstr("sha256:")) << "of the body";
  const HeaderMap server = {{"X-Event-Key", "repo:refs_changed"}, {"X-Request-Id", "d"}};
  EXPECT_EQ(Parse(Body("bitbucket_server_push"), server).delivery_id, "d");
  const HeaderMap lab = {{"X-Gitlab-Event", "Push Hook"}, {"X-Gitlab-Event-UUID", "d"}, {"X-Request-Id", "proxy"}};
  EXPECT_EQ(Parse(Body("gitlab_push"), lab).delivery_id, "d");
}

TEST(Webhook, UnknownSendersAreRefused) {
  EXPECT_EQ(DetectHost(In({{"Content-Type", "application/json"}})).code(), Code::kInvalidArgument);
}

TEST(Webhook, BadBodiesAreRefused) {
  const Headers headers = In(kGitHubPush);
  for (const char* body :
       {"", "[]", "{", "null", "{\"ref\":\"refs/heads/main\"}",
        R"({"ref":"refs/heads/x","after":"nonsense","repository":{"clone_url":"https://h/a"}})",
        R"({"ref":5,"after":{},"repository":[],"commits":"x"})",
        R"({"ref":"","after":"1481a2de7b2a7d02428ad93446ab166be7793fbb","repository":{"url":"h/a"}})"}) {
    EXPECT_EQ(ParseDelivery(GitHost::kGitHub, headers, body).code(), Code::kInvalidArgument) << body;
  }
  EXPECT_EQ(ParseDelivery(GitHost::kGitHub, headers, std::string(100'000, '[')).code(), Code::kInvalidArgument);
}

// The example of GitHub's documentation of webhooks.
TEST(Signature, GitHubsPublishedExample) {
  const HeaderMap good = {
      {"X-Hub-Signature-256", "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"}};
  EXPECT_TRUE(VerifyDelivery(GitHost::kGitHub, In(good), "Hello, World!", "It's a Secret to Everybody", {}).ok());
  EXPECT_EQ(VerifyDelivery(GitHost::kGitHub, In(good), "Hello, World?", "It's a Secret to Everybody", {}).code(),
            Code::kUnauthenticated);
  EXPECT_EQ(VerifyDelivery(GitHost::kGitHub, In(good), "Hello, World!", "another", {}).code(), Code::kUnauthenticated);
  EXPECT_EQ(VerifyDelivery(GitHost::kGitHub, In(good), "Hello, World!", "", {}).code(), Code::kUnauthenticated);
  EXPECT_EQ(VerifyDelivery(GitHost::kGitHub, In({}), "Hello, World!", "It's a Secret to Everybody", {}).code(),
            Code::kUnauthenticated);
  const HeaderMap gitea = {{"X-Gitea-Signature", "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"}};
  EXPECT_TRUE(VerifyDelivery(GitHost::kGitea, In(gitea), "Hello, World!", "It's a Secret to Everybody", {}).ok());
}

TEST(Signature, TokensAndPasswords) {
  EXPECT_TRUE(VerifyDelivery(GitHost::kGitLab, In({{"X-Gitlab-Token", "s3cret"}}), "b", "s3cret", {}).ok());
  EXPECT_FALSE(VerifyDelivery(GitHost::kGitLab, In({{"X-Gitlab-Token", "s3cre"}}), "b", "s3cret", {}).ok());
  EXPECT_FALSE(VerifyDelivery(GitHost::kGitLab, In({}), "b", "s3cret", {}).ok());
  const auto basic = [](const char* value) {
    return VerifyDelivery(GitHost::kAzureDevOps, In({{"Authorization", value}}), "b", "s3cret", {}).ok();
  };
  EXPECT_TRUE(basic("Basic dXNlcjpzM2NyZXQ=")) << "user:s3cret";
  EXPECT_TRUE(basic("Basic OnMzY3JldA==")) << ":s3cret";
  for (const char* bad :
       {"Basic czNjcmV0", "Basic dXNlcjpzM2NyZXQ", "Basic ", "Basic ====", "Bearer s3cret", "Basic !!!!"}) {
    EXPECT_FALSE(basic(bad)) << bad;
  }
}

TEST(Signature, GenericOnesCannotBeSentAgainLater) {
  const SystemTime now(std::chrono::seconds(1'700'000'000));
  const auto at = [&](const std::string& stamp) {
    const HeaderMap headers = {{"X-Slipway-Timestamp", stamp},
                               {"X-Slipway-Signature", SignGeneric(stamp, "body", "k")}};
    return VerifyDelivery(GitHost::kGeneric, In(headers), "body", "k", now);
  };
  EXPECT_TRUE(at("1700000000").ok());
  EXPECT_TRUE(at("1699999701").ok());
  EXPECT_THAT(at("1699999699").message(), HasSubstr("five minutes"));
  EXPECT_FALSE(at("1700000301").ok());
  EXPECT_FALSE(at("").ok());
  EXPECT_FALSE(at("9223372036854775807").ok());
  const HeaderMap other = {{"X-Slipway-Timestamp", "1700000001"},
                           {"X-Slipway-Signature", SignGeneric("1700000000", "body", "k")}};
  EXPECT_FALSE(VerifyDelivery(GitHost::kGeneric, In(other), "body", "k", now).ok()) << "the time is signed too";
}

TEST(Signature, ErrorsHoldNoSecret) {
  const HeaderMap headers = {{"X-Gitlab-Token", "wrong-token"}};
  const std::string message = VerifyDelivery(GitHost::kGitLab, In(headers), "b", "s3cret", {}).message();
  EXPECT_THAT(message, ::testing::Not(HasSubstr("s3cret")));
  EXPECT_THAT(message, ::testing::Not(HasSubstr("wrong-token")));
}

}  // namespace
}  // namespace slipway::trigger
