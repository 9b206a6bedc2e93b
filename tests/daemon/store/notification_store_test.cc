#include "daemon/store/notification_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/store/sqlite_run_store.h"
#include "executor/base/fs.h"

namespace slipway::store {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

SystemTime At(int seconds) { return SystemTime(std::chrono::seconds(1'700'000'000 + seconds)); }

// Each run tells its state to the lane "a", and to "b" when it has ended.
class NotificationStoreTest : public ::testing::Test {
 protected:
  NotificationStoreTest() { Reopen(); }

  void Reopen() {
    runs_.reset();
    store_.reset();
    runs_ = *SqliteRunStore::Open(dir_.path() + "/runs.db", "ca");
    runs_->SetAnnouncer([](const store::Run& run) {
      std::vector<NewNotification> out = {{.lane = "a",
                                           .receiver = "A",
                                           .event = std::string(StateName(run.state)),
                                           .subject = run.id,
                                           .content = "{}"}};
      if (IsFinal(run.state)) out.push_back({.lane = "b", .receiver = "B", .event = "end", .content = "{}"});
      return out;
    });
    store_ = *NotificationStore::Open(dir_.path() + "/runs.db");
  }

  std::string Create() {
    NewRun request;
    request.build.source_location = "/dev/null";
    request.now = At(0);
    return runs_->Create(request)->run.id;
  }
  std::string Finished() {
    const std::string id = Create();
    EXPECT_TRUE(runs_->Start(id, At(1)).ok());
    EXPECT_TRUE(runs_->SetRunning(id, At(2)).ok());
    EXPECT_TRUE(runs_->Finish(id, RunState::kSucceeded, {}, At(3)).ok());
    return id;
  }
  std::vector<Notification> All(const std::string& lane) { return *store_->Due(lane, At(1000), 100); }
  std::vector<std::string> Events(const std::string& lane) {
    std::vector<std::string> events;
    for (const Notification& one : All(lane)) events.push_back(one.event);
    return events;
  }

  fs::TempDir dir_ = *fs::TempDir::Make();
  std::unique_ptr<SqliteRunStore> runs_;
  std::unique_ptr<NotificationStore> store_;
};

TEST_F(NotificationStoreTest, AreStoredWithTheStateOfTheRun) {
  const std::string id = Finished();
  Reopen();
  EXPECT_THAT(Events("a"), ElementsAre("Queued", "Started", "Running", "Succeeded"));
  EXPECT_THAT(Events("b"), ElementsAre("end"));
  EXPECT_THAT(Events("c"), IsEmpty());
  const Notification first = store_->Due("a", At(1000), 1)->front();
  EXPECT_EQ(first.run_id, id);
  EXPECT_EQ(first.receiver, "A");
  EXPECT_EQ(first.create_time, At(0));
  EXPECT_THAT(*store_->Due("a", At(1), 10), SizeIs(2)) << "what is later is not due";
}

TEST_F(NotificationStoreTest, ATransitionThatIsRefusedTellsNothing) {
  const std::string id = Create();
  EXPECT_EQ(runs_->SetRunning(id, At(1)).code(), Code::kFailedPrecondition);
  EXPECT_THAT(Events("a"), ElementsAre("Queued"));
}

TEST_F(NotificationStoreTest, ACancelAndANewAttemptAreTold) {
  ASSERT_TRUE(runs_->RequestCancel(Create(), At(1)).ok());
  EXPECT_THAT(Events("a"), ElementsAre("Queued", "Canceled"));
  const std::string id = Create();
  ASSERT_TRUE(runs_->Start(id, At(1)).ok());
  ASSERT_TRUE(runs_->RequestCancel(id, At(2)).ok());
  ASSERT_TRUE(runs_->Requeue(id, true, At(3)).ok());
  EXPECT_THAT(Events("a"), ElementsAre("Queued", "Queued", "Canceled", "Started", "Queued"));
}

TEST_F(NotificationStoreTest, WhatWasSentIsNotDueAnyMore) {
  Finished();
  const std::vector<Notification> due = *store_->Due("a", At(1000), 10);
  ASSERT_THAT(due, SizeIs(4));
  ASSERT_TRUE(store_->SetSent(due[0].number, "").ok());
  ASSERT_TRUE(store_->SetFailed(due[1].number, "HTTP 503", At(50)).ok());
  ASSERT_TRUE(store_->SetDead(due[2].number, "HTTP 410").ok());
  EXPECT_THAT(*store_->Due("a", At(49), 10), SizeIs(1));
  ASSERT_TRUE(store_->SetSent(due[3].number, "").ok());
  EXPECT_EQ(*store_->NextTime("a"), At(50));
  EXPECT_EQ(*store_->NextTime("c"), std::nullopt);
  const Notification again = store_->Due("a", At(50), 10)->at(0);
  EXPECT_EQ(again.attempts, 1);
  EXPECT_EQ(again.error, "HTTP 503");
  EXPECT_EQ(again.content, "{}");
}

TEST_F(NotificationStoreTest, TheNewerOfASubjectIsKnown) {
  Finished();
  const std::vector<Notification> due = *store_->Due("a", At(1000), 10);
  EXPECT_TRUE(*store_->HasNewer(due[0]));
  EXPECT_FALSE(*store_->HasNewer(due[3]));
  EXPECT_FALSE(*store_->HasNewer(store_->Due("b", At(1000), 1)->at(0))) << "it has no subject";
}

TEST_F(NotificationStoreTest, TheDeadAreListedAndRevived) {
  Finished();
  ASSERT_TRUE(store_->EndLanes({"b"}, "nobody knows it").ok());
  const NotificationPage dead = *store_->List(NotificationState::kDead, 3, "");
  ASSERT_THAT(dead.notifications, SizeIs(3));
  EXPECT_EQ(dead.notifications[0].error, "nobody knows it");
  EXPECT_EQ(dead.notifications[0].event, "Succeeded") << "the newest first";
  EXPECT_EQ(dead.notifications[0].content, "");
  EXPECT_THAT(store_->List(NotificationState::kDead, 3, dead.next_page_token)->notifications, SizeIs(1));
  EXPECT_THAT(store_->List(std::nullopt, 10, "")->notifications, SizeIs(5));
  EXPECT_EQ(store_->List(std::nullopt, 10, "x1").code(), Code::kInvalidArgument);
  const int64_t number = dead.notifications[0].number;
  ASSERT_TRUE(store_->Revive(number, At(2000)).ok());
  EXPECT_EQ(store_->Revive(number, At(2000)).code(), Code::kFailedPrecondition);
  EXPECT_EQ(store_->Revive(99, At(2000)).code(), Code::kNotFound);
  EXPECT_EQ(store_->Due("a", At(2000), 10)->at(0).content, "{}");
}

TEST_F(NotificationStoreTest, OldOnesAreForgottenButNumbersAreNotGivenAgain) {
  Finished();
  for (const Notification& one : All("a")) ASSERT_TRUE(store_->SetSent(one.number, "").ok());
  const int64_t last = store_->Due("b", At(1000), 1)->at(0).number;
  ASSERT_TRUE(store_->SetDead(last, "x").ok());
  ASSERT_TRUE(store_->Forget(At(3), At(3)).ok());
  EXPECT_THAT(store_->List(std::nullopt, 10, "")->notifications, SizeIs(2)) << "made at the fourth second";
  ASSERT_TRUE(store_->Forget(At(4), At(4)).ok());
  const NotificationPage left = *store_->List(std::nullopt, 10, "");
  ASSERT_THAT(left.notifications, SizeIs(1));
  EXPECT_EQ(left.notifications[0].number, last);
  Create();
  EXPECT_EQ(store_->Due("a", At(1000), 1)->at(0).number, last + 1);
}

TEST(NotificationId, IsALetterAndANumber) {
  EXPECT_EQ(NotificationId(12), "n12");
  EXPECT_EQ(ParseNotificationId("n12"), 12);
  for (const char* bad : {"", "n", "12", "n0", "n-1", "n1x", "n99999999999999999999"}) {
    EXPECT_EQ(ParseNotificationId(bad), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace slipway::store
