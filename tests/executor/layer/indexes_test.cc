#include "executor/layer/indexes.h"

#include <gmock/gmock.h>

#include "tests/executor/layer/parts_fixture.h"

namespace slipway::layer {
namespace {

class IndexesTest : public LayerPartsTest {
 protected:
  std::string IndexOf(const Key& key) {
    const auto index = indexes_->Get(ctx_, key, {});
    return index.ok() ? Print(**index) : index.status().ToString();
  }
  /// With nothing in memory. What was made before is recorded first.
  void Reopen() {
    unpacker_.reset();
    indexes_.reset();
    indexes_ = std::make_unique<Indexes>(*store_, *records_, *downloads_, ArchiveLimits());
  }
};

TEST_F(IndexesTest, ARecipesAreItsEntries) {
  const Key key = Recipe({Folder("d"), Stored("d/f", "text")});
  EXPECT_TRUE(indexes_->AtHand(key));
  EXPECT_EQ(IndexOf(key), "d 0755 0:0 d\nf 0644 0:0 d/f 4\n");
}

TEST_F(IndexesTest, AStepsAreWhatIsInItsFolder) {
  const Key key = Upper({{"f", "text"}});
  EXPECT_TRUE(indexes_->AtHand(key));
  EXPECT_EQ(IndexOf(key), fmt::format("f 0644 {}:{} f 4\n", ::getuid(), ::getgid()));
}

TEST_F(IndexesTest, ARegistrysLayerIsReadOnce) {
  const Key key = Registered(TarMaker().Add(File("f"), "text").Bytes());
  EXPECT_FALSE(indexes_->AtHand(key));
  EXPECT_EQ(IndexOf(key), "f 0644 0:0 f 4\n");
  EXPECT_TRUE(indexes_->AtHand(key));
  EXPECT_EQ(IndexOf(key), "f 0644 0:0 f 4\n");
  EXPECT_EQ(registry_.fetches, 1);
}

TEST_F(IndexesTest, WhatWasMadeIsRecorded) {
  const Key key = Registered(TarMaker().Add(File("f"), "text").Bytes());
  ASSERT_EQ(IndexOf(key), "f 0644 0:0 f 4\n");
  Reopen();
  registry_.Clear();
  const LayerRow row = records_->Get(key).value();
  EXPECT_TRUE(store_->Has(row.index));
  EXPECT_TRUE(indexes_->AtHand(key));
  EXPECT_EQ(IndexOf(key), "f 0644 0:0 f 4\n");
}

TEST_F(IndexesTest, WhatWasFoundOnTheWayIsRecorded) {
  const Key key = Registered("not read");
  indexes_->Found(records_->Get(key).value(), std::make_shared<const tree::Tree>(tree::Tree({File("f", 4)})));
  EXPECT_EQ(IndexOf(key), "f 0644 0:0 f 4\n");
  Reopen();
  EXPECT_EQ(IndexOf(key), "f 0644 0:0 f 4\n");
  EXPECT_EQ(registry_.fetches, 0);
}

TEST_F(IndexesTest, OneThatIsDamagedIsMadeAgain) {
  const Key key = Registered(TarMaker().Add(File("f"), "text").Bytes());
  ASSERT_TRUE(records_->SetIndex(key, Put("this is no tree")).ok());
  EXPECT_EQ(IndexOf(key), "f 0644 0:0 f 4\n");
}

TEST_F(IndexesTest, ErrorsNameTheLayer) {
  const Key key = Registered("this is no tar archive, though it has many bytes");
  EXPECT_THAT(IndexOf(key), ::testing::HasSubstr(key));
  EXPECT_EQ(indexes_->Get(ctx_, "sha256:none", {}).code(), Code::kNotFound);
  EXPECT_FALSE(indexes_->AtHand("sha256:none"));
}

}  // namespace
}  // namespace slipway::layer
