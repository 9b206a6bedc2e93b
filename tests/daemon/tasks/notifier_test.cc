#include "daemon/tasks/notifier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "daemon/store/sqlite_run_store.h"
#include "executor/http/curl_transport.h"
#include "tests/daemon/tasks/tasks_fixture.h"
#include "tests/testing/scripted_http_server.h"

namespace slipway::tasks {
namespace {

using slipway::testing::ScriptedHttpServer;
using slipway::testing::ScriptedReply;
using slipway::testing::ScriptedRequest;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class NotifierTest : public TasksFixture {
 protected:
  void SetUp() override {
    TasksFixture::SetUp();
    http::CurlOptions curl;
    curl.proxy = {};
    transport_ = *http::NewCurlTransport(curl);
    notifications_ = *store::NotificationStore::Open(fs::Join(dir_.path(), "runs.db"));
    runs_ = *store::SqliteRunStore::Open(fs::Join(dir_.path(), "runs.db"), "ca");
  }

  // The task of the fixture, whose trigger has a token for statuses.
  store::Task TellingTask() {
    store::Task task = HookedTask();
    TaskSecrets secrets = *TaskSecrets::Open(task, *sealer_);
    secrets.Set("trigger:t:token", "t0ken");
    EXPECT_TRUE(secrets.Seal(*sealer_, &task).ok());
    task.sources[0].has_status_token = true;
    return task;
  }
  void Make(std::vector<notify::Target> targets = {}) {
    notifier_ = std::make_unique<Notifier>(Notifier::Parts{.store = *notifications_,
                                                           .tasks = *store_,
                                                           .sealer = *sealer_,
                                                           .transport = *transport_,
                                                           .clock = Clock::Real(),
                                                           .targets = std::move(targets),
                                                           .public_url = "https://ci.example.com",
                                                           .source = "/slipway/ca"});
    runs_->SetAnnouncer([this](const store::Run& run) { return notifier_->Announce(run); });
  }
  static store::NewRun Pushed(const std::string& repository) {
    store::NewRun request;
    request.build.source_location = repository;
    request.task = "hooked";
    request.trigger.kind = store::RunTrigger::Kind::kCommit;
    request.trigger.name = "t";
    request.trigger.host = "gitea";
    request.trigger.repository_url = repository;
    request.trigger.commit = "1481a2de7b2a7d02428ad93446ab166be7793fbb";
    request.now = Clock::Real().System();
    return request;
  }

  std::unique_ptr<http::Transport> transport_;
  std::unique_ptr<store::NotificationStore> notifications_;
  std::unique_ptr<store::SqliteRunStore> runs_;
  std::unique_ptr<Notifier> notifier_;
};

TEST_F(NotifierTest, AStatusGoesToTheHostWithTheTokenOfTheTrigger) {
  ASSERT_TRUE(store_->Create(TellingTask(), Clock::Real().System()).ok());
  std::promise<ScriptedRequest> came;
  ScriptedHttpServer host([&](const ScriptedRequest& request) {
    came.set_value(request);
    return ScriptedReply{.status = 201};
  });
  Make();
  ASSERT_TRUE(notifier_->Start().ok());
  ASSERT_TRUE(runs_->Create(Pushed(host.Url("/org/app.git"))).ok());
  notifier_->Wake();
  const ScriptedRequest request = came.get_future().get();
  EXPECT_EQ(request.target, "/api/v1/repos/org/app/statuses/1481a2de7b2a7d02428ad93446ab166be7793fbb");
  EXPECT_EQ(request.headers.Get("Authorization"), "token t0ken");
  EXPECT_THAT(request.body, HasSubstr("https://ci.example.com/runs/ca1"));
}

TEST_F(NotifierTest, WithoutATokenOrATaskNoStatusIsTold) {
  Make();
  ASSERT_TRUE(runs_->Create(Pushed("https://git.example.com/org/app.git")).ok());
  ASSERT_TRUE(store_->Create(HookedTask(), Clock::Real().System()).ok());
  ASSERT_TRUE(runs_->Create(Pushed("https://git.example.com/org/app.git")).ok());
  EXPECT_THAT(notifications_->List(std::nullopt, 10, "")->notifications, IsEmpty());
}

TEST_F(NotifierTest, ReceiversAreToldOfRunsWithoutATaskToo) {
  Make({*notify::ParseTarget("url=https://a.example.com/")});
  store::NewRun request;
  request.build.source_location = "/dev/null";
  request.now = Clock::Real().System();
  const std::string id = runs_->Create(request)->run.id;
  ASSERT_TRUE(runs_->Start(id, request.now).ok());
  ASSERT_TRUE(runs_->SetRunning(id, request.now).ok());
  const auto told = notifications_->List(std::nullopt, 10, "")->notifications;
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(told[0].event, notify::kRunStarted);
}

TEST_F(NotifierTest, OldOnesAreSwept) {
  Make({*notify::ParseTarget("url=https://a.example.com/")});
  store::NewRun request;
  request.build.source_location = "/dev/null";
  request.now = Clock::Real().System() - std::chrono::hours(25);
  for (int i = 0; i < 3; ++i) {
    const std::string id = runs_->Create(request)->run.id;
    ASSERT_TRUE(runs_->RequestCancel(id, request.now).ok());
  }
  ASSERT_TRUE(notifications_->SetSent(1, "").ok());
  ASSERT_TRUE(notifications_->SetDead(2, "x").ok());
  ASSERT_TRUE(notifier_->Sweep().ok());
  EXPECT_THAT(notifications_->List(std::nullopt, 10, "")->notifications, SizeIs(2));
}

}  // namespace
}  // namespace slipway::tasks
