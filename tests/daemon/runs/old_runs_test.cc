#include "daemon/runs/old_runs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/testing/run_fixture.h"

namespace slipway::runs {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// The machine's clock, two hours on.
struct LaterClock : Clock {
  SystemTime System() const override { return Clock::Real().System() + std::chrono::hours(2); }
  std::chrono::steady_clock::time_point Steady() const override { return Clock::Real().Steady(); }
};

class OldRunsTest : public testing::RunFixture {
 protected:
  OldRunsTest() { Start(); }

  // Runs "ca1" … that have ended.
  void RunSome(int count) {
    for (int i = 0; i < count; ++i) WaitForEnd(Schedule());
  }
  std::vector<std::string> Left() {
    std::vector<std::string> out;
    const store::RunPage page = *store_->List({}, 100, "");
    for (const store::Run& run : page.runs) out.push_back(run.id);
    return out;
  }
  void Sweep(const OldRuns::Rules& rules, const Clock& clock = Clock::Real()) {
    const Status status = OldRuns(*store_, *archive_, clock, rules).Sweep(Context::Background());
    EXPECT_TRUE(status.ok()) << status.message();
  }
};

TEST_F(OldRunsTest, TheNewestAreKeptAndOthersGoWithTheirLogs) {
  RunSome(4);
  ASSERT_TRUE(store_->SetArchived("ca1", true, Clock::Real().System()).ok());
  Sweep({});
  EXPECT_THAT(Left(), ElementsAre("ca4", "ca3", "ca2", "ca1"));
  Sweep({.newest = 2});
  EXPECT_THAT(Left(), ElementsAre("ca4", "ca3", "ca1")) << "an archived run stays and does not count";
  EXPECT_EQ(Log("ca2"), "");
  EXPECT_NE(Log("ca1"), "");
  EXPECT_THAT(*archive_->Recorded(), ElementsAre("ca1", "ca3", "ca4"));
}

TEST_F(OldRunsTest, ARunGoesWhenNoRuleKeepsIt) {
  RunSome(3);
  const LaterClock later;
  Sweep({.younger_than = std::chrono::hours(3)}, later);
  EXPECT_THAT(Left(), ElementsAre("ca3", "ca2", "ca1"));
  Sweep({.newest = 2, .younger_than = std::chrono::hours(3)}, later);
  EXPECT_THAT(Left(), ElementsAre("ca3", "ca2", "ca1")) << "they are young";
  Sweep({.newest = 2, .younger_than = std::chrono::hours(1)}, later);
  EXPECT_THAT(Left(), ElementsAre("ca3", "ca2"));
  Sweep({.younger_than = std::chrono::hours(1)}, later);
  EXPECT_THAT(Left(), IsEmpty());
  EXPECT_EQ(Schedule(), "ca4") << "no id is used twice";
}

TEST_F(OldRunsTest, WhatHasNotEndedStays) {
  builder_.CloseGate();
  const std::string id = Schedule();
  ASSERT_TRUE(builder_.WaitForActive(1));
  const LaterClock later;
  Sweep({.younger_than = std::chrono::hours(1)}, later);
  EXPECT_THAT(Left(), ElementsAre(id));
}

TEST_F(OldRunsTest, ALogWhoseRunADeadDaemonHadRemovedGoes) {
  RunSome(1);
  ASSERT_TRUE(fs::WriteFileAtomic(dir_.path() + "/logs/ca0.log", "left", 0600).ok());
  Sweep({.newest = 5});
  EXPECT_THAT(*archive_->Recorded(), ElementsAre("ca1"));
}

}  // namespace
}  // namespace slipway::runs
