#include "daemon/runs/dispatcher.h"

#include <gmock/gmock.h>

#include "executor/tree/entry.h"
#include "tests/daemon/runs/failing_store.h"
#include "tests/testing/run_fixture.h"

namespace slipway::runs {
namespace {

using store::RunState;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class DispatcherTest : public testing::RunFixture {
 protected:
  static Context Never() {
    const Context ctx = Context::Background().Child();
    ctx.Cancel(Cancelled("no grace"));
    return ctx;
  }
  // The store is on a disk that can be full from now on; tries follow at once.
  FailingStore& OnSmallDisk() {
    dispatcher_.reset();
    auto failing = std::make_unique<FailingStore>(std::move(store_));
    FailingStore& out = *failing;
    store_ = std::move(failing);
    options_.store_pause = std::chrono::milliseconds(1);
    dispatcher_ = std::make_unique<Dispatcher>(Parts(), *uploads_, options_);
    return out;
  }
};

TEST_F(DispatcherTest, ARunGoesAllTheWay) {
  Start();
  const std::string id = Schedule();
  const store::Run run = WaitForEnd(id);
  EXPECT_EQ(run.state, RunState::kSucceeded);
  EXPECT_TRUE(run.start_time && run.finish_time);
  ASSERT_EQ(run.result.output_images.size(), 1U);
  EXPECT_EQ(run.result.output_images[0].tag, id);
  EXPECT_EQ(run.result.output_images[0].registry, "r.io");
  EXPECT_EQ(run.result.output_images[0].digest, Digest::Of("manifest").ToString());
  EXPECT_EQ(run.result.summary->vertices, 2U);
  EXPECT_EQ(run.result.revision, "abc123");
  EXPECT_EQ(builder_.pushed()[0].ToString(), "r.io/app:" + id);
  const std::string log = Log(id);
  EXPECT_THAT(log, HasSubstr("Executing step ID: build. Timeout(sec): 28800\n"));
  EXPECT_THAT(log, HasSubstr("#1 [1/1] RUN make\n"));
  EXPECT_THAT(log, HasSubstr("Successfully pushed image: r.io/app:" + id));
  EXPECT_THAT(log, HasSubstr("runtime-dependency:\n    registry: docker.io\n"));
  EXPECT_THAT(log, HasSubstr("Run ID: " + id + " was successful after "));
}

TEST_F(DispatcherTest, EachStateIsTold) {
  builder_.CloseGate();
  Start();
  const std::string done = Schedule();
  ASSERT_TRUE(builder_.WaitForActive(1));
  const std::string stopped = Schedule();
  ASSERT_TRUE(builder_.WaitForActive(2));
  const std::string waiting = Schedule();
  ASSERT_TRUE(dispatcher_->Cancel(waiting).ok());
  EXPECT_THAT(Told(waiting), ElementsAre(RunState::kQueued, RunState::kCanceled));
  ASSERT_TRUE(dispatcher_->Cancel(stopped).ok());
  WaitForEnd(stopped);
  builder_.OpenGate();
  WaitForEnd(done);
  Close();  // the last is told after the state is stored
  EXPECT_THAT(Told(stopped), ElementsAre(RunState::kQueued, RunState::kRunning, RunState::kCanceled));
  EXPECT_THAT(Told(done), ElementsAre(RunState::kQueued, RunState::kRunning, RunState::kSucceeded));
}

TEST_F(DispatcherTest, ARunOfATaskKnowsItsCommit) {
  Start();
  runs::ScheduleRequest request = Request("app:{{.Run.Commit}}-{{.Run.TaskName}}");
  request.task = "nightly";
  request.trigger = {.kind = store::RunTrigger::Kind::kCommit, .commit = "c0ffee", .branch = "main"};
  const store::Run run = WaitForEnd(Schedule(request));
  EXPECT_EQ(run.state, RunState::kSucceeded) << run.result.error_message;
  EXPECT_EQ(builder_.pushed().at(0).ToString(), "r.io/app:c0ffee-nightly");
}

TEST_F(DispatcherTest, LoginsGoWithTheRunAndAreMasked) {
  builder_.OnBuild([](const Context&, const builder::BuildRequest&, ProgressSink& progress) {
    VertexProgress(&progress, "v2", "leaky").Log(ProgressEvent::Stream::kStdout, "login with hush-password\n");
    return Status();
  });
  Start();
  runs::ScheduleRequest request = Request();
  request.logins = {.logins = {{"reg.example.com", "ada", "hush-password"}}};
  const store::CreatedRun created = *dispatcher_->Schedule(request);
  EXPECT_THAT(created.run.sealed, Not(HasSubstr("hush-password")));
  const std::string id = created.run.id;
  EXPECT_EQ(WaitForEnd(id).state, RunState::kSucceeded);
  const builder::RegistryAccess access = builder_.requests().at(0).access;
  ASSERT_NE(access.logins, nullptr);
  EXPECT_EQ((*access.logins->Lookup(Context::Background(), "reg.example.com"))->password, "hush-password");
  EXPECT_FALSE(access.isolated);
  EXPECT_THAT(Log(id), HasSubstr("login with ***"));
}

TEST_F(DispatcherTest, NoMoreRunsThanAllowedAreActive) {
  builder_.CloseGate();
  Start();
  std::vector<std::string> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(Schedule());
  ASSERT_TRUE(builder_.WaitForActive(2));
  EXPECT_EQ(dispatcher_->active(), 2U);
  EXPECT_EQ(store_->Get(ids[2])->state, RunState::kQueued);
  EXPECT_EQ(store_->Queue(store_->Get(ids[4])->number)->before, 2U);
  builder_.OpenGate();
  for (const std::string& id : ids) EXPECT_EQ(WaitForEnd(id).state, RunState::kSucceeded);
  EXPECT_EQ(builder_.most_active(), 2);
}

TEST_F(DispatcherTest, AStepThatFailsIsTheUsersFailure) {
  builder_.OnBuild([](const Context&, const builder::BuildRequest&, ProgressSink&) {
    return FailedPrecondition("RUN make: exit code: 2");
  });
  Start();
  const std::string id = Schedule();
  const store::Run run = WaitForEnd(id);
  EXPECT_EQ(run.state, RunState::kFailed);
  EXPECT_EQ(run.result.error_code, "FAILED_PRECONDITION");
  EXPECT_EQ(run.result.failed_step, "build");
  EXPECT_THAT(Log(id), HasSubstr("#1 ERROR: RUN make: exit code: 2\n"));
  EXPECT_THAT(Log(id), HasSubstr("failed after "));
  EXPECT_THAT(Log(id), HasSubstr("Error: RUN make: exit code: 2\n"));
}

TEST_F(DispatcherTest, ARegistryThatIsDownIsAnError) {
  builder_.FailPush(Unavailable("push 'r.io/app': connection refused"));
  Start();
  const store::Run run = WaitForEnd(Schedule());
  EXPECT_EQ(run.state, RunState::kError);
  EXPECT_EQ(run.result.failed_step, "push");
  EXPECT_TRUE(run.result.output_images.empty());
}

TEST_F(DispatcherTest, AnExceptionEndsItsRunOnly) {
  builder_.OnBuild(
      [](const Context&, const builder::BuildRequest&, ProgressSink&) -> Status { throw std::runtime_error("boom"); });
  Start();
  EXPECT_EQ(WaitForEnd(Schedule()).state, RunState::kError);
  EXPECT_EQ(WaitForEnd(Schedule()).state, RunState::kError);
}

TEST_F(DispatcherTest, AnActiveRunIsCanceled) {
  builder_.CloseGate();
  Start();
  const std::string id = Schedule();
  ASSERT_TRUE(builder_.WaitForActive(1));
  ASSERT_TRUE(dispatcher_->Cancel(id).ok());
  EXPECT_EQ(WaitForEnd(id).state, RunState::kCanceled);
  EXPECT_THAT(Log(id), HasSubstr("was canceled after "));
  EXPECT_EQ(dispatcher_->Cancel(id).code(), Code::kFailedPrecondition);
  EXPECT_EQ(dispatcher_->Cancel("ca999").code(), Code::kNotFound);
}

// Others find a new run a moment before it is expected here.
TEST_F(DispatcherTest, WhatIsCanceledAsSoonAsItIsSeenLeavesNoOpenFeed) {
  const std::string id = Schedule();
  ASSERT_TRUE(store_->RequestCancel(id, Clock::Real().System()).ok());
  const auto feed = archive_->Read(id);
  EXPECT_TRUE(feed->open());
  Start();
  EXPECT_EQ(WaitForEnd(Schedule()).state, RunState::kSucceeded);
  Close();  // whatever was queued was taken
  EXPECT_FALSE(feed->open());
}

TEST_F(DispatcherTest, AQueuedRunIsCanceledAndNeverBegins) {
  builder_.CloseGate();
  Start();
  const std::string a = Schedule();
  const std::string b = Schedule();
  ASSERT_TRUE(builder_.WaitForActive(2));
  const std::string c = Schedule();
  EXPECT_EQ(dispatcher_->Cancel(c)->state, RunState::kCanceled);
  EXPECT_FALSE(archive_->Read(c)->open());
  builder_.OpenGate();
  WaitForEnd(a);
  WaitForEnd(b);
  EXPECT_EQ(WaitForEnd(Schedule()).state, RunState::kSucceeded);
  EXPECT_EQ(builder_.requests().size(), 3U);
}

TEST_F(DispatcherTest, ARunThatTakesTooLongTimesOut) {
  builder_.CloseGate();
  Start();
  runs::ScheduleRequest request = Request();
  request.timeout = std::chrono::seconds(1);
  const std::string id = Schedule(request);
  const store::Run run = WaitForEnd(id);
  EXPECT_EQ(run.state, RunState::kTimeout);
  EXPECT_EQ(run.result.error_message, "the run took longer than its timeout of 1 s");
}

TEST_F(DispatcherTest, AStopPutsActiveRunsBackAndTheNextStartRunsThem) {
  builder_.CloseGate();
  Start();
  const std::string a = Schedule();
  const std::string b = Schedule();
  ASSERT_TRUE(builder_.WaitForActive(2));
  const std::string c = Schedule();
  dispatcher_->Stop(Never());
  EXPECT_EQ(dispatcher_->Schedule(Request()).code(), Code::kUnavailable);
  for (const std::string& id : {a, b, c}) EXPECT_EQ(store_->Get(id)->state, RunState::kQueued);
  EXPECT_EQ(store_->Get(a)->attempt, 2);
  EXPECT_EQ(store_->Get(a)->crashes, 0);
  EXPECT_EQ(store_->Get(c)->attempt, 1);
  EXPECT_THAT(Log(a), HasSubstr("The daemon is stopping; the run goes back to the queue\n"));
  builder_.OpenGate();
  Restart();
  for (const std::string& id : {a, b, c}) EXPECT_EQ(WaitForEnd(id).state, RunState::kSucceeded);
  EXPECT_THAT(Log(a), HasSubstr("Attempt 2: "));
}

TEST_F(DispatcherTest, AStopWithGraceLetsRunsEnd) {
  builder_.CloseGate();
  Start();
  const std::string id = Schedule();
  ASSERT_TRUE(builder_.WaitForActive(1));
  std::jthread stop([this] { dispatcher_->Stop(Context::Background()); });
  builder_.OpenGate();
  stop.join();
  EXPECT_EQ(store_->Get(id)->state, RunState::kSucceeded);
}

TEST_F(DispatcherTest, SecretsReachTheBuildAndNothingElse) {
  builder_.OnBuild([](const Context&, const builder::BuildRequest& request, ProgressSink& progress) {
    const VertexProgress vertex(&progress, "v1", "RUN");
    vertex.Log(ProgressEvent::Stream::kStdout, "token is " + request.build_args[0].value + "\n");
    return FailedPrecondition("refused '{}'", request.build_args[0].value);
  });
  Start();
  runs::ScheduleRequest request = Request();
  request.build.arguments = {{.name = "TOKEN", .value = "hunter2", .secret = true}};
  const std::string id = Schedule(request);
  const store::Run run = WaitForEnd(id);
  EXPECT_EQ(builder_.requests()[0].build_args[0].value, "hunter2");
  EXPECT_EQ(run.result.error_message, "refused '***'");
  EXPECT_EQ(run.build.arguments[0].value, "");
  EXPECT_THAT(Log(id), HasSubstr("token is ***"));
  Close();
  for (const char* file : {"runs.db", "runs.db-wal"}) {
    EXPECT_THAT(fs::ReadFile(fmt::format("{}/{}", dir_.path(), file)).ValueOr(""), Not(HasSubstr("hunter2"))) << file;
  }
  Open();
}

TEST_F(DispatcherTest, SecretsAreThereAfterARestart) {
  builder_.CloseGate();
  Start();
  runs::ScheduleRequest request = Request();
  request.build.arguments = {{.name = "TOKEN", .value = "hunter2", .secret = true}};
  const std::string id = Schedule(request);
  ASSERT_TRUE(builder_.WaitForActive(1));
  dispatcher_->Stop(Never());
  builder_.OpenGate();
  Restart();
  EXPECT_EQ(WaitForEnd(id).state, RunState::kSucceeded);
  EXPECT_EQ(builder_.requests()[1].build_args[0].value, "hunter2");
}

TEST_F(DispatcherTest, AnUploadMustBeThereAndIsKept) {
  runs::ScheduleRequest request = Request();
  request.build.source_location = fmt::format("upload:{}", Digest::Of("nothing"));
  EXPECT_EQ(dispatcher_->Schedule(request).code(), Code::kNotFound);

  content::Lease lease = *builder_.store().NewLease("test");
  const Digest tree = *builder_.store().Put(tree::Encode(tree::Tree()), &lease);
  request.build.source_location = fmt::format("upload:{}", tree);
  builder_.CloseGate();
  Start();
  const std::string id = Schedule(request);
  lease = content::Lease();
  ASSERT_TRUE(builder_.WaitForActive(1));
  ASSERT_TRUE(builder_.store().Collect(Context::Background(), {}, {}).ok());
  EXPECT_TRUE(builder_.store().Has(tree));
  builder_.OpenGate();
  EXPECT_EQ(WaitForEnd(id).state, RunState::kSucceeded);
}

TEST_F(DispatcherTest, TheSameRequestIdRunsOnce) {
  Start();
  runs::ScheduleRequest request = Request();
  request.request_id = "x";
  const std::string id = Schedule(request);
  WaitForEnd(id);
  EXPECT_EQ(Schedule(request), id);
  EXPECT_EQ(builder_.requests().size(), 1U);
}

TEST_F(DispatcherTest, RunsThatAFullDiskKeepsFromBeginningBeginWhenItIsNotAnyMore) {
  FailingStore& disk = OnSmallDisk();
  disk.FailStart(30);
  builder_.CloseGate();
  Start();
  content::Lease lease = *builder_.store().NewLease("test");
  const Digest tree = *builder_.store().Put(tree::Encode(tree::Tree()), &lease);
  runs::ScheduleRequest request = Request();
  request.build.source_location = fmt::format("upload:{}", tree);
  const std::string first = Schedule(request);
  lease = content::Lease();
  const std::string second = Schedule();
  ASSERT_TRUE(builder_.WaitForActive(2));
  ASSERT_TRUE(builder_.store().Collect(Context::Background(), {}, {}).ok());
  EXPECT_TRUE(builder_.store().Has(tree)) << "what was uploaded is kept while its run waits again";
  builder_.OpenGate();
  for (const std::string& id : {first, second}) {
    EXPECT_EQ(WaitForEnd(id).state, RunState::kSucceeded);
    EXPECT_EQ(store_->Get(id)->attempt, 1);
  }
}

TEST_F(DispatcherTest, ARunThatAFullDiskKeepsFromBeginningCanBeCanceled) {
  FailingStore& disk = OnSmallDisk();
  disk.FailStart(FailingStore::kAlways);
  Start();
  const std::string id = Schedule();
  disk.AwaitFailures(12);
  EXPECT_EQ(dispatcher_->Cancel(id)->state, RunState::kCanceled);
  disk.FailStart(0);
  EXPECT_EQ(WaitForEnd(Schedule()).state, RunState::kSucceeded);
  EXPECT_EQ(builder_.requests().size(), 1U);
}

TEST_F(DispatcherTest, AStopDoesNotWaitForAFullDiskAndLosesNoRun) {
  FailingStore& disk = OnSmallDisk();
  disk.FailStart(FailingStore::kAlways);
  Start();
  const std::string id = Schedule();
  disk.AwaitFailures(12);
  dispatcher_->Stop(Never());
  EXPECT_EQ(store_->Get(id)->state, RunState::kQueued);
  Restart();
  EXPECT_EQ(WaitForEnd(id).state, RunState::kSucceeded);
}

TEST_F(DispatcherTest, AnEndThatAFullDiskDoesNotTakeIsStoredWhenItDoes) {
  FailingStore& disk = OnSmallDisk();
  disk.FailSetRunning(2);
  disk.FailFinish(12);
  Start();
  const std::string id = Schedule();
  const store::Run run = WaitForEnd(id);
  EXPECT_EQ(run.state, RunState::kSucceeded);
  EXPECT_EQ(run.attempt, 1);
  EXPECT_EQ(builder_.pushed().size(), 1U);
  Close();  // the last is told after the state is stored
  EXPECT_THAT(Told(id), ElementsAre(RunState::kQueued, RunState::kRunning, RunState::kSucceeded));
}

TEST_F(DispatcherTest, AStopDoesNotWaitForAnEndThatCannotBeStored) {
  FailingStore& disk = OnSmallDisk();
  disk.FailFinish(FailingStore::kAlways);
  Start();
  const std::string id = Schedule();
  disk.AwaitFailures(12);
  dispatcher_->Stop(Never());
  EXPECT_EQ(store_->Get(id)->state, RunState::kRunning);
}

}  // namespace
}  // namespace slipway::runs
