#include "executor/layer/indexes.h"

#include <gmock/gmock.h>

#include <latch>
#include <thread>

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
    indexes_ = std::make_unique<Indexes>(*store_, *records_, *downloads_, unpackings_, ArchiveLimits());
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

// The stream says that it ends before the bytes do, so that nobody who goes by the stream reads to their end.
TEST_F(IndexesTest, WhatABlobOfAnotherDigestHoldsIsNoIndex) {
  using namespace std::string_view_literals;
  const std::string no_entries("BZh9\x17\x72\x45\x38\x50\x90\0\0\0\0"sv);
  const Key key = Registered(TarMaker().Add(File("f"), "text").Bytes());
  for (const std::string& other : {no_entries + std::string(200'000, 'x'), TarMaker().Add(File("g")).Bytes()}) {
    registry_.give = [&](const Context&, const std::string&, const auto& sink) -> Status { return sink(other); };
    EXPECT_FALSE(indexes_->Get(ctx_, key, {}).ok());
    EXPECT_FALSE(indexes_->AtHand(key));
  }
}

/// A layer of a few megabytes of which the registry gives the second part when it is told to, and the rest after that.
class IndexBesideUnpackingTest : public IndexesTest {
 protected:
  void SetUp() override {
    IndexesTest::SetUp();
    tar_ = TarMaker().Add(File("a"), Noise(3'000'000)).Add(File("b"), "text").Bytes();
    key_ = Registered(tar_);
    registry_.give = [this](const Context& ctx, const std::string& blob, const auto& sink) -> Status {
      SLIPWAY_RETURN_IF_ERROR(sink(std::string_view(blob).substr(0, first_part_)));
      asked_.count_down();
      go_.wait();
      SLIPWAY_RETURN_IF_ERROR(sink(std::string_view(blob).substr(first_part_, second_part_)));
      if (between_) between_();
      SLIPWAY_RETURN_IF_ERROR(ctx.Err());
      return sink(std::string_view(blob).substr(first_part_ + second_part_));
    };
  }

  static bool Becomes(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!condition() && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    return condition();
  }

  std::string tar_;
  Key key_;
  size_t first_part_ = 0, second_part_ = 500'000;
  std::function<void()> between_;
  std::latch asked_{1}, go_{1};
};

TEST_F(IndexBesideUnpackingTest, AnUnpackingUnderWayIsWaitedFor) {
  first_part_ = 1'000'000;
  std::jthread unpacking([this] { EXPECT_TRUE(unpacker_->Folder(ctx_, {key_}, 0, {}).ok()); });
  asked_.wait();
  const Context hurried = ctx_.Child();
  hurried.Cancel(Cancelled("no time to wait"));
  EXPECT_EQ(indexes_->Get(hurried, key_, {}).code(), Code::kCancelled);
  go_.count_down();
  EXPECT_EQ(IndexOf(key_), "f 0644 0:0 a 3000000\nf 0644 0:0 b 4\n");
  unpacking.join();
  EXPECT_EQ(downloads_->bytes_read(), tar_.size());
  EXPECT_EQ(registry_.fetches, 1);
}

TEST_F(IndexBesideUnpackingTest, OneThatHasHardlyBegunGivesWayToAnUnpacking) {
  std::string index;
  // The unpacking cannot have more than the second part yet, so with more the index has some, too.
  between_ = [this] { EXPECT_TRUE(Becomes([this] { return downloads_->bytes_read() > second_part_; })); };
  std::jthread indexing([&] { index = IndexOf(key_); });
  asked_.wait();
  std::jthread unpacking([this] { EXPECT_TRUE(unpacker_->Folder(ctx_, {key_}, 0, {}).ok()); });
  EXPECT_TRUE(Becomes([this] { return unpackings_.IsUnderWay(UnpackingsOf(key_)); }));
  go_.count_down();
  indexing.join();
  unpacking.join();
  EXPECT_EQ(index, "f 0644 0:0 a 3000000\nf 0644 0:0 b 4\n");
  EXPECT_LT(downloads_->bytes_read(), tar_.size() * 3 / 2) << "it was read once, and a little";
  EXPECT_EQ(registry_.fetches, 1);
}

TEST_F(IndexBesideUnpackingTest, AnUnpackingThatFailsIsNoFailureOfTheIndex) {
  first_part_ = 1'000'000;
  const Context hurried = ctx_.Child();
  std::jthread unpacking([&] { EXPECT_FALSE(unpacker_->Folder(hurried, {key_}, 0, {}).ok()); });
  asked_.wait();
  std::string index;
  std::jthread indexing([&] { index = IndexOf(key_); });
  hurried.Cancel(Cancelled("no time to wait"));
  go_.count_down();
  indexing.join();
  EXPECT_EQ(index, "f 0644 0:0 a 3000000\nf 0644 0:0 b 4\n");
}

TEST_F(IndexesTest, ErrorsNameTheLayer) {
  const Key key = Registered("this is no tar archive, though it has many bytes");
  EXPECT_THAT(IndexOf(key), ::testing::HasSubstr(key));
  EXPECT_EQ(indexes_->Get(ctx_, "sha256:none", {}).code(), Code::kNotFound);
  EXPECT_FALSE(indexes_->AtHand("sha256:none"));
}

}  // namespace
}  // namespace slipway::layer
