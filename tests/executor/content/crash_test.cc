// What a crash leaves, and what a store makes of it when it is opened.
#include <sys/wait.h>

#include <csignal>

#include "executor/db/database.h"
#include "tests/executor/content/store_fixture.h"

namespace slipway::content {
namespace {

class CrashTest : public StoreTest {};

TEST_F(CrashTest, UnfinishedWritesAreSwept) {
  ASSERT_TRUE(fs::WriteFileAtomic(Path("ingest/17"), "half").ok());
  ASSERT_TRUE(fs::MakeDirs(Path("ingest/odd")).ok());
  Reopen();
  EXPECT_TRUE(List("ingest").empty());
}

TEST_F(CrashTest, WhatHadNotReachedTheDiskIsKeptIfItIsWhole) {
  const Digest whole = Digest::Of("whole"), torn = Digest::Of("torn"), emptied = Digest::Of("emptied");
  store_.reset();
  ASSERT_TRUE(fs::WriteFileAtomic(Path("unsynced/" + whole.hex() + ".7"), "whole").ok());
  ASSERT_TRUE(fs::WriteFileAtomic(Path("unsynced/" + torn.hex() + ".8"), std::string("to\0\0", 4)).ok());
  ASSERT_TRUE(fs::WriteFileAtomic(Path("unsynced/" + emptied.hex() + ".9"), "").ok());
  ASSERT_TRUE(fs::WriteFileAtomic(Path("unsynced/strange"), "strange").ok());
  Reopen();
  EXPECT_EQ(Get(whole), "whole");
  EXPECT_FALSE(store_->Has(torn));
  EXPECT_FALSE(store_->Has(emptied));
  EXPECT_TRUE(List("unsynced").empty());
  EXPECT_EQ(List("blobs"), std::vector{whole.hex()});
}

TEST_F(CrashTest, APackThatHadNotReachedTheDiskIsKeptIfAllOfItIsWhole) {
  using Contents = std::vector<std::string>;
  const std::vector<Digest> whole = PutPacked(Contents{"whole", "too"}), torn = PutPacked(Contents{"torn", "with it"});
  const std::vector<std::string> names = List("packs");
  store_.reset();
  for (const std::string& name : names) ASSERT_TRUE(fs::Rename(Path("packs/" + name), Path("unsynced/" + name)).ok());
  // The table is there, and of what it names a part is not.
  std::string bytes = *fs::ReadFile(Path("unsynced/" + names[1]));
  bytes.replace(bytes.find("torn"), 4, 4, '\0');
  ASSERT_TRUE(fs::WriteFileAtomic(Path("unsynced/" + names[1]), bytes).ok());
  ASSERT_TRUE(fs::WriteFileAtomic(Path("unsynced/0000000000000007.pack"), "").ok());
  Reopen();
  EXPECT_EQ(Get(whole[0]) + Get(whole[1]), "wholetoo");
  EXPECT_EQ(Get(torn[0]), "<NOT_FOUND>");
  EXPECT_EQ(Get(torn[1]), "<NOT_FOUND>");
  EXPECT_TRUE(List("unsynced").empty());
  EXPECT_EQ(List("packs"), std::vector{names[0]});
}

TEST_F(CrashTest, AFileWithoutARecordIsAdopted) {
  // Renamed to its place and then the power went, before anything was noted.
  const Digest digest = Digest::Of("orphan");
  ASSERT_TRUE(fs::WriteFileAtomic(BlobPath(digest), "orphan").ok());
  Reopen();
  EXPECT_EQ(Get(digest), "orphan");
  EXPECT_EQ(*store_->TotalBytes(), 6U);
}

TEST_F(CrashTest, ARecordWithoutAFileIsForgotten) {
  const Digest blob = Put("blob"), packed = PutPacked("packed");
  Reopen();
  ASSERT_TRUE(fs::RemoveAll(BlobPath(blob)).ok());
  ASSERT_TRUE(fs::RemoveAll(Path("packs/" + List("packs")[0])).ok());
  Reopen();
  EXPECT_FALSE(store_->Has(blob));
  EXPECT_FALSE(store_->Has(packed));
  EXPECT_EQ(*store_->TotalBytes(), 0U);
}

TEST_F(CrashTest, ABlobThatLostBytesIsRemoved) {
  const Digest shorter = Put("0123456789"), emptied = Digest::Of("other");
  ASSERT_TRUE(fs::WriteFileAtomic(BlobPath(emptied), "").ok());
  Reopen();
  ASSERT_EQ(::truncate(BlobPath(shorter).c_str(), 3), 0);
  Reopen();
  EXPECT_FALSE(store_->Has(shorter));
  EXPECT_FALSE(store_->Has(emptied));
  EXPECT_TRUE(List("blobs").empty());
}

TEST_F(CrashTest, ADamagedPackIsRemovedAndTheOthersStay) {
  const Digest lost = PutPacked("lost"), kept = PutPacked("kept");
  const std::string path = Path("packs/" + List("packs")[0]);
  const std::string bytes = *fs::ReadFile(path);
  ASSERT_TRUE(fs::WriteFileAtomic(path, bytes.substr(0, bytes.size() - 1)).ok());
  Reopen();
  EXPECT_EQ(Get(lost), "<NOT_FOUND>");
  EXPECT_EQ(Get(kept), "kept");
}

TEST_F(CrashTest, FilesOfOthersAreLeftAlone) {
  ASSERT_TRUE(fs::WriteFileAtomic(Path("blobs/notes.txt"), "mine").ok());
  ASSERT_TRUE(fs::WriteFileAtomic(Path("packs/notes.txt"), "mine").ok());
  Reopen();
  EXPECT_EQ(*store_->TotalBytes(), 0U);
  Collect();
  EXPECT_TRUE(fs::Exists(Path("blobs/notes.txt")));
  EXPECT_TRUE(fs::Exists(Path("packs/notes.txt")));
}

TEST_F(CrashTest, ALostLogOfUsesLosesNoContent) {
  const Digest blob = Put("blob"), packed = PutPacked("packed");
  store_.reset();
  for (const char* suffix : {"", "-wal", "-shm"}) ASSERT_TRUE(fs::RemoveAll(Path("uses.db") + suffix).ok());
  ASSERT_TRUE(fs::WriteFileAtomic(Path("uses.db"), std::string(5000, 'x')).ok());
  Reopen();
  EXPECT_EQ(Get(blob) + Get(packed), "blobpacked");
}

TEST_F(CrashTest, AStoreOfANewerProgramIsRefused) {
  store_.reset();
  {
    auto database = *db::Database::Open(Path("uses.db"));
    ASSERT_TRUE(database->Run("PRAGMA user_version = 99").ok());
  }
  EXPECT_EQ(Store::Open(root_).code(), Code::kFailedPrecondition);
}

TEST_F(CrashTest, ContentInTwoPacksCountsOnce) {
  // A rewrite that was cut off between the new pack and the removal of the old one leaves both.
  PutPacked("twice");
  const std::string first = Path("packs/" + List("packs")[0]);
  ASSERT_TRUE(fs::WriteFileAtomic(Path("packs/9999999999999999.pack"), *fs::ReadFile(first)).ok());
  Reopen();
  EXPECT_EQ(Get(Digest::Of("twice")), "twice");
  Collect({.keep_bytes = 1 << 20});
  EXPECT_EQ(List("packs").size(), 1U);
  EXPECT_EQ(Get(Digest::Of("twice")), "twice");
}

// Writes without end until it is killed; says each digest on `out` once the store has said that it is there.
[[noreturn]] void WriteUntilKilled(const std::string& root, int out) {
  auto store = Store::Open(root);
  for (int i = 0; store.ok(); ++i) {
    Lease lease = *(*store)->NewLease("writer");
    std::string said;
    if (i % 3 == 0) {
      const Durable durable = i % 2 == 0 ? Durable::kAtCommit : Durable::kSoon;
      said = (*store)->Put(fmt::format("blob {}", i), &lease, durable)->hex() + "\n";
    } else {
      auto batch = *(*store)->BeginBatch(i % 2 == 0 ? Durable::kAtCommit : Durable::kSoon);
      for (int k = 0; k < 5; ++k) said += batch->Add(fmt::format("packed {} {}", i, k))->hex() + "\n";
      if (!batch->Commit(&lease).ok()) break;
    }
    if (!fs::WriteAll(out, said).ok()) break;
    if (i % 20 == 19) (*store)->Collect(Context::Background(), {.keep_bytes = 1U << 20}, {}).status().Ignore();
  }
  ::_exit(1);
}

TEST_F(CrashTest, WhatWasSaidToBeThereIsThereAfterAKill) {
  store_.reset();
  for (int round = 0; round < 4; ++round) {
    std::array<int, 2> fds{};
    ASSERT_EQ(::pipe(fds.data()), 0);
    const pid_t child = ::fork();
    if (child == 0) WriteUntilKilled(root_, fds[1]);
    UniqueFd in(fds[0]);
    ::close(fds[1]);
    std::string said;
    std::string buffer(4096, '\0');
    while (said.size() < 65U * 150) {
      const ssize_t n = ::read(in.get(), buffer.data(), buffer.size());
      ASSERT_GT(n, 0) << "the writer failed";
      said.append(buffer, 0, static_cast<size_t>(n));
    }
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    Reopen();
    for (size_t at = 0; at + 65 <= said.size(); at += 65) {
      const Digest digest = *Digest::Parse("sha256:" + said.substr(at, 64));
      EXPECT_EQ(Digest::Of(Get(digest)), digest);
    }
    EXPECT_TRUE(List("ingest").empty());
    store_.reset();
  }
}

}  // namespace
}  // namespace slipway::content
