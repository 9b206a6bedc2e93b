#include "daemon/notify/commit_status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/daemon/notify/runs.h"

namespace slipway::notify {
namespace {

using store::RunState;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using Json = nlohmann::json;

constexpr const char* kSha = "1481a2de7b2a7d02428ad93446ab166be7793fbb";

http::Request RequestFor(const store::Run& run, const std::string& api_url = "") {
  const auto status = StatusOf(run, api_url, "https://ci.example.com");
  EXPECT_TRUE(status.has_value());
  auto request = StatusRequest(status->content, "t0ken");
  EXPECT_TRUE(request.ok());
  return *request;
}

TEST(CommitStatus, GitHubIsToldAsItsApiSays) {
  const http::Request request = RequestFor(PushedRun(RunState::kSucceeded));
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.url, std::string("https://api.github.com/repos/org/app/statuses/") + kSha);
  EXPECT_EQ(request.headers.Get("Authorization"), "Bearer t0ken");
  EXPECT_EQ(request.headers.Get("Accept"), "application/vnd.github+json");
  EXPECT_EQ(Json::parse(request.body), Json::parse(R"({"state": "success",
      "description": "Run ca7 succeeded after 12.0s", "context": "slipway/app",
      "target_url": "https://ci.example.com/runs/ca7"})"));
}

TEST(CommitStatus, GitLabIsToldAsItsApiSays) {
  const http::Request request =
      RequestFor(PushedRun(RunState::kCanceled, "gitlab", "https://gitlab.example.com/group/sub/app.git"));
  EXPECT_EQ(request.url, std::string("https://gitlab.example.com/api/v4/projects/group%2Fsub%2Fapp/statuses/") + kSha);
  EXPECT_EQ(request.headers.Get("PRIVATE-TOKEN"), "t0ken");
  EXPECT_FALSE(request.headers.Has("Authorization"));
  EXPECT_EQ(Json::parse(request.body), Json::parse(R"({"state": "canceled", "description": "Run ca7 was canceled",
      "name": "slipway/app", "target_url": "https://ci.example.com/runs/ca7"})"));
}

TEST(CommitStatus, GiteaIsToldAsItsApiSaysBelowItsOwnPathToo) {
  const http::Request request =
      RequestFor(PushedRun(RunState::kError, "gitea", "http://127.0.0.1:3000/git/org/app.git"));
  EXPECT_EQ(request.url, std::string("http://127.0.0.1:3000/git/api/v1/repos/org/app/statuses/") + kSha);
  EXPECT_EQ(request.headers.Get("Authorization"), "token t0ken");
  EXPECT_EQ(Json::parse(request.body).at("state"), "error");
}

TEST(CommitStatus, WhereTheApiIsCanBeSaid) {
  EXPECT_EQ(RequestFor(PushedRun(RunState::kQueued), "https://proxy.example.com/gh/").url,
            std::string("https://proxy.example.com/gh/repos/org/app/statuses/") + kSha);
  EXPECT_EQ(RequestFor(PushedRun(RunState::kQueued, "github", "https://git.corp.com/org/app")).url,
            std::string("https://git.corp.com/api/v3/repos/org/app/statuses/") + kSha);
}

TEST(CommitStatus, EachStateHasTheHostsWord) {
  const auto word = [](RunState state, const std::string& host) {
    return StatusOf(PushedRun(state, host, "https://h.com/o/r.git"), "", "")->event;
  };
  EXPECT_EQ(word(RunState::kQueued, "github"), "pending");
  EXPECT_EQ(word(RunState::kRunning, "github"), "pending");
  EXPECT_EQ(word(RunState::kFailed, "github"), "failure");
  EXPECT_EQ(word(RunState::kTimeout, "gitea"), "failure");
  EXPECT_EQ(word(RunState::kCanceled, "github"), "error");
  EXPECT_EQ(word(RunState::kError, "github"), "error");
  EXPECT_EQ(word(RunState::kQueued, "gitlab"), "pending");
  EXPECT_EQ(word(RunState::kRunning, "gitlab"), "running");
  EXPECT_EQ(word(RunState::kFailed, "gitlab"), "failed");
}

TEST(CommitStatus, OnlyHostsThatTakeOneAreTold) {
  EXPECT_FALSE(StatusOf(PushedRun(RunState::kQueued, "generic"), "", ""));
  EXPECT_FALSE(StatusOf(PushedRun(RunState::kQueued, "azuredevops"), "", ""));
  EXPECT_FALSE(StatusOf(PushedRun(RunState::kStarted), "", ""));
  EXPECT_FALSE(StatusOf(PushedRun(RunState::kQueued, "github", "git@github.com:org/app.git"), "", ""));
  EXPECT_FALSE(StatusOf(PushedRun(RunState::kQueued, "github", "https://github.com/app"), "", ""));
  store::Run timer = PushedRun(RunState::kQueued);
  timer.trigger = {};
  EXPECT_FALSE(StatusOf(timer, "", ""));
}

TEST(CommitStatus, StatusesOfOneCommitReplaceEachOther) {
  const auto first = StatusOf(PushedRun(RunState::kQueued), "", "");
  store::Run later = PushedRun(RunState::kSucceeded);
  later.id = "ca8";
  EXPECT_EQ(first->subject, StatusOf(later, "", "")->subject);
  later.task = "other";
  EXPECT_NE(first->subject, StatusOf(later, "", "")->subject);
}

TEST(CommitStatus, LongDescriptionsAreCutBetweenCharacters) {
  store::Run run = PushedRun(RunState::kFailed);
  for (int i = 0; i < 100; ++i) run.result.failed_step += "ü";
  const std::string description = Json::parse(StatusOf(run, "", "")->content).at("description");
  EXPECT_LE(description.size(), 140U);
  EXPECT_TRUE(description.ends_with("ü")) << description;
}

TEST(CommitStatus, WhatIsStoredNamesTheTriggerAndNoToken) {
  const auto status = StatusOf(PushedRun(RunState::kQueued), "", "");
  const auto owner = OwnerOf(status->content);
  ASSERT_TRUE(owner.ok());
  EXPECT_EQ(owner->task, "app");
  EXPECT_EQ(owner->trigger, "t");
  EXPECT_EQ(status->receiver, "github org/app@1481a2de7b2a");
  EXPECT_EQ(OwnerOf("{}").code(), Code::kDataLoss);
  EXPECT_EQ(StatusRequest("[]", "t").code(), Code::kDataLoss);
}

}  // namespace
}  // namespace slipway::notify
