#include "tests/executor/content/store_fixture.h"

namespace slipway::content {
namespace {

class BatchTest : public StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    batch_ = *store_->BeginBatch();
  }
  void TearDown() override { batch_.reset(); }
  std::unique_ptr<BatchIngest> batch_;
};

TEST_F(BatchTest, BecomesVisibleAtCommitAsOneFile) {
  std::vector<Digest> digests;
  for (int i = 0; i < 1000; ++i) digests.push_back(*batch_->Add(fmt::format("file {}", i)));
  EXPECT_FALSE(store_->Has(digests[0]));
  EXPECT_TRUE(List("packs").empty());
  ASSERT_TRUE(batch_->Commit(nullptr).ok());
  EXPECT_EQ(List("packs").size(), 1U);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(Get(digests[static_cast<size_t>(i)]), fmt::format("file {}", i));
}

TEST_F(BatchTest, WithoutCommitItLeavesNothing) {
  ASSERT_TRUE(batch_->Add("small").ok());
  ASSERT_TRUE(batch_->Add(std::string(kLargestPacked + 1, 'l')).ok());
  batch_.reset();
  EXPECT_TRUE(List("ingest").empty());
  EXPECT_EQ(*store_->TotalBytes(), 0U);
}

TEST_F(BatchTest, LargeFilesBecomeBlobs) {
  const std::string limit(kLargestPacked, 'a'), more(kLargestPacked + 1, 'b');
  const Digest packed = *batch_->Add(limit), blob = *batch_->Add(more);
  ASSERT_TRUE(batch_->Add(more).ok());
  ASSERT_TRUE(batch_->Commit(nullptr).ok());
  EXPECT_EQ(List("blobs"), std::vector{blob.hex()});
  EXPECT_TRUE(Get(packed) == limit);
  EXPECT_TRUE(Get(blob) == more);
}

TEST_F(BatchTest, FilesMayComeInPieces) {
  const std::string large(kLargestPacked * 2, 'x');
  ASSERT_TRUE(batch_->BeginFile(6, Digest::Of("abcdef")).ok());
  ASSERT_TRUE(batch_->Append("abc").ok());
  ASSERT_TRUE(batch_->Append("def").ok());
  const Digest small = *batch_->EndFile();
  ASSERT_TRUE(batch_->BeginFile(large.size(), Digest()).ok());
  for (size_t i = 0; i < large.size(); i += 65536) ASSERT_TRUE(batch_->Append(large.substr(i, 65536)).ok());
  const Digest big = *batch_->EndFile();
  ASSERT_TRUE(batch_->Commit(nullptr).ok());
  EXPECT_EQ(Get(small), "abcdef");
  EXPECT_TRUE(Get(big) == large);
}

TEST_F(BatchTest, AFileThatIsNotAsAnnouncedIsDataLossAndTheOthersStay) {
  ASSERT_TRUE(batch_->Add("good").ok());
  ASSERT_TRUE(batch_->BeginFile(3, Digest::Of("abc")).ok());
  ASSERT_TRUE(batch_->Append("abd").ok());
  EXPECT_EQ(batch_->EndFile().code(), Code::kDataLoss);

  ASSERT_TRUE(batch_->BeginFile(3, Digest()).ok());
  EXPECT_EQ(batch_->Append("four").code(), Code::kDataLoss);
  ASSERT_TRUE(batch_->BeginFile(3, Digest()).ok());
  ASSERT_TRUE(batch_->Append("12").ok());
  EXPECT_EQ(batch_->EndFile().code(), Code::kDataLoss);

  const std::string large(kLargestPacked + 1, 'x');
  ASSERT_TRUE(batch_->BeginFile(large.size(), Digest::Of("else")).ok());
  ASSERT_TRUE(batch_->Append(large).ok());
  EXPECT_EQ(batch_->EndFile().code(), Code::kDataLoss);

  ASSERT_TRUE(batch_->Commit(nullptr).ok());
  EXPECT_EQ(Get(Digest::Of("good")), "good");
  EXPECT_FALSE(store_->Has(Digest::Of("abd")));
  EXPECT_FALSE(store_->Has(Digest::Of(large)));
  EXPECT_TRUE(List("ingest").empty());
}

TEST_F(BatchTest, CallsOutOfOrderAreOurBug) {
  EXPECT_EQ(batch_->Append("x").code(), Code::kInternal);
  EXPECT_EQ(batch_->EndFile().code(), Code::kInternal);
  ASSERT_TRUE(batch_->BeginFile(1, Digest()).ok());
  EXPECT_EQ(batch_->BeginFile(1, Digest()).code(), Code::kInternal);
  EXPECT_EQ(batch_->Commit(nullptr).code(), Code::kInternal);
}

TEST_F(BatchTest, WhatIsThereAlreadyIsNotWrittenAgainAndCannotVanishBeforeCommit) {
  const Digest there = Put("there");
  Lease lease = *store_->NewLease("test");
  ASSERT_TRUE(batch_->Add("there").ok());
  Collect();
  ASSERT_TRUE(batch_->Commit(&lease).ok());
  Collect();
  EXPECT_EQ(Get(there), "there");
  EXPECT_TRUE(List("packs").empty());
  lease = Lease();
  Collect();
  EXPECT_FALSE(store_->Has(there));
}

TEST_F(BatchTest, TwoBatchesWithTheSameFilesBothCommit) {
  std::unique_ptr<BatchIngest> other = *store_->BeginBatch();
  const std::string large(kLargestPacked + 1, 'x');
  Lease lease = *store_->NewLease("test");
  for (BatchIngest* batch : {batch_.get(), other.get()}) {
    ASSERT_TRUE(batch->Add("small").ok());
    ASSERT_TRUE(batch->Add(large).ok());
  }
  ASSERT_TRUE(batch_->Commit(nullptr).ok());
  ASSERT_TRUE(other->Commit(&lease).ok());
  Collect();
  EXPECT_EQ(Get(Digest::Of("small")), "small");
  EXPECT_TRUE(Get(Digest::Of(large)) == large);
  EXPECT_EQ(List("packs").size(), 1U) << "the pack in which nothing is live is gone";
}

TEST_F(BatchTest, AVeryLargeBatchIsSplitIntoPacks) {
  std::vector<Digest> digests;
  for (int i = 0; i < 90; ++i) {
    std::string content(1'000'000, 'x');
    content[0] = static_cast<char>(i);
    digests.push_back(*batch_->Add(content));
  }
  ASSERT_TRUE(batch_->Commit(nullptr).ok());
  EXPECT_EQ(List("packs").size(), 2U);
  Reopen();
  for (const Digest& digest : digests) EXPECT_EQ(Digest::Of(Get(digest)), digest);
}

// A context may have more large files than a process may have open.
TEST_F(BatchTest, HoweverManyLargeFilesOnlySomeAreOpen) {
  const size_t before = fs::ListDir("/proc/self/fd")->size();
  std::vector<Digest> digests;
  for (int i = 0; i < 100; ++i) {
    digests.push_back(*batch_->Add(fmt::format("{}{}", i, std::string(kLargestPacked, 'x'))));
    ASSERT_LE(fs::ListDir("/proc/self/fd")->size(), before + 40);
  }
  ASSERT_TRUE(batch_->Commit(nullptr).ok());
  EXPECT_EQ(fs::ListDir("/proc/self/fd")->size(), before);
  Reopen();
  for (const Digest& digest : digests) EXPECT_EQ(Digest::Of(Get(digest)), digest);
}

TEST_F(BatchTest, AnEmptyBatchMakesNoPack) {
  ASSERT_TRUE(batch_->Commit(nullptr).ok());
  EXPECT_TRUE(List("packs").empty());
}

}  // namespace
}  // namespace slipway::content
