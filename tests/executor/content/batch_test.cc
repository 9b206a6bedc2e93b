#include <thread>

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

// A file of somebody else's.
class ForeignFile {
 public:
  explicit ForeignFile(const std::string& content) {
    EXPECT_TRUE(fs::WriteFileAtomic(path_, content).ok());
    fd_ = *fs::Open(path_, O_RDONLY);
  }
  int fd() const { return fd_.get(); }

 private:
  const fs::TempDir dir_ = *fs::TempDir::Make();
  const std::string path_ = fs::Join(dir_.path(), "file");
  UniqueFd fd_;
};

Status GoOn() { return Status(); }

TEST_F(BatchTest, OpenFilesAreAddedFromTheirBeginning) {
  const std::string large = std::string(5 * kLargestPacked / 2, 'x') + "end";
  const ForeignFile small("small"), big(large), longer("longer");
  ASSERT_EQ(::lseek(small.fd(), 3, SEEK_SET), 3);
  EXPECT_EQ(*batch_->AddFile(small.fd(), 5, Digest::Of("small"), GoOn), Digest::Of("small"));
  EXPECT_EQ(*batch_->AddFile(big.fd(), large.size(), Digest(), GoOn), Digest::Of(large));
  EXPECT_EQ(*batch_->AddFile(longer.fd(), 4, Digest(), GoOn), Digest::Of("long"));
  ASSERT_TRUE(batch_->Commit(nullptr).ok());
  EXPECT_EQ(Get(Digest::Of("small")), "small");
  EXPECT_TRUE(Get(Digest::Of(large)) == large);
}

TEST_F(BatchTest, AnOpenFileThatIsNotAsAnnouncedIsDataLossAndTheOthersStay) {
  const std::string large(3 * kLargestPacked, 'x');
  const ForeignFile small("small"), big(large);
  EXPECT_EQ(batch_->AddFile(small.fd(), 6, Digest(), GoOn).code(), Code::kDataLoss);
  EXPECT_EQ(batch_->AddFile(small.fd(), 5, Digest::Of("else"), GoOn).code(), Code::kDataLoss);
  EXPECT_EQ(batch_->AddFile(big.fd(), large.size(), Digest::Of("else"), GoOn).code(), Code::kDataLoss);
  EXPECT_EQ(batch_->AddFile(big.fd(), large.size() + 1, Digest(), GoOn).code(), Code::kDataLoss);
  int asked = 0;
  const auto stop = [&] { return ++asked < 2 ? Status() : Cancelled("enough"); };
  EXPECT_EQ(batch_->AddFile(big.fd(), large.size(), Digest(), stop).code(), Code::kCancelled);
  EXPECT_TRUE(batch_->Add("good").ok());
  ASSERT_TRUE(batch_->Commit(nullptr).ok());
  EXPECT_EQ(Get(Digest::Of("good")), "good");
  EXPECT_FALSE(store_->Has(Digest::Of(large)));
  EXPECT_TRUE(List("ingest").empty());
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

TEST_F(BatchTest, WhatIsSyncedLaterCanBeReadAtOnceAndComesToItsPlace) {
  batch_ = *store_->BeginBatch(Durable::kSoon);
  const std::string large(kLargestPacked + 1, 'l');
  Lease lease = *store_->NewLease("test");
  const Digest packed = *batch_->Add("small"), blob = *batch_->Add(large);
  ASSERT_TRUE(batch_->Commit(&lease).ok());
  EXPECT_EQ(Get(packed), "small");
  EXPECT_TRUE(Get(blob) == large);
  EXPECT_TRUE(store_->AwaitSynced(lease, [] { return Status(); }).ok());
  EXPECT_TRUE(List("unsynced").empty());
  EXPECT_EQ(List("packs").size(), 1U);
  EXPECT_EQ(List("blobs"), std::vector{blob.hex()});
  EXPECT_EQ(Get(packed), "small");
  lease = Lease();
  Reopen();
  EXPECT_EQ(Get(packed), "small");
  EXPECT_TRUE(Get(blob) == large);
}

TEST_F(BatchTest, WhoFindsWhatAnotherHasBroughtWaitsForItsSync) {
  const std::string large(8 * kLargestPacked, 'l');
  for (int round = 0; round < 10; ++round) {
    batch_ = *store_->BeginBatch(Durable::kSoon);
    const Digest blob = *batch_->Add(large), packed = *batch_->Add("small");
    ASSERT_TRUE(batch_->Commit(nullptr).ok());
    Lease lease = *store_->NewLease("test");
    ASSERT_TRUE(store_->Missing(std::vector{blob, packed}, &lease)->empty());
    EXPECT_TRUE(store_->AwaitSynced(lease, [] { return Status(); }).ok());
    EXPECT_TRUE(List("unsynced").empty());
    lease = Lease();
    Collect();
  }
}

TEST_F(BatchTest, ManyBatchesAtOnceAreSyncedAll) {
  std::vector<std::thread> writers;
  for (int w = 0; w < 12; ++w) {
    writers.emplace_back([this, w] {
      for (int i = 0; i < 10; ++i) {
        const std::unique_ptr<BatchIngest> batch = *store_->BeginBatch(Durable::kSoon);
        ASSERT_TRUE(batch->Add(fmt::format("{} {}", w, i)).ok());
        ASSERT_TRUE(batch->Add(fmt::format("{}{}{}", w, i, std::string(kLargestPacked, 'x'))).ok());
        Lease lease = *store_->NewLease("test");
        ASSERT_TRUE(batch->Commit(&lease).ok());
        EXPECT_TRUE(store_->AwaitSynced(lease, [] { return Status(); }).ok());
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_TRUE(List("unsynced").empty());
  EXPECT_EQ(List("blobs").size(), 120U);
  EXPECT_EQ(List("packs").size(), 120U);
}

TEST_F(BatchTest, WhatIsSyncedLaterCanBeCollectedBefore) {
  for (int round = 0; round < 20; ++round) {  // now before it is in its place, now after
    batch_ = *store_->BeginBatch(Durable::kSoon);
    const std::string large(kLargestPacked + 1, 'l');
    const Digest packed = *batch_->Add("small"), blob = *batch_->Add(large);
    ASSERT_TRUE(batch_->Commit(nullptr).ok());
    Collect();
    EXPECT_EQ(Get(packed), "<NOT_FOUND>");
    EXPECT_EQ(Get(blob), "<NOT_FOUND>");
  }
  Reopen();  // what waits is done before
  EXPECT_TRUE(List("unsynced").empty());
  EXPECT_TRUE(List("packs").empty());
  EXPECT_TRUE(List("blobs").empty());
}

TEST_F(BatchTest, OfManyFilesThatAreSyncedLaterOnlySomeAreOpen) {
  const size_t before = fs::ListDir("/proc/self/fd")->size();
  batch_ = *store_->BeginBatch(Durable::kSoon);
  std::vector<Digest> digests;
  for (int i = 0; i < 100; ++i) {
    digests.push_back(*batch_->Add(fmt::format("{}{}", i, std::string(kLargestPacked, 'x'))));
    ASSERT_LE(fs::ListDir("/proc/self/fd")->size(), before + 60);
  }
  Lease lease = *store_->NewLease("test");
  ASSERT_TRUE(batch_->Commit(&lease).ok());
  EXPECT_TRUE(store_->AwaitSynced(lease, [] { return Status(); }).ok());
  EXPECT_EQ(fs::ListDir("/proc/self/fd")->size(), before);
  EXPECT_EQ(List("blobs").size(), digests.size());
  lease = Lease();
  Reopen();
  for (const Digest& digest : digests) EXPECT_EQ(Digest::Of(Get(digest)), digest);
}

TEST_F(BatchTest, AnEmptyBatchMakesNoPack) {
  ASSERT_TRUE(batch_->Commit(nullptr).ok());
  EXPECT_TRUE(List("packs").empty());
}

}  // namespace
}  // namespace slipway::content
