#include "executor/layer/retention.h"

#include <gmock/gmock.h>

#include "tests/executor/layer/parts_fixture.h"

namespace slipway::layer {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class RetentionTest : public LayerPartsTest {
 protected:
  bool IsKnown(const Key& key) { return records_->Find(key)->has_value(); }
  std::vector<std::string> AllFolders() {
    std::vector<std::string> all;
    for (const std::string& folder : layout_->Swept()) {
      const std::vector<std::string> names = fs::ListDir(folder).value();
      for (const std::string& name : names) all.push_back(fs::Join(folder, name));
    }
    return all;
  }

  std::chrono::steady_clock::time_point now_;
  std::unique_ptr<Retention> MakeRetention() {
    return std::make_unique<Retention>(*store_, *records_, [this] { return now_; });
  }
};

TEST_F(RetentionTest, WhatIsNotKeptGoesWithItsFolders) {
  const Key kept = Upper({{"f", "1"}}), gone = Upper({{"f", "2"}});
  const Key layer = Registered(TarMaker().Add(File("f"), "3").Bytes());
  const std::string folder = unpacker_->Folder(ctx_, {layer}, 0, {}).value();
  ASSERT_TRUE(MakeRetention()->Retain({kept}).ok());
  EXPECT_TRUE(IsKnown(kept));
  EXPECT_FALSE(IsKnown(gone));
  EXPECT_FALSE(IsKnown(layer));
  EXPECT_THAT(AllFolders(), ElementsAre(records_->Get(kept).value().upper));
}

TEST_F(RetentionTest, WhatIsPinnedStays) {
  const auto retention = MakeRetention();
  const Chain chain = {Upper({{"f", "1"}}), Upper({{"f", "2"}})};
  retention->AddPin(&chain);
  ASSERT_TRUE(retention->Retain({}).ok());
  EXPECT_TRUE(IsKnown(chain[0]) && IsKnown(chain[1]));
  retention->DropPin(&chain);
  ASSERT_TRUE(retention->Retain({}).ok());
  EXPECT_FALSE(IsKnown(chain[0]) || IsKnown(chain[1]));
}

TEST_F(RetentionTest, WhatIsNewStaysForAWhile) {
  const auto retention = MakeRetention();
  const Key key = Upper({{"f", "1"}});
  retention->NoteNew(key);
  now_ += Retention::kChildhood;
  ASSERT_TRUE(retention->Retain({}).ok());
  EXPECT_TRUE(IsKnown(key));
  now_ += std::chrono::seconds(1);
  ASSERT_TRUE(retention->Retain({}).ok());
  EXPECT_FALSE(IsKnown(key));
}

TEST_F(RetentionTest, AFolderThatCannotBeRemovedKeepsNoOther) {
  // A path through a file is no folder that could be removed.
  ASSERT_TRUE(fs::WriteFileAtomic(temp_.path() + "/file", "").ok());
  const LayerRow broken{
      .key = "upper:broken", .diff_id = {}, .recipe = {}, .index = {}, .upper = temp_.path() + "/file/below"};
  ASSERT_TRUE(records_->Insert(broken).ok());
  Upper({{"f", "1"}});
  MakeRetention()->Retain({}).Ignore();
  EXPECT_THAT(AllFolders(), IsEmpty());
}

TEST_F(RetentionTest, ContentInUseIsWhatRecordsName) {
  const tree::Entry file = Stored("f", "text");
  const Key recipe = Recipe({file});
  const Key layer = Registered(TarMaker().Add(File("f"), "1").Bytes());
  const Digest index = Put("an index");
  ASSERT_TRUE(records_->SetIndex(layer, index).ok());
  EXPECT_THAT(MakeRetention()->ContentInUse().value(),
              UnorderedElementsAre(records_->Get(recipe).value().recipe, file.digest, index));
}

TEST_F(RetentionTest, WhatWasPinnedOnceIsNotNewAnyMore) {
  const auto retention = MakeRetention();
  const Chain chain = {Upper({{"f", "1"}})};
  retention->NoteNew(chain.front());
  retention->AddPin(&chain);
  ASSERT_TRUE(retention->Retain({}).ok());
  EXPECT_TRUE(IsKnown(chain.front()));
  retention->DropPin(&chain);
  ASSERT_TRUE(retention->Retain({}).ok());
  EXPECT_FALSE(IsKnown(chain.front()));
}

TEST_F(RetentionTest, FoldersAreAsLargeAsOnTheDisk) {
  const auto retention = MakeRetention();
  const std::string text(500'000, 'x');
  const Key recipe = Recipe({Stored("f", text)});
  EXPECT_EQ(retention->FolderBytes().value(), 0U);
  ASSERT_TRUE(unpacker_->Folder(ctx_, {recipe}, 0, {}).ok());
  const uint64_t unpacked = retention->FolderBytes().value();
  EXPECT_GE(unpacked, text.size());
  const Key step = Upper({{"f", text}});
  EXPECT_GE(retention->FolderBytes().value(), unpacked + text.size()) << "also one whose index nobody has asked for";
  ASSERT_TRUE(retention->Retain({recipe}).ok());
  EXPECT_EQ(retention->FolderBytes().value(), unpacked);
}

TEST_F(RetentionTest, WhatNoRecordNamesIsSwept) {
  const Key step = Upper({{"f", "1"}});
  const Key layer = Registered(TarMaker().Add(File("f"), "2").Bytes());
  const std::string folder = unpacker_->Folder(ctx_, {layer}, 0, {}).value();
  ASSERT_TRUE(fs::MakeDirs(layout_->NewUpper() + "/d", 0755).ok());
  ASSERT_TRUE(fs::MakeDirs(layout_->NewUnpacked() + "/d", 0755).ok());
  ASSERT_TRUE(fs::MakeDirs(layout_->Temporary() + "/unpack-1/d", 0755).ok());
  ASSERT_TRUE(SweepFolders(*layout_, *records_).ok());
  EXPECT_THAT(AllFolders(), UnorderedElementsAre(records_->Get(step).value().upper, folder));
}

}  // namespace
}  // namespace slipway::layer
