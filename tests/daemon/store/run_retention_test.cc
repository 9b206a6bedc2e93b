// Which runs rules let go of, and that they are not looked for among all runs.
#include "daemon/store/run_retention.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/store/sqlite_run_store.h"
#include "executor/base/fs.h"

namespace slipway::store {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Ids = std::vector<std::string>;

SystemTime At(int seconds) { return SystemTime(std::chrono::seconds(1'700'000'000 + seconds)); }

class RunRetentionTest : public ::testing::Test {
 protected:
  std::string path() const { return dir_.path() + "/runs.db"; }

  store::Run Create(int second) {
    NewRun request;
    request.build.source_location = "https://example.com/a.git";
    request.now = At(second);
    return store_->Create(request)->run;
  }
  // Created and ended in that second.
  void Ended(int second) {
    const std::string id = Create(second).id;
    ASSERT_TRUE(store_->Start(id, At(second)).ok() && store_->SetRunning(id, At(second)).ok() &&
                store_->Finish(id, RunState::kSucceeded, {}, At(second)).ok());
  }
  std::vector<std::string> Plan(const std::string& sql) {
    std::vector<std::string> steps;
    const auto database = *db::Database::Open(path());
    db::Session session = *database->Read();
    db::Statement rows = *session.Prepare("EXPLAIN QUERY PLAN " + sql);
    while (rows.Next()) steps.push_back(rows.Get<std::string>(3));
    EXPECT_TRUE(rows.Finish().ok());
    return steps;
  }

  fs::TempDir dir_ = *fs::TempDir::Make();
  std::unique_ptr<SqliteRunStore> store_ = *SqliteRunStore::Open(path(), "ca");
};

TEST_F(RunRetentionTest, OnlyWhatMayGoIsCounted) {
  Ended(1);
  Ended(2);
  Ended(3);
  Create(4);
  ASSERT_TRUE(store_->SetArchived("ca3", true, At(5)).ok());
  EXPECT_EQ(*store_->OldestOfNewest(1), 2);
  EXPECT_EQ(*store_->OldestOfNewest(2), 1);
  EXPECT_EQ(*store_->OldestOfNewest(3), std::nullopt);
}

TEST_F(RunRetentionTest, TheOldestGoFirstAndAsManyAsAreWanted) {
  for (int i = 1; i <= 5; ++i) Ended(i);
  EXPECT_EQ(*store_->Forget({.from = 5, .ended_since = {}}, 3), (Ids{"ca1", "ca2", "ca3"}));
  EXPECT_EQ(*store_->Forget({.from = 5, .ended_since = {}}, 3), Ids{"ca4"});
  EXPECT_THAT(*store_->Forget({.from = 5, .ended_since = {}}, 3), IsEmpty());
  EXPECT_THAT(*store_->Forget({}, 3), IsEmpty()) << "no rule, nothing to go";
  EXPECT_EQ(store_->Get("ca5")->number, 5);
}

TEST_F(RunRetentionTest, WhatAnyRuleKeepsStays) {
  for (int i = 1; i <= 5; ++i) Ended(i);
  EXPECT_EQ(*store_->Forget({.from = 4, .ended_since = At(3)}, 9), (Ids{"ca1", "ca2"})) << "the third is young";
  EXPECT_THAT(*store_->Forget({.from = 3, .ended_since = At(9)}, 9), IsEmpty()) << "all are old, but among the newest";
  EXPECT_EQ(*store_->Forget({.from = {}, .ended_since = At(5)}, 9), (Ids{"ca3", "ca4"}));
}

TEST_F(RunRetentionTest, AreLookedForThroughIndexes) {
  EXPECT_THAT(Plan(OldestOfNewestSql()), ElementsAre("SCAN run USING INDEX run_may_go"));
  EXPECT_THAT(Plan(ToForgetSql(false)), ElementsAre("SEARCH run USING INDEX run_may_go (number<?)"));
  EXPECT_THAT(Plan(ToForgetSql(true)), ElementsAre("SEARCH run USING INDEX run_by_time (create_time<?)"));
}

}  // namespace
}  // namespace slipway::store
