#include "daemon/trigger/poll_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipway::trigger {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const PollTable::Image kDebian{"docker.io", "library/debian", "12"};
const PollTable::Image kAlpine{"docker.io", "library/alpine", "3"};
const PollTable::Image kOwn{"reg.example.com", "base", "1"};

class PollTableTest : public ::testing::Test {
 protected:
  // Chance gives the middle, unless a test says otherwise.
  double chance_ = 0.5;
  PollTable table_{minutes(10), [this] { return chance_; }};
  PollTable::Time now_{};
};

TEST_F(PollTableTest, EachImageComesOnceInAnInterval) {
  table_.Watch({kDebian, kOwn, kDebian}, now_, seconds(30));
  EXPECT_EQ(table_.size(), 2U);
  EXPECT_EQ(*table_.Next(), now_ + seconds(15));
  EXPECT_THAT(table_.TakeDue(now_), IsEmpty());
  EXPECT_THAT(table_.TakeDue(now_ + seconds(15)), ElementsAre(kDebian, kOwn));
  EXPECT_THAT(table_.TakeDue(now_ + seconds(15)), IsEmpty());
  EXPECT_EQ(*table_.Next(), now_ + seconds(15) + minutes(10));
}

TEST_F(PollTableTest, ChanceMovesThemApart) {
  chance_ = 0;
  table_.Watch({kDebian}, now_, minutes(10));
  EXPECT_THAT(table_.TakeDue(now_), SizeIs(1));
  EXPECT_EQ(*table_.Next(), now_ + seconds(450));
  chance_ = 1;
  EXPECT_THAT(table_.TakeDue(now_ + seconds(450)), SizeIs(1));
  EXPECT_EQ(*table_.Next(), now_ + seconds(450 + 750));
}

TEST_F(PollTableTest, WhatIsNotWatchedAnyMoreIsForgotten) {
  table_.Watch({kDebian, kAlpine}, now_, seconds(0));
  table_.TakeDue(now_);
  const auto next = table_.Next();
  table_.Watch({kDebian, kOwn}, now_ + minutes(1), minutes(4));
  EXPECT_EQ(table_.size(), 2U);
  EXPECT_THAT(table_.TakeDue(now_ + minutes(3)), ElementsAre(kOwn));
  EXPECT_EQ(table_.Next(), next) << "known ones keep their time";
  table_.Watch({}, now_, seconds(0));
  EXPECT_EQ(table_.Next(), std::nullopt);
}

TEST_F(PollTableTest, FailuresDoubleThePause) {
  table_.Watch({kDebian}, now_, seconds(0));
  PollTable::Time at = now_;
  for (const int intervals : {2, 4, 8, 16, 32, 32}) {
    ASSERT_THAT(table_.TakeDue(at), SizeIs(1));
    table_.Failed(kDebian, Code::kUnavailable, at);
    EXPECT_EQ(*table_.Next(), at + minutes(10 * intervals));
    at = *table_.Next();
  }
  ASSERT_THAT(table_.TakeDue(at), SizeIs(1));
  table_.Found(kDebian);
  EXPECT_EQ(*table_.Next(), at + minutes(10));
}

TEST_F(PollTableTest, ARegistryThatIsAskedTooOftenIsLeftAlone) {
  table_.Watch({kDebian, kAlpine, kOwn}, now_, seconds(0));
  table_.TakeDue(now_);
  table_.Failed(kDebian, Code::kResourceExhausted, now_);
  EXPECT_THAT(table_.TakeDue(now_ + minutes(10)), ElementsAre(kOwn));
  EXPECT_THAT(table_.TakeDue(now_ + minutes(20)), ElementsAre(kAlpine, kDebian, kOwn));
}

}  // namespace
}  // namespace slipway::trigger
