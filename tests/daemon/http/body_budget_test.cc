#include "daemon/http/body_budget.h"

#include <gtest/gtest.h>

namespace slipway::web {
namespace {

TEST(BodyBudget, SharesGrowUntilNothingIsLeft) {
  BodyBudget budget(100);
  BodyBudget::Share a(budget);
  BodyBudget::Share b(budget);
  EXPECT_TRUE(a.GrowTo(60));
  EXPECT_FALSE(b.GrowTo(41));
  EXPECT_EQ(budget.used(), 60U) << "what was refused takes nothing";
  EXPECT_TRUE(b.GrowTo(40));
  EXPECT_FALSE(a.GrowTo(61));
  EXPECT_TRUE(a.GrowTo(10)) << "it has more than that";
  EXPECT_EQ(budget.used(), 100U);
}

TEST(BodyBudget, WhatEndsGivesItsShareBack) {
  BodyBudget budget(100);
  {
    BodyBudget::Share gone(budget);
    EXPECT_TRUE(gone.GrowTo(100));
  }
  EXPECT_EQ(budget.used(), 0U);
  BodyBudget::Share share(budget);
  EXPECT_TRUE(share.GrowTo(100));
  share.Release();
  share.Release();
  EXPECT_EQ(budget.used(), 0U);
  EXPECT_FALSE(share.GrowTo(UINT64_MAX));
}

}  // namespace
}  // namespace slipway::web
