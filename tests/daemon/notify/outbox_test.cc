#include "daemon/notify/outbox.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include <nlohmann/json.hpp>

#include "daemon/notify/cloud_event.h"
#include "daemon/notify/commit_status.h"
#include "daemon/store/sqlite_run_store.h"
#include "executor/base/fs.h"
#include "executor/http/curl_transport.h"
#include "tests/daemon/notify/runs.h"
#include "tests/testing/manual_clock.h"
#include "tests/testing/scripted_http_server.h"

namespace slipway::notify {
namespace {

using slipway::testing::ScriptedHttpServer;
using slipway::testing::ScriptedReply;
using slipway::testing::ScriptedRequest;
using store::NotificationState;
using store::RunState;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

const std::string kStatus{kStatusLane};

// A git host and a receiver on one server: what they answer is set by a test.
class OutboxTest : public ::testing::Test {
 protected:
  void SetUp() override {
    http::CurlOptions curl;
    curl.proxy = {};
    transport_ = *http::NewCurlTransport(curl);
    targets_ = {*ParseTarget("url=" + server_.Url("/hook?key=s3cret") + ",secret=k")};
    Open();
  }

  void Open() {
    runs_ = *store::SqliteRunStore::Open(dir_.path() + "/runs.db", "ca");
    runs_->SetAnnouncer([this](const store::Run& run) { return announced_ ? announced_(run) : Default(run); });
    store_ = *store::NotificationStore::Open(dir_.path() + "/runs.db");
    outbox_ = Make();
  }
  std::unique_ptr<Outbox> Make() {
    return std::make_unique<Outbox>(Outbox::Parts{
        .store = *store_,
        .transport = *transport_,
        .clock = clock_,
        .targets = targets_,
        .status_token = [this](const std::string& task, const std::string& trigger) -> Result<std::string> {
          return task == "app" && trigger == "t" ? token_ : "";
        }});
  }

  std::vector<store::NewNotification> Default(const store::Run& run) { return EventsOf(run, targets_, "/slipway"); }

  // A run that has come to this state, announced.
  std::string RunTo(RunState state) {
    store::NewRun request;
    request.build.source_location = "/dev/null";
    request.task = "app";
    request.trigger = PushedRun(state, "github", server_.Url("/org/app.git")).trigger;
    request.now = clock_.System();
    const std::string id = runs_->Create(request)->run.id;
    if (state == RunState::kQueued) return id;
    EXPECT_TRUE(runs_->Start(id, clock_.System()).ok());
    EXPECT_TRUE(runs_->SetRunning(id, clock_.System()).ok());
    if (store::IsFinal(state)) {
      EXPECT_TRUE(runs_->Finish(id, state, {}, clock_.System()).ok());
    }
    return id;
  }
  std::vector<store::Notification> Listed(NotificationState state) {
    return store_->List(state, 100, "")->notifications;
  }
  std::vector<store::Notification> Dead() { return Listed(NotificationState::kDead); }

  fs::TempDir dir_ = *fs::TempDir::Make();
  slipway::testing::ManualClock clock_;
  std::atomic<int> answer_ = 204;
  std::string body_;
  http::Headers headers_;
  ScriptedHttpServer server_{
      [this](const ScriptedRequest&) { return ScriptedReply{.status = answer_, .headers = headers_, .body = body_}; }};
  std::string token_ = "t0ken";
  std::unique_ptr<http::Transport> transport_;
  std::vector<Target> targets_;
  std::function<std::vector<store::NewNotification>(const store::Run&)> announced_;
  std::unique_ptr<store::SqliteRunStore> runs_;
  std::unique_ptr<store::NotificationStore> store_;
  std::unique_ptr<Outbox> outbox_;
};

TEST_F(OutboxTest, ReceiversAreToldInOrder) {
  const std::string id = RunTo(RunState::kFailed);
  EXPECT_EQ(outbox_->SendDue(LaneOf(targets_[0])), std::nullopt);
  const auto requests = server_.requests();
  ASSERT_THAT(requests, SizeIs(2));
  EXPECT_EQ(requests[0].Line(), "POST /hook?key=s3cret");
  EXPECT_EQ(nlohmann::json::parse(requests[0].body).at("id"), id + ".run.started.1");
  EXPECT_EQ(nlohmann::json::parse(requests[1].body).at("id"), id + ".run.finished.1");
  EXPECT_EQ(requests[1].headers.Get("X-Slipway-Signature-256"), Sign(requests[1].body, "k"));
  EXPECT_THAT(Listed(NotificationState::kSent), SizeIs(2));
  EXPECT_THAT(Listed(NotificationState::kPending), IsEmpty());
}

TEST_F(OutboxTest, WhatFailsIsRepeatedWithLongerPausesAndTheSameBody) {
  RunTo(RunState::kRunning);
  answer_ = 500;
  const std::string lane = LaneOf(targets_[0]);
  std::optional<SystemTime> next = outbox_->SendDue(lane);
  ASSERT_TRUE(next.has_value());
  const auto first = *next - clock_.System();
  EXPECT_GE(first, std::chrono::seconds(5));
  EXPECT_EQ(*outbox_->SendDue(lane), *next) << "it is not due yet";
  EXPECT_THAT(server_.requests(), SizeIs(1));
  clock_.now += first;
  next = outbox_->SendDue(lane);
  EXPECT_GE(*next - clock_.System(), std::chrono::seconds(10));
  answer_ = 200;
  clock_.now += std::chrono::hours(1);
  EXPECT_EQ(outbox_->SendDue(lane), std::nullopt);
  const auto requests = server_.requests();
  ASSERT_THAT(requests, SizeIs(3));
  EXPECT_EQ(requests[0].body, requests[2].body);
}

TEST_F(OutboxTest, ItIsGivenUpAfterADayAndCanBeRevived) {
  RunTo(RunState::kRunning);
  answer_ = 503;
  body_ = "out\nof order";
  const std::string lane = LaneOf(targets_[0]);
  const auto begin = clock_.now;
  while (const std::optional<SystemTime> next = outbox_->SendDue(lane)) clock_.now += *next - clock_.System();
  EXPECT_GT(clock_.now - begin, std::chrono::hours(22));
  EXPECT_LE(clock_.now - begin, std::chrono::hours(24));
  EXPECT_LT(server_.requests().size(), 50U);
  const auto dead = Dead();
  ASSERT_THAT(dead, SizeIs(1));
  EXPECT_EQ(dead[0].error, "HTTP 503: out of order");
  EXPECT_EQ(dead[0].attempts, static_cast<int>(server_.requests().size()));
  EXPECT_THAT(dead[0].receiver, Not(HasSubstr("s3cret")));
  answer_ = 200;
  ASSERT_TRUE(store_->Revive(dead[0].number, clock_.System()).ok());
  EXPECT_EQ(outbox_->SendDue(lane), std::nullopt);
  EXPECT_THAT(Dead(), IsEmpty());
}

TEST_F(OutboxTest, ARestartGoesOnAndAReceiverThatIsGoneAtLastIsNotAskedAgain) {
  RunTo(RunState::kRunning);
  const std::string lane = LaneOf(targets_[0]);
  outbox_.reset();
  runs_.reset();
  store_.reset();
  Open();
  answer_ = 410;
  EXPECT_EQ(outbox_->SendDue(lane), std::nullopt);
  EXPECT_THAT(server_.requests(), SizeIs(1));
  EXPECT_THAT(Dead(), SizeIs(1));
}

TEST_F(OutboxTest, AReceiverSaysWhenItWillHaveTime) {
  RunTo(RunState::kRunning);
  answer_ = 429;
  headers_ = {{"Retry-After", "600"}};
  EXPECT_EQ(*outbox_->SendDue(LaneOf(targets_[0])), clock_.System() + std::chrono::seconds(600));
}

TEST_F(OutboxTest, ReceiversThatAreConfiguredNoMoreDie) {
  RunTo(RunState::kRunning);
  targets_ = {};
  outbox_ = Make();
  ASSERT_TRUE(outbox_->Start().ok());
  ASSERT_THAT(Dead(), SizeIs(1));
  EXPECT_THAT(Dead()[0].error, HasSubstr("no more"));
  EXPECT_THAT(server_.requests(), IsEmpty());
}

TEST_F(OutboxTest, OnlyTheNewestStatusOfACommitIsPosted) {
  announced_ = [](const store::Run& run) {
    auto status = StatusOf(run, "", "");
    return status ? std::vector<store::NewNotification>{*status} : std::vector<store::NewNotification>{};
  };
  RunTo(RunState::kSucceeded);
  answer_ = 201;
  EXPECT_EQ(outbox_->SendDue(kStatus), std::nullopt);
  const auto requests = server_.requests();
  ASSERT_THAT(requests, SizeIs(1));
  EXPECT_EQ(requests[0].Line(), "POST /api/v3/repos/org/app/statuses/1481a2de7b2a7d02428ad93446ab166be7793fbb");
  EXPECT_EQ(nlohmann::json::parse(requests[0].body).at("state"), "success");
  EXPECT_EQ(requests[0].headers.Get("Authorization"), "Bearer t0ken");
}

TEST_F(OutboxTest, AStatusThatAHostRefusesIsNotRepeatedUnlessItMayPass) {
  announced_ = [](const store::Run& run) { return std::vector<store::NewNotification>{*StatusOf(run, "", "")}; };
  RunTo(RunState::kQueued);
  answer_ = 403;
  headers_ = {{"x-ratelimit-remaining", "0"}, {"Retry-After", "60"}};
  const auto next = outbox_->SendDue(kStatus);
  ASSERT_TRUE(next.has_value());
  headers_ = {};
  body_ = R"({"message": "Resource not accessible by personal access token"})";
  clock_.now += *next - clock_.System();
  EXPECT_EQ(outbox_->SendDue(kStatus), std::nullopt);
  ASSERT_THAT(Dead(), SizeIs(1));
  EXPECT_THAT(Dead()[0].error, HasSubstr("HTTP 403: {\"message\": \"Resource not accessible"));
}

TEST_F(OutboxTest, GitLabsRefusalOfAStateThatItHasIsFine) {
  announced_ = [](const store::Run& run) { return std::vector<store::NewNotification>{*StatusOf(run, "", "")}; };
  RunTo(RunState::kQueued);
  answer_ = 400;
  body_ = R"({"message": "Cannot transition status via :enqueue from :pending"})";
  EXPECT_EQ(outbox_->SendDue(kStatus), std::nullopt);
  EXPECT_THAT(Dead(), IsEmpty());
}

TEST_F(OutboxTest, ATokenThatWasTakenAwayEndsIt) {
  announced_ = [](const store::Run& run) { return std::vector<store::NewNotification>{*StatusOf(run, "", "")}; };
  RunTo(RunState::kQueued);
  token_ = "";
  EXPECT_EQ(outbox_->SendDue(kStatus), std::nullopt);
  ASSERT_THAT(Dead(), SizeIs(1));
  EXPECT_THAT(Dead()[0].error, HasSubstr("no status token"));
  EXPECT_THAT(server_.requests(), IsEmpty());
}

TEST_F(OutboxTest, ATokenIsNotSentInTheOpenToOtherMachines) {
  announced_ = [](const store::Run& run) {
    return std::vector<store::NewNotification>{*StatusOf(run, "http://git.invalid/api", "")};
  };
  RunTo(RunState::kQueued);
  EXPECT_EQ(outbox_->SendDue(kStatus), std::nullopt);
  ASSERT_THAT(Dead(), SizeIs(1));
  EXPECT_THAT(Dead()[0].error, HasSubstr("plain HTTP"));
}

TEST_F(OutboxTest, AThreadSendsWhatItIsWokenFor) {
  std::promise<void> came;
  ScriptedHttpServer receiver([&](const ScriptedRequest&) {
    came.set_value();
    return ScriptedReply{.status = 200};
  });
  targets_ = {*ParseTarget("url=" + receiver.Url("/") + ",events=run.finished")};
  outbox_ = Make();
  ASSERT_TRUE(outbox_->Start().ok());
  RunTo(RunState::kSucceeded);
  outbox_->Wake();
  came.get_future().wait();
}

TEST_F(OutboxTest, StoppingDoesNotWaitForAReceiverThatHangs) {
  std::promise<void> came;
  std::promise<void> over;
  auto wait = over.get_future().share();
  ScriptedHttpServer receiver([&](const ScriptedRequest&) {
    came.set_value();
    wait.wait();
    return ScriptedReply{.drop = true};
  });
  targets_ = {*ParseTarget("url=" + receiver.Url("/") + ",events=run.finished")};
  outbox_ = Make();
  ASSERT_TRUE(outbox_->Start().ok());
  RunTo(RunState::kSucceeded);
  outbox_->Wake();
  came.get_future().wait();
  outbox_.reset();
  EXPECT_THAT(Listed(NotificationState::kPending), SizeIs(1)) << "the next start tells it";
  over.set_value();
}

}  // namespace
}  // namespace slipway::notify
