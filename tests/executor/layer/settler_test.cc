// What is believed of folders after the daemon has died, and after the machine has.
#include "executor/layer/settler.h"

#include <gmock/gmock.h>

#include "executor/base/fs.h"

namespace slipway::layer {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class SettlerTest : public ::testing::Test {
 protected:
  void AddStep(const Key& key, const std::string& mark) {
    const LayerRow row{.key = key, .diff_id = {}, .recipe = {}, .index = {}, .upper = "/uppers/" + key, .created = {}};
    ASSERT_TRUE(records_->Insert(row, mark).ok());
  }
  void AddUnpacked(const Key& key, const std::string& mark) {
    const LayerRow row{.key = key, .diff_id = {}, .recipe = {}, .index = {}, .upper = {}, .created = {}};
    ASSERT_TRUE(records_->Insert(row).ok());
    ASSERT_TRUE(records_->AddUnpacked(key, "", "/unpacked/" + key, mark).ok());
  }
  std::vector<std::string> Folders() {
    std::vector<std::string> folders;
    const std::map<std::string, Key> all = records_->Folders().value();
    for (const auto& [folder, key] : all) folders.push_back(folder);
    return folders;
  }

  const fs::TempDir dir_ = *fs::TempDir::Make();
  const std::unique_ptr<Records> records_ = *Records::Open(dir_.path() + "/layers.db");
};

TEST_F(SettlerTest, WhatAnotherBootLeftUnsettledIsForgotten) {
  AddStep("lost", "boot 1");
  AddStep("settled", "boot 1");
  AddStep("synced-at-once", "");
  AddUnpacked("a", "boot 1");
  AddUnpacked("b", "boot 1");
  ASSERT_TRUE(records_->Settle({"/uppers/settled", "/unpacked/b"}).ok());
  Settler settler(dir_.path(), *records_, "boot 2");
  ASSERT_TRUE(settler.Begin().ok());
  EXPECT_THAT(Folders(), ElementsAre("/unpacked/b", "/uppers/settled", "/uppers/synced-at-once"));
  EXPECT_FALSE(records_->Find("lost")->has_value()) << "nothing else can make it";
  EXPECT_TRUE(records_->Find("a")->has_value()) << "it can be unpacked again";
  EXPECT_THAT(*records_->Unsettled(), IsEmpty());
}

TEST_F(SettlerTest, WhatThisBootLeftIsKeptAndSettled) {
  AddStep("young", "boot 1");
  AddUnpacked("a", "boot 1");
  {
    Settler settler(dir_.path(), *records_, "boot 1");
    ASSERT_TRUE(settler.Begin().ok());
    EXPECT_THAT(Folders(), ElementsAre("/unpacked/a", "/uppers/young"));
  }
  EXPECT_THAT(*records_->Unsettled(), IsEmpty());
}

TEST_F(SettlerTest, SettlesAllBeforeItEnds) {
  {
    Settler settler(dir_.path(), *records_);
    const std::string mark = settler.Mark().value();
    AddStep("step", mark);
    AddUnpacked("layer", mark);
    EXPECT_THAT(*records_->Unsettled(), UnorderedElementsAre("/uppers/step", "/unpacked/layer"));
    settler.Wake();
  }
  EXPECT_THAT(*records_->Unsettled(), IsEmpty());
  EXPECT_THAT(Folders(), ElementsAre("/unpacked/layer", "/uppers/step"));
}

TEST_F(SettlerTest, WhatCouldNotBeSyncedIsUsedAndNeverSettled) {
  AddStep("step", "boot 1");
  AddUnpacked("layer", "boot 1");
  {
    Settler settler("/no/such/folder", *records_, "boot 1");
    settler.Wake();
  }
  EXPECT_THAT(Folders(), ElementsAre("/unpacked/layer", "/uppers/step"));
  EXPECT_THAT(*records_->Unsettled(), IsEmpty()) << "a sync that succeeds says nothing of it";
  Settler next(dir_.path(), *records_, "boot 1");
  ASSERT_TRUE(next.Begin().ok());
  EXPECT_THAT(Folders(), IsEmpty());
}

TEST_F(SettlerTest, WhereBootsCannotBeToldApartTheDiskIsWaitedFor) {
  Settler settler(dir_.path(), *records_, "");
  EXPECT_EQ(settler.Mark().value(), "");
  EXPECT_FALSE(Settler("/no/such/folder", *records_, "").Mark().ok());
}

}  // namespace
}  // namespace slipway::layer
