// What a daemon finds that was killed: the store is put into the states that a kill can leave.
#include "daemon/runs/recovery.h"

#include <gmock/gmock.h>

#include "tests/testing/run_fixture.h"

namespace slipway::runs {
namespace {

using store::RunState;
using ::testing::HasSubstr;

class RecoveryTest : public testing::RunFixture {
 protected:
  std::string Queued() {
    store::NewRun request;
    request.build = Request().build;
    request.now = Clock::Real().System();
    return store_->Create(request)->run.id;
  }
  std::string Started() {
    const std::string id = Queued();
    EXPECT_TRUE(store_->Start(id, Clock::Real().System()).ok());
    return id;
  }
  std::string Running() {
    const std::string id = Started();
    EXPECT_TRUE(store_->SetRunning(id, Clock::Real().System()).ok());
    return id;
  }
};

TEST_F(RecoveryTest, EveryUnfinishedRunIsRunToItsEnd) {
  const std::string queued = Queued();
  const std::string started = Started();
  const std::string running = Running();
  Start();
  for (const std::string& id : {queued, started, running}) EXPECT_EQ(WaitForEnd(id).state, RunState::kSucceeded);
  EXPECT_EQ(store_->Get(queued)->attempt, 1);
  EXPECT_EQ(store_->Get(running)->attempt, 2);
  EXPECT_EQ(store_->Get(running)->crashes, 1);
  EXPECT_THAT(Log(running), HasSubstr("The daemon died while this run was active; it is queued again as attempt 2\n"));
}

TEST_F(RecoveryTest, ARunThatKillsTheDaemonIsGivenUp) {
  const std::string id = Running();
  ASSERT_TRUE(store_->Requeue(id, true, Clock::Real().System()).ok());
  ASSERT_TRUE(store_->Start(id, Clock::Real().System()).ok());
  ASSERT_TRUE(store_->Requeue(id, true, Clock::Real().System()).ok());
  ASSERT_TRUE(store_->Start(id, Clock::Real().System()).ok());
  Start();
  const store::Run run = WaitForEnd(id);
  EXPECT_EQ(run.state, RunState::kError);
  EXPECT_EQ(run.result.error_message, "the daemon has died 3 times while this run was active; it is not begun anew");
  EXPECT_THAT(Log(id), HasSubstr("the daemon has died 3 times"));
  EXPECT_TRUE(builder_.requests().empty());
}

TEST_F(RecoveryTest, StopsDoNotCountAsDeaths) {
  const std::string id = Queued();
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(store_->Start(id, Clock::Real().System()).ok());
    ASSERT_TRUE(store_->Requeue(id, false, Clock::Real().System()).ok());
  }
  Start();
  EXPECT_EQ(WaitForEnd(id).state, RunState::kSucceeded);
  EXPECT_EQ(store_->Get(id)->attempt, 6);
}

TEST_F(RecoveryTest, ACancelThatWasAskedForIsDone) {
  const std::string id = Running();
  ASSERT_TRUE(store_->RequestCancel(id, Clock::Real().System()).ok());
  Start();
  EXPECT_EQ(WaitForEnd(id).state, RunState::kCanceled);
  EXPECT_TRUE(builder_.requests().empty());
}

TEST_F(RecoveryTest, RunsKeepTheirOrder) {
  const std::string a = Running();
  const std::string b = Queued();
  const Result<std::vector<store::Run>> runs = Recover(Parts(), 3);
  ASSERT_TRUE(runs.ok());
  ASSERT_EQ(runs->size(), 2U);
  EXPECT_EQ((*runs)[0].id, a);
  EXPECT_EQ((*runs)[1].id, b);
  EXPECT_TRUE(archive_->Read(a)->open());
}

}  // namespace
}  // namespace slipway::runs
