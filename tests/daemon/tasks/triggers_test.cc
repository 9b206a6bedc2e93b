#include "daemon/tasks/triggers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/secrets/hmac.h"
#include "daemon/store/sqlite_task_store.h"
#include "daemon/tasks/task_secrets.h"
#include "daemon/trigger/webhook.h"
#include "tests/testing/run_fixture.h"

namespace slipway::tasks {
namespace {

using ::testing::SizeIs;

// A daemon's dispatcher and triggers on one database, with a fake builder.
class TriggersTest : public testing::RunFixture {
 protected:
  TriggersTest() {
    listener_ = [this](const store::Run& run) {
      if (triggers_ != nullptr) triggers_->OnRun(run);
    };
    Wire();
  }
  ~TriggersTest() override {
    builder_.OpenGate();
    Unwire();
  }

  // As main.cc does it.
  void Wire() {
    tasks_ = *store::SqliteTaskStore::Open(dir_.path() + "/runs.db");
    triggers_ = std::make_unique<Triggers>(Triggers::Parts{
        .tasks = *tasks_,
        .runs = *store_,
        .builder = builder_,
        .sealer = *sealer_,
        .clock = Clock::Real(),
        .bases = {.poll_interval = poll_interval_, .registry_token = ""}});
  }
  void Unwire() {
    triggers_->Stop();
    Close();
    triggers_.reset();
    tasks_.reset();
  }
  void Begin() {
    Start();
    const Status status = triggers_->Start(*dispatcher_);
    ASSERT_TRUE(status.ok()) << status.message();
  }
  void BeginAgain() {
    Unwire();
    Open();
    Wire();
    Begin();
  }

  static store::Task Task(const std::string& name) {
    store::Task task;
    task.name = name;
    task::QuickBuild build;
    build.source_location = "/dev/null";
    build.image_names = {"app"};
    task.step = build;
    return task;
  }
  std::vector<store::Run> RunsOf(const std::string& task) { return store_->List({.task = task}, 100, "")->runs; }
  // Waits until the task has been run so often and all of it has ended.
  std::vector<store::Run> WaitForRuns(const std::string& task, size_t count) {
    while (RunsOf(task).size() < count) std::this_thread::yield();
    for (const store::Run& run : RunsOf(task)) WaitForEnd(run.id);
    return RunsOf(task);
  }
  std::vector<store::BaseImage> WaitForBases(const std::string& task) {
    while (tasks_->Get(task)->bases.empty()) std::this_thread::yield();
    return tasks_->Get(task)->bases;
  }

  std::chrono::seconds poll_interval_{0};
  std::unique_ptr<store::TaskStore> tasks_;
  std::unique_ptr<Triggers> triggers_;
};

TEST_F(TriggersTest, AMissedTimerRunsItsTaskOnceThoughTheDaemonDiesInBetween) {
  store::Task task = Task("yearly");
  task.timers = {{.name = "t1", .schedule = "0 0 1 1 *"}};
  ASSERT_TRUE(tasks_->Create(task, Clock::Real().System()).ok());
  const store::TimerState long_ago{"yearly", "t1", store::TimerKey(task.timers[0]),
                                   Clock::Real().System() - std::chrono::hours(24 * 400)};
  ASSERT_TRUE(tasks_->SetTimer(long_ago).ok());
  Begin();
  const std::vector<store::Run> runs = WaitForRuns("yearly", 1);
  EXPECT_EQ(runs.at(0).trigger.kind, store::RunTrigger::Kind::kTimer);
  EXPECT_EQ(runs.at(0).trigger.name, "t1");
  while (tasks_->Timers()->at(0).last_time == long_ago.last_time) std::this_thread::yield();
  BeginAgain();
  // As if the daemon had died between the run and the note that the timer was due.
  Unwire();
  Open();
  Wire();
  ASSERT_TRUE(tasks_->SetTimer(long_ago).ok());
  Begin();
  while (tasks_->Timers()->at(0).last_time == long_ago.last_time) std::this_thread::yield();
  EXPECT_THAT(RunsOf("yearly"), SizeIs(1));
}

TEST_F(TriggersTest, ATaskKnowsWhatItsLastSuccessfulRunWasBuiltFrom) {
  const store::Task task = *tasks_->Create(Task("based"), Clock::Real().System());
  Begin();
  const TaskStarter starter(*dispatcher_, *sealer_);
  builder_.OnBuild([](const Context&, const builder::BuildRequest&, ProgressSink&) { return InvalidArgument("no"); });
  WaitForEnd(starter.Start({.task = task})->run.id);
  builder_.OnBuild(nullptr);
  WaitForEnd(starter.Start({.task = task, .trigger = {.kind = store::RunTrigger::Kind::kPullRequest}})->run.id);
  BeginAgain();
  EXPECT_THAT(tasks_->Get("based")->bases, SizeIs(0)) << "neither a failure nor a proposal tells";
  WaitForEnd(TaskStarter(*dispatcher_, *sealer_).Start({.task = task})->run.id);
  const std::vector<store::BaseImage> bases = WaitForBases("based");
  EXPECT_EQ(bases.at(0).image.repository, "library/alpine");
  EXPECT_TRUE(bases.at(0).is_runtime);
}

TEST_F(TriggersTest, AMovedBaseRunsWhatStandsOnIt) {
  store::Task task = Task("based");
  task.base_image = store::BaseImageTrigger{.name = "base", .rebase = store::RebasePolicy::kWhenSafe};
  task = *tasks_->Create(task, Clock::Real().System());
  Unwire();
  poll_interval_ = std::chrono::seconds(1);
  Open();
  Wire();
  Begin();
  builder_.AllowRebase();
  const TaskStarter starter(*dispatcher_, *sealer_);
  WaitForEnd(starter.Start({.task = task})->run.id);
  EXPECT_TRUE(builder_.rebased().empty());
  builder_.SetTag("docker.io/library/alpine:3.19", Digest::Of("a newer alpine"));
  const store::Run run = WaitForRuns("based", 2).at(0);
  EXPECT_EQ(run.trigger.kind, store::RunTrigger::Kind::kImageUpdate);
  EXPECT_EQ(run.trigger.images.at(0).digest, Digest::Of("a newer alpine").ToString());
  EXPECT_EQ(builder_.rebased().at(0).rebase_key, builder_.requests().at(0).rebase_key);
}

TEST_F(TriggersTest, WhatADeadDaemonHadNotKeptIsCaughtUp) {
  const store::Task task = *tasks_->Create(Task("based"), Clock::Real().System());
  Start();  // no triggers: nobody keeps it
  WaitForEnd(TaskStarter(*dispatcher_, *sealer_).Start({.task = task})->run.id);
  EXPECT_THAT(tasks_->Get("based")->bases, SizeIs(0));
  BeginAgain();
  EXPECT_THAT(tasks_->Get("based")->bases, SizeIs(1));
}

TEST_F(TriggersTest, ARemovedTaskLeavesItsRunsAlone) {
  const store::Task task = *tasks_->Create(Task("going"), Clock::Real().System());
  Begin();
  builder_.CloseGate();
  const std::string id = TaskStarter(*dispatcher_, *sealer_).Start({.task = task})->run.id;
  ASSERT_TRUE(builder_.WaitForActive(1));
  ASSERT_TRUE(tasks_->Delete("going", "").ok());
  ASSERT_TRUE(triggers_->TaskChanged("going").ok());
  builder_.OpenGate();
  EXPECT_EQ(WaitForEnd(id).state, store::RunState::kSucceeded);
  EXPECT_EQ(store_->Get(id)->task, "going");
}

std::string Signature(const std::string& body, const std::string& secret) {
  return "sha256=" + secrets::HmacHex(body, secret);
}

TEST_F(TriggersTest, ANewerPushCancelsWhatStillRunsForAnOlderOne) {
  store::Task task = Task("pushed");
  store::SourceTrigger source;
  source.name = "s";
  source.repository_url = "https://github.example.com/org/app.git";
  source.branches = {"**"};
  source.cancel_previous = true;
  task.sources = {source};
  TaskSecrets secrets;
  secrets.Set("trigger:s:secret", "k");
  ASSERT_TRUE(secrets.Seal(*sealer_, &task).ok());
  ASSERT_TRUE(tasks_->Create(task, Clock::Real().System()).ok());
  web::Router router;
  triggers_->AddRoutes(router);
  Begin();
  builder_.CloseGate();
  const auto push = [&router](const std::string& branch, char commit) {
    const std::string body = fmt::format(
        R"({{"ref":"refs/heads/{}","after":"{}","repository":{{"clone_url":"https://github.example.com/org/app.git"}}}})",
        branch, std::string(40, commit));
    web::Request request{.method = "POST", .path = "/webhooks/git/pushed", .body = body};
    request.headers = {{"x-github-event", "push"},
                       {"x-github-delivery", std::string(1, commit)},
                       {"x-hub-signature-256", Signature(body, "k")}};
    const web::Router::Match match = router.Find("POST", request.path);
    request.params = match.params;
    return (*match.handler)(request).status;
  };
  ASSERT_EQ(push("main", 'a'), 202);
  ASSERT_TRUE(builder_.WaitForActive(1));
  ASSERT_EQ(push("other", 'b'), 202);
  ASSERT_TRUE(builder_.WaitForActive(2));
  ASSERT_EQ(push("main", 'c'), 202);
  WaitFor(RunsOf("pushed").back().id, [](const store::Run& run) { return run.state == store::RunState::kCanceled; });
  builder_.OpenGate();
  const std::vector<store::Run> runs = WaitForRuns("pushed", 3);
  EXPECT_EQ(runs.at(0).state, store::RunState::kSucceeded) << "the newer one";
  EXPECT_EQ(runs.at(0).trigger.commit, std::string(40, 'c'));
  EXPECT_EQ(runs.at(1).state, store::RunState::kSucceeded) << "of another branch";
  EXPECT_EQ(runs.at(2).state, store::RunState::kCanceled);
}

TEST_F(TriggersTest, WhereADeliveryNamesNoPathsTheRepositoryIsAskedWithTheToken) {
  store::Task task = Task("pathy");
  std::get<task::QuickBuild>(task.step).source_location = "https://git.example.com/org/app.git";
  task.has_context_token = true;
  store::SourceTrigger source;
  source.name = "s";
  source.branches = {"main"};
  source.paths = {"src/**"};
  task.sources = {source};
  TaskSecrets secrets;
  secrets.Set("trigger:s:secret", "k");
  secrets.Set("context", "t0ken");
  ASSERT_TRUE(secrets.Seal(*sealer_, &task).ok());
  ASSERT_TRUE(tasks_->Create(task, Clock::Real().System()).ok());
  web::Router router;
  triggers_->AddRoutes(router);
  Begin();
  const auto push = [&](char commit) {
    const std::string body = fmt::format(
        R"({{"repository":"https://git.example.com/org/app.git","ref":"refs/heads/main","before":"{}","after":"{}"}})",
        std::string(40, 'a'), std::string(40, commit));
    const std::string now = std::to_string(
        std::chrono::duration_cast<std::chrono::seconds>(Clock::Real().System().time_since_epoch()).count());
    web::Request request{.method = "POST", .path = "/webhooks/git/pathy", .body = body};
    request.headers = {{"x-slipway-event", "push"},
                       {"x-slipway-timestamp", now},
                       {"x-slipway-signature", trigger::SignGeneric(now, body, "k")}};
    const web::Router::Match match = router.Find("POST", request.path);
    request.params = match.params;
    ASSERT_EQ((*match.handler)(request).status, 202);
    while (!tasks_->PendingDeliveries()->empty()) std::this_thread::yield();
  };
  builder_.Change(std::vector<std::string>{"docs/a"});
  push('b');
  EXPECT_THAT(RunsOf("pathy"), SizeIs(0));
  EXPECT_EQ(builder_.compared(), std::vector<std::string>{"https://x-access-token:t0ken@git.example.com/org/app.git " +
                                                          std::string(40, 'a') + " " + std::string(40, 'b')});
  builder_.Change(std::vector<std::string>{"docs/a", "src/a"});
  push('c');
  EXPECT_THAT(WaitForRuns("pathy", 1), SizeIs(1));
}

}  // namespace
}  // namespace slipway::tasks
