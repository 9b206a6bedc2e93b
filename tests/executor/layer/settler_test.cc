// What is believed of steps' folders after the daemon has died, and after the machine has.
#include "executor/layer/settler.h"

#include <gmock/gmock.h>

#include "executor/base/fs.h"
#include "executor/layer/schema.h"

namespace slipway::layer {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

LayerRow UpperRow(const Key& key) {
  return {.key = key, .diff_id = {}, .recipe = {}, .index = {}, .upper = "/uppers/" + key, .created = {}};
}

TEST(BootId, IsTheSameAllTheTime) {
  EXPECT_EQ(BootId(), BootId());
  EXPECT_FALSE(BootId().ends_with('\n'));
}

TEST(Unsettled, AfterAnotherBootItIsForgotten) {
  const fs::TempDir dir = *fs::TempDir::Make();
  const auto records = *Records::Open(dir.path() + "/layers.db");
  ASSERT_TRUE(records->Insert(UpperRow("lost"), "boot 1").ok());
  ASSERT_TRUE(records->Insert(UpperRow("settled"), "boot 1").ok());
  ASSERT_TRUE(records->Insert(UpperRow("synced at once")).ok());
  ASSERT_TRUE(records->Settle({"settled"}).ok());
  EXPECT_THAT(*records->TakeUnsettled("boot 2"), IsEmpty());
  EXPECT_FALSE(records->Find("lost")->has_value());
  EXPECT_TRUE(records->Find("settled")->has_value());
  EXPECT_TRUE(records->Find("synced at once")->has_value());
}

TEST(Unsettled, InTheSameBootItIsKept) {
  const fs::TempDir dir = *fs::TempDir::Make();
  const auto records = *Records::Open(dir.path() + "/layers.db");
  ASSERT_TRUE(records->Insert(UpperRow("young"), "boot 1").ok());
  EXPECT_THAT(*records->TakeUnsettled("boot 1"), ElementsAre("young"));
  EXPECT_TRUE(records->Find("young")->has_value());
  ASSERT_TRUE(records->Settle({"young"}).ok());
  EXPECT_THAT(*records->TakeUnsettled("boot 1"), IsEmpty());
}

TEST(Settler, SettlesAllBeforeItEnds) {
  const fs::TempDir dir = *fs::TempDir::Make();
  std::vector<Key> settled;
  {
    Settler settler(dir.path(), [&settled](const std::vector<Key>& keys) {
      settled.insert(settled.end(), keys.begin(), keys.end());
      return Status();
    });
    settler.Add("a");
    settler.Add("b");
  }
  EXPECT_THAT(settled, ElementsAre("a", "b"));
}

TEST(Settler, WhatCannotBeSyncedIsNotSettled) {
  bool called = false;
  {
    Settler settler("/no/such/folder", [&called](const std::vector<Key>&) {
      called = true;
      return Status();
    });
    settler.Add("a");
  }
  EXPECT_FALSE(called);
}

}  // namespace
}  // namespace slipway::layer
