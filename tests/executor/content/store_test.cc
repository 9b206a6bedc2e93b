#include "executor/content/store.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <thread>

#include "executor/base/cleanup.h"
#include "tests/executor/content/store_fixture.h"

namespace slipway::content {
namespace {

TEST_F(StoreTest, WhatIsPutCanBeRead) {
  const Digest digest = Put("hello");
  EXPECT_EQ(digest, Digest::Of("hello"));
  EXPECT_TRUE(store_->Has(digest));
  EXPECT_EQ(Get(digest), "hello");
}

TEST_F(StoreTest, WhatIsNotThereIsNotFound) {
  EXPECT_FALSE(store_->Has(Digest::Of("no")));
  EXPECT_EQ(store_->Open(Digest::Of("no")).code(), Code::kNotFound);
  EXPECT_EQ(store_->Open(Digest()).code(), Code::kNotFound);
}

TEST_F(StoreTest, EmptyContentIsAlwaysThere) {
  const Digest empty = Digest::Of("");
  EXPECT_TRUE(store_->Has(empty));
  EXPECT_EQ(Get(empty), "");
  EXPECT_GE(store_->Open(empty)->fd(), 0);
  EXPECT_TRUE(store_->Missing(std::span(&empty, 1), nullptr)->empty());
  EXPECT_EQ(Put(""), empty);
  EXPECT_EQ(PutPacked(""), empty);
  EXPECT_TRUE(List("blobs").empty());
  EXPECT_TRUE(List("packs").empty());
}

TEST_F(StoreTest, ABlobIsReadInPartsAndNotPastItsEnd) {
  Blob blob = *store_->Open(PutPacked(std::vector<std::string>{"before", "0123456789", "after"})[1]);
  std::array<char, 4> part{};
  EXPECT_EQ(*blob.ReadAt(part, 3), 4U);
  EXPECT_EQ(std::string_view(part.data(), 4), "3456");
  EXPECT_EQ(*blob.ReadAt(part, 8), 2U);
  EXPECT_EQ(*blob.ReadAt(part, 10), 0U);
  EXPECT_EQ(*blob.ReadAt(part, UINT64_MAX), 0U);
  EXPECT_EQ(blob.ReadAll(9).code(), Code::kResourceExhausted);
}

TEST_F(StoreTest, ATruncatedFileIsDataLossForItsReader) {
  const Digest digest = Put("0123456789");
  ASSERT_EQ(::truncate(BlobPath(digest).c_str(), 4), 0);
  EXPECT_EQ(Get(digest), "<DATA_LOSS>");
}

TEST_F(StoreTest, AnUncommittedIngestLeavesNothing) {
  {
    std::unique_ptr<Ingest> ingest = *store_->Begin({});
    ASSERT_TRUE(ingest->Write("half").ok());
    EXPECT_EQ(List("ingest").size(), 1U);
  }
  EXPECT_TRUE(List("ingest").empty());
  EXPECT_FALSE(store_->Has(Digest::Of("half")));
}

TEST_F(StoreTest, ContentThatIsNotWhatWasExpectedIsDataLoss) {
  std::unique_ptr<Ingest> ingest = *store_->Begin({.expected = Digest::Of("expected")});
  ASSERT_TRUE(ingest->Write("other").ok());
  Status status = ingest->Commit(nullptr).status();
  EXPECT_EQ(status.code(), Code::kDataLoss);
  EXPECT_NE(status.message().find(Digest::Of("expected").ToString()), std::string::npos) << status.message();
  ingest.reset();
  EXPECT_FALSE(store_->Has(Digest::Of("other")));
  EXPECT_TRUE(List("blobs").empty());
}

TEST_F(StoreTest, ContentPastTheBoundIsRefused) {
  std::unique_ptr<Ingest> ingest = *store_->Begin({.max_size = 5});
  EXPECT_TRUE(ingest->Write("12345").ok());
  EXPECT_EQ(ingest->Write("6").code(), Code::kResourceExhausted);
  EXPECT_EQ(ingest->Commit(nullptr).code(), Code::kResourceExhausted) << "a failed ingest stays failed";
}

TEST_F(StoreTest, AnIngestIsCommittedOnce) {
  std::unique_ptr<Ingest> ingest = *store_->Begin({});
  ASSERT_TRUE(ingest->Write("x").ok());
  EXPECT_TRUE(ingest->Commit(nullptr).ok());
  EXPECT_EQ(ingest->Commit(nullptr).code(), Code::kInternal);
}

TEST_F(StoreTest, WhatWasWrittenIsReadBeforeTheRestIs) {
  Blob begun, whole;
  {
    const auto ingest = *store_->Begin({});
    ASSERT_TRUE(ingest->Write("begin").ok());
    begun = ingest->Written().value();
    ASSERT_TRUE(ingest->Write("ning").ok());
    EXPECT_EQ(begun.ReadAll().value(), "begin");
    whole = ingest->Written().value();
    EXPECT_EQ(whole.ReadAll().value(), "beginning");
    EXPECT_EQ(ingest->Commit(nullptr).value(), Digest::Of("beginning"));
  }
  EXPECT_EQ(begun.ReadAll().value(), "begin");
  EXPECT_EQ(whole.ReadAll().value(), "beginning");
  EXPECT_EQ(store_->Open(Digest::Of("beginning"))->ReadAll().value(), "beginning");
}

TEST_F(StoreTest, WhatIsWrittenIsVerifiedBeforeItIsCommitted) {
  std::unique_ptr<Ingest> right = *store_->Begin({.expected = Digest::Of("right")});
  ASSERT_TRUE(right->Write("right").ok());
  EXPECT_TRUE(right->Verify().ok());
  EXPECT_EQ(right->Write("more").code(), Code::kInternal) << "what was verified stays";
  std::unique_ptr<Ingest> wrong = *store_->Begin({.expected = Digest::Of("right")});
  ASSERT_TRUE(wrong->Write("wrong").ok());
  EXPECT_EQ(wrong->Verify().code(), Code::kDataLoss);
  EXPECT_EQ(wrong->Commit(nullptr).code(), Code::kDataLoss);
  std::unique_ptr<Ingest> again = *store_->Begin({.expected = Digest::Of("right")});
  ASSERT_TRUE(again->Write("right").ok());
  EXPECT_TRUE(again->Verify().ok());
  EXPECT_EQ(*again->Commit(nullptr), Digest::Of("right"));
  EXPECT_EQ(Get(Digest::Of("right")), "right");
}

TEST_F(StoreTest, WhatIsSyncedLaterCanBeReadAtOnceAndComesToItsPlace) {
  Lease lease = *store_->NewLease("test");
  const Digest digest = *store_->Put("later", &lease, Durable::kSoon);
  EXPECT_EQ(Get(digest), "later");
  EXPECT_EQ(*store_->TotalBytes(), 5U);
  EXPECT_EQ(*store_->Put("later", nullptr, Durable::kSoon), digest) << "it is there already";
  EXPECT_TRUE(store_->AwaitSynced(lease, [] { return Status(); }).ok());
  EXPECT_TRUE(List("unsynced").empty()) << "whoever waits for the disk finds it there";
  const Blob open = *store_->Open(digest);
  lease = Lease();
  Reopen();  // what waits is synced before the store ends
  EXPECT_TRUE(List("unsynced").empty());
  EXPECT_EQ(List("blobs"), std::vector{digest.hex()});
  EXPECT_EQ(Get(digest), "later");
  EXPECT_EQ(open.ReadAll().ValueOr(""), "later");
}

TEST_F(StoreTest, WhatIsSyncedLaterCanBeCollectedBefore) {
  const Digest first = *store_->Put("first", nullptr, Durable::kSoon);
  Collect();
  EXPECT_EQ(Get(first), "<NOT_FOUND>");
  EXPECT_EQ(*store_->Put("first", nullptr, Durable::kSoon), first);
  EXPECT_EQ(Get(first), "first");
  Reopen();
  EXPECT_EQ(Get(first), "first");
}

TEST_F(StoreTest, LargeContentInManyWritesKeepsItsBytes) {
  std::string content;
  std::unique_ptr<Ingest> ingest = *store_->Begin({});
  for (size_t i = 0; content.size() < (20U << 20); ++i) {
    const std::string part(i % 700'000, static_cast<char>('a' + i % 26));
    ASSERT_TRUE(ingest->Write(part).ok());
    content += part;
    i = i * 3 + 1;
  }
  EXPECT_EQ(ingest->size(), content.size());
  const Digest digest = *ingest->Commit(nullptr);
  EXPECT_EQ(digest, Digest::Of(content));
  EXPECT_TRUE(Get(digest) == content) << "not printed: it is large";
}

TEST_F(StoreTest, TheSameContentIsKeptOnce) {
  Put("same");
  Put("same");
  PutPacked("same");
  EXPECT_EQ(*store_->TotalBytes(), 4U);
  EXPECT_EQ(List("blobs").size(), 1U);
  EXPECT_TRUE(List("packs").empty());
}

TEST_F(StoreTest, MissingKeepsTheOrderAndNamesEachOnce) {
  const Digest here = Put("here"), packed = PutPacked("packed");
  const Digest b = Digest::Of("b"), a = Digest::Of("a");
  const std::vector<Digest> asked = {b, here, a, b, packed, Digest::Of(""), a};
  EXPECT_EQ(*store_->Missing(asked, nullptr), (std::vector{b, a}));
  std::vector<Digest> sorted = asked;
  std::sort(sorted.begin(), sorted.end());
  EXPECT_EQ(*store_->Missing(sorted, nullptr), a < b ? (std::vector{a, b}) : (std::vector{b, a}));
}

TEST_F(StoreTest, MissingLeasesWhatIsThere) {
  const Digest blob = Put("here"), packed = PutPacked("packed");
  Lease lease = *store_->NewLease("test");
  ASSERT_TRUE(store_->Missing(std::array{blob, packed}, &lease)->empty());
  Collect();
  EXPECT_EQ(Get(blob), "here");
  EXPECT_EQ(Get(packed), "packed");
}

TEST_F(StoreTest, PutFileLinksAndLeavesTheSourceAlone) {
  const std::string source = fs::Join(dir_.path(), "source");
  ASSERT_TRUE(fs::WriteFileAtomic(source, "file content", 0640).ok());
  const Digest digest = *store_->PutFile(source, nullptr);
  EXPECT_EQ(digest, Digest::Of("file content"));
  EXPECT_EQ(Get(digest), "file content");
  struct stat st {};
  ASSERT_EQ(::stat(source.c_str(), &st), 0);
  EXPECT_EQ(st.st_nlink, 2U);
  EXPECT_EQ(st.st_mode & 0777, 0640U);
  EXPECT_EQ(*store_->PutFile(source, nullptr), digest);
  EXPECT_TRUE(List("ingest").empty());
  ASSERT_EQ(::unlink(source.c_str()), 0);
  EXPECT_EQ(Get(digest), "file content");
}

TEST_F(StoreTest, PutFileCopiesFromAnotherFileSystem) {
  auto other = fs::TempDir::Make("/dev/shm");
  if (!other.ok()) GTEST_SKIP() << "needs a second file system: " << other.status().message();
  const std::string source = fs::Join(other->path(), "source");
  const std::string content(3U << 20, 'c');
  ASSERT_TRUE(fs::WriteFileAtomic(source, content).ok());
  const Digest digest = *store_->PutFile(source, nullptr);
  EXPECT_TRUE(Get(digest) == content);
}

TEST_F(StoreTest, PutOpenFileTakesWhatIsOpenAndNotWhatIsAtItsPath) {
  const std::string source = fs::Join(dir_.path(), "source");
  ASSERT_TRUE(fs::WriteFileAtomic(source, "one").ok());
  const UniqueFd fd = fs::Open(source, O_RDONLY).value();
  ASSERT_TRUE(fs::WriteFileAtomic(source, "another").ok());
  EXPECT_EQ(*store_->PutOpenFile(fd.get(), 3, nullptr), Digest::Of("one"));
  EXPECT_EQ(Get(Digest::Of("one")), "one");
  EXPECT_EQ(store_->PutOpenFile(fd.get(), 7, nullptr).code(), Code::kDataLoss);
  EXPECT_TRUE(List("ingest").empty());
}

TEST_F(StoreTest, PutFileTakesRegularFilesOnly) {
  const std::string target = fs::Join(dir_.path(), "target"), link = fs::Join(dir_.path(), "link");
  const std::string pipe = fs::Join(dir_.path(), "pipe");
  ASSERT_TRUE(fs::WriteFileAtomic(target, "x").ok());
  ASSERT_EQ(::symlink(target.c_str(), link.c_str()), 0);
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_EQ(store_->PutFile(link, nullptr).code(), Code::kInvalidArgument);
  EXPECT_EQ(store_->PutFile(pipe, nullptr).code(), Code::kInvalidArgument);
  EXPECT_EQ(store_->PutFile(dir_.path(), nullptr).code(), Code::kInvalidArgument);
  EXPECT_EQ(store_->PutFile(fs::Join(dir_.path(), "none"), nullptr).code(), Code::kNotFound);
  EXPECT_TRUE(List("ingest").empty());
}

TEST_F(StoreTest, AFileRemovedByOthersIsForgotten) {
  const Digest digest = Put("gone");
  ASSERT_EQ(::unlink(BlobPath(digest).c_str()), 0);
  EXPECT_EQ(Get(digest), "<NOT_FOUND>");
  EXPECT_FALSE(store_->Has(digest)) << "so that the next run fetches it again";
  Put("gone");
  EXPECT_EQ(Get(digest), "gone");
}

// A limit on the size of files fails a write in the middle, as a full disk does.
TEST_F(StoreTest, AFullDiskIsResourceExhaustedAndLeavesNothing) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto on_signal = std::signal(SIGXFSZ, SIG_IGN);
  Cleanup restore([&] {
    ::setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, on_signal);
  });
  rlimit tight = before;
  tight.rlim_cur = 1U << 20;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);

  const std::string big(3U << 20, 'b');
  EXPECT_EQ(store_->Put(big, nullptr).code(), Code::kResourceExhausted);
  {
    std::unique_ptr<BatchIngest> batch = *store_->BeginBatch();
    Status status;
    for (int i = 0; status.ok() && i < 100; ++i)
      status = batch->Add(std::string(100'000, static_cast<char>(i))).status();
    EXPECT_EQ(status.code(), Code::kResourceExhausted);
    EXPECT_EQ(batch->Commit(nullptr).code(), Code::kResourceExhausted);
  }
  EXPECT_TRUE(List("ingest").empty());
  EXPECT_FALSE(store_->Has(Digest::Of(big)));
  restore.Run();
  EXPECT_TRUE(Get(Put(big)) == big);
}

TEST_F(StoreTest, ThreadsWriteReadAndCollectTheSameContent) {
  constexpr int kThreads = 4;
  constexpr int kRounds = 60;
  std::atomic<int> failures = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kRounds; ++i) {
        // Few different contents, so that the threads meet; leased, so that each must be readable whatever others do.
        Lease lease = *store_->NewLease("test");
        const std::string content = fmt::format("content {}", i % 5);
        Digest digest;
        if ((i + t) % 2 == 0) {
          digest = *store_->Put(content, &lease);
        } else {
          std::unique_ptr<BatchIngest> batch = *store_->BeginBatch();
          digest = *batch->Add(content);
          if (!batch->Commit(&lease).ok()) ++failures;
        }
        if (Get(digest) != content) ++failures;
        if (t == 0 && !store_->Collect(Context::Background(), {}, {}).ok()) ++failures;
        if (Get(digest) != content) ++failures;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failures, 0);
  Collect();
  EXPECT_EQ(*store_->TotalBytes(), 0U);
  EXPECT_TRUE(List("blobs").empty());
  EXPECT_TRUE(List("packs").empty());
}

}  // namespace
}  // namespace slipway::content
