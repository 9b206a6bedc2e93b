#include "executor/db/database.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "executor/base/cleanup.h"
#include "executor/base/fs.h"

namespace slipway::db {
namespace {

class DatabaseTest : public ::testing::Test {
 protected:
  std::unique_ptr<Database> Open(const Options& options = {}) {
    auto database = Database::Open(path_, options);
    EXPECT_TRUE(database.ok()) << database.status().ToString();
    return std::move(database).value();
  }
  static int64_t Count(Database& database) {
    Session session = *database.Read();
    return Count(session);
  }
  static int64_t Count(Access& access) {
    Statement rows = *access.Query("SELECT count(*) FROM t");
    EXPECT_TRUE(rows.Next());
    const auto count = rows.Get<int64_t>(0);
    EXPECT_TRUE(rows.Finish().ok());
    return count;
  }

  fs::TempDir dir_ = *fs::TempDir::Make();
  const std::string path_ = fs::Join(dir_.path(), "test.db");
};

constexpr Migration kFirst{
    .version = 1, .sql = "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT UNIQUE); INSERT INTO t VALUES (1, 'x');"};
constexpr Migration kSecond{.version = 2, .sql = "ALTER TABLE t ADD COLUMN c; UPDATE t SET c = 'new';"};

TEST_F(DatabaseTest, FileIsForItsOwnerOnly) {
  auto database = Open();
  ASSERT_TRUE(database->Migrate(std::array{kFirst}).ok());
  for (const char* suffix : {"", "-wal", "-shm"}) {
    struct stat st {};
    ASSERT_EQ(::stat((path_ + suffix).c_str(), &st), 0) << suffix;
    EXPECT_EQ(st.st_mode & 0777, 0600U) << suffix;
  }
}

TEST_F(DatabaseTest, CommittedRowsAreThereAfterReopening) {
  ASSERT_TRUE(Open()->Migrate(std::array{kFirst}).ok());
  EXPECT_EQ(Count(*Open()), 1);
}

TEST_F(DatabaseTest, WhatIsCommittedForLaterIsSeenAtOnceAndThereAfterReopening) {
  {
    auto database = Open();
    ASSERT_TRUE(database->Migrate(std::array{kFirst}).ok());
    Transaction tx = *database->Begin();
    ASSERT_TRUE(tx.Run("INSERT INTO t VALUES (2, 'later')").ok());
    ASSERT_TRUE(tx.CommitLater().ok());
    EXPECT_EQ(tx.Commit().code(), Code::kInternal) << "it has ended";
    EXPECT_EQ(Count(*database), 2);
  }
  EXPECT_EQ(Count(*Open()), 2);
}

TEST_F(DatabaseTest, WhatBeginsWithACommitSeesItAndMayWrite) {
  auto database = Open();
  ASSERT_TRUE(database->Migrate(std::array{kFirst}).ok());
  int64_t seen = 0;
  Transaction tx = *database->Begin();
  ASSERT_TRUE(tx.Run("INSERT INTO t VALUES (2, 'seen')").ok());
  ASSERT_TRUE(tx.Commit([&] {
                  seen = Count(*database);
                  EXPECT_TRUE(database->Run("INSERT INTO t VALUES (3, 'meanwhile')").ok());
                }).ok());
  EXPECT_EQ(seen, 2);
  EXPECT_EQ(Count(*database), 3);
  bool called = false;
  EXPECT_FALSE(tx.Commit([&] { called = true; }).ok()) << "it has ended";
  EXPECT_FALSE(called);
}

// What a crash leaves: the files as they are while the database is open.
TEST_F(DatabaseTest, TheLogHasItsRoomAndIsReadToItsLastCommit) {
  const std::string copy = fs::Join(dir_.path(), "copy.db");
  {
    auto database = Open();
    ASSERT_TRUE(database->Migrate(std::array{kFirst}).ok());
    struct stat before {};
    ASSERT_EQ(::stat((path_ + "-wal").c_str(), &before), 0);
    EXPECT_GE(before.st_size, 4 << 20);
    for (int i = 2; i <= 20; ++i) {
      ASSERT_TRUE(database->Run("INSERT INTO t VALUES (?, ?)", i, fmt::format("{}{}", i, std::string(3000, 'x'))).ok());
    }
    struct stat after {};
    ASSERT_EQ(::stat((path_ + "-wal").c_str(), &after), 0);
    EXPECT_EQ(after.st_size, before.st_size) << "it is written over, not on";
    for (const char* suffix : {"", "-wal"}) {
      ASSERT_TRUE(std::filesystem::copy_file(path_ + suffix, copy + suffix));
    }
  }
  auto recovered = *Database::Open(copy);
  EXPECT_EQ(Count(*recovered), 20);
  ASSERT_TRUE(recovered->Run("INSERT INTO t VALUES (21, 'on')").ok());
  recovered.reset();
  EXPECT_EQ(Count(**Database::Open(copy)), 21);
}

// Somebody who looks into the database with SQLite's own program, and closes it, removes the log unless a lock says
// that it is in use.
TEST_F(DatabaseTest, AFileThatIsOpenTwiceStaysLockedForOtherProcesses) {
  const auto first = Open();
  const auto second = Open();
  const UniqueFd file(::open(path_.c_str(), O_RDWR | O_CLOEXEC));
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = (1 << 30) + 2;  // where SQLite has the locks of its readers
  lock.l_len = 510;
  ASSERT_EQ(::fcntl(file.get(), F_OFD_GETLK, &lock), 0);
  EXPECT_EQ(lock.l_type, F_RDLCK);
}

TEST_F(DatabaseTest, CommitsOfManyThreadsThatShareSyncsAreAllThere) {
  constexpr int kThreads = 8;
  constexpr int kEach = 20;
  auto database = Open();
  ASSERT_TRUE(database->Migrate(std::array{kFirst}).ok());
  std::atomic<int> failed = 0;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < kEach; ++i) {
        Transaction tx = *database->Begin();
        const bool good = tx.Run("INSERT INTO t VALUES (?, NULL)", 100 + thread * kEach + i).ok() &&
                          (i % 3 == 0 ? tx.CommitLater() : tx.Commit()).ok();
        if (!good) ++failed;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(Count(*database), 1 + kThreads * kEach);
  database.reset();
  EXPECT_EQ(Count(*Open()), 1 + kThreads * kEach);
}

TEST_F(DatabaseTest, ATransactionLeftWithoutCommitChangesNothing) {
  auto database = Open();
  ASSERT_TRUE(database->Migrate(std::array{kFirst}).ok());
  {
    Transaction tx = *database->Begin();
    ASSERT_TRUE(tx.Run("INSERT INTO t (b) VALUES ('y')").ok());
    EXPECT_EQ(tx.changes(), 1);
    EXPECT_EQ(tx.last_insert_id(), 2);
    EXPECT_EQ(Count(tx), 2);
    EXPECT_EQ(Count(*database), 1) << "readers see what is committed";
  }
  EXPECT_EQ(Count(*database), 1);
}

TEST_F(DatabaseTest, AnEndedTransactionCannotBeCommitted) {
  auto database = Open();
  Transaction tx = *database->Begin();
  ASSERT_TRUE(tx.Commit().ok());
  EXPECT_EQ(tx.Commit().code(), Code::kInternal);
  EXPECT_TRUE(database->Begin().ok()) << "the writer is free again";
}

TEST_F(DatabaseTest, ASessionSeesOneState) {
  auto database = Open();
  ASSERT_TRUE(database->Migrate(std::array{kFirst}).ok());
  Session session = *database->Read();
  EXPECT_EQ(Count(session), 1);
  ASSERT_TRUE(database->Run("INSERT INTO t (b) VALUES ('y')").ok());
  EXPECT_EQ(Count(session), 1);
  EXPECT_EQ(Count(*database), 2);
}

TEST_F(DatabaseTest, ASessionCannotWrite) {
  auto database = Open();
  ASSERT_TRUE(database->Migrate(std::array{kFirst}).ok());
  Session session = *database->Read();
  Statement insert = *session.Query("INSERT INTO t (b) VALUES ('y')");
  EXPECT_EQ(insert.Run().code(), Code::kPermissionDenied);
}

TEST_F(DatabaseTest, ATakenKeyIsAlreadyExists) {
  auto database = Open();
  ASSERT_TRUE(database->Migrate(std::array{kFirst}).ok());
  EXPECT_EQ(database->Run("INSERT INTO t (b) VALUES ('x')").code(), Code::kAlreadyExists);
  EXPECT_EQ(database->Run("INSERT INTO t (a) VALUES (1)").code(), Code::kAlreadyExists);
  EXPECT_TRUE(database->Run("INSERT INTO t (b) VALUES ('y')").ok());
}

TEST_F(DatabaseTest, ForeignKeysAreEnforced) {
  auto database = Open();
  ASSERT_TRUE(database->Migrate(std::array{kFirst}).ok());
  ASSERT_TRUE(database->Run("CREATE TABLE child (a REFERENCES t (a))").ok());
  EXPECT_EQ(database->Run("INSERT INTO child VALUES (99)").code(), Code::kFailedPrecondition);
}

TEST_F(DatabaseTest, MigrationsRunOnceAndInOrder) {
  ASSERT_TRUE(Open()->Migrate(std::array{kFirst}).ok());
  auto database = Open();
  ASSERT_TRUE(database->Migrate(std::array{kFirst, kSecond}).ok());
  ASSERT_TRUE(database->Migrate(std::array{kFirst, kSecond}).ok());
  Session session = *database->Read();
  Statement rows = *session.Query("SELECT c FROM t");
  ASSERT_TRUE(rows.Next());
  EXPECT_EQ(rows.Get<std::string>(0), "new");
}

TEST_F(DatabaseTest, AFailedMigrationLeavesTheVersionBefore) {
  auto database = Open();
  constexpr Migration kBroken{.version = 2, .sql = "CREATE TABLE half (a); INSERT INTO nowhere VALUES (1);"};
  Status status = database->Migrate(std::array{kFirst, kBroken});
  EXPECT_EQ(status.code(), Code::kInternal);
  EXPECT_NE(status.message().find("schema version 2"), std::string::npos) << status.message();
  EXPECT_TRUE(database->Migrate(std::array{kFirst, kSecond}).ok());
  EXPECT_TRUE(database->Run("CREATE TABLE half (a)").ok()) << "nothing of the failed script is left";
}

TEST_F(DatabaseTest, ANewerSchemaIsRefusedInClearWords) {
  ASSERT_TRUE(Open()->Migrate(std::array{kFirst, kSecond}).ok());
  Status status = Open()->Migrate(std::array{kFirst});
  EXPECT_EQ(status.code(), Code::kFailedPrecondition);
  EXPECT_NE(status.message().find("schema version 2"), std::string::npos) << status.message();
  EXPECT_NE(status.message().find("newer program"), std::string::npos) << status.message();
}

TEST_F(DatabaseTest, AFileThatIsNoDatabaseIsDataLossAndStaysAsItIs) {
  const std::string text(8192, 'x');
  ASSERT_TRUE(fs::WriteFileAtomic(path_, text).ok());
  EXPECT_EQ(Database::Open(path_).code(), Code::kDataLoss);
  EXPECT_EQ(*fs::ReadFile(path_), text);
}

TEST_F(DatabaseTest, ADamagedCacheStartsAfresh) {
  ASSERT_TRUE(fs::WriteFileAtomic(path_, std::string(8192, 'x')).ok());
  auto database = Open({.durability = Durability::kCache, .on_damage = OnDamage::kDiscard});
  ASSERT_TRUE(database->Migrate(std::array{kFirst}).ok());
  EXPECT_EQ(Count(*database), 1);
}

TEST_F(DatabaseTest, ACacheFoundDamagedInUseStartsAfreshNextTime) {
  const Options options{.on_damage = OnDamage::kDiscard};
  {
    auto database = Open(options);
    ASSERT_TRUE(database->Migrate(std::array{kFirst}).ok());
    const std::string big(1 << 20, 'b');
    ASSERT_TRUE(database->Run("INSERT INTO t (b) VALUES (?)", big).ok());
  }
  // The first page (header and schema) stays good, so opening does not notice.
  std::string bytes = *fs::ReadFile(path_);
  std::fill(bytes.begin() + 4096, bytes.end(), '\x5a');
  ASSERT_TRUE(fs::WriteFileAtomic(path_, bytes).ok());
  {
    auto database = Open(options);
    Session session = *database->Read();
    Statement rows = *session.Query("SELECT sum(length(b)) FROM t");
    EXPECT_FALSE(rows.Next());
    EXPECT_EQ(rows.Finish().code(), Code::kDataLoss);
  }
  auto database = Open(options);
  ASSERT_TRUE(database->Migrate(std::array{kFirst}).ok());
  EXPECT_EQ(Count(*database), 1);
}

TEST_F(DatabaseTest, AMissingFolderIsNotFound) {
  EXPECT_EQ(Database::Open(fs::Join(dir_.path(), "no/such/test.db")).code(), Code::kNotFound);
}

TEST_F(DatabaseTest, ALockHeldElsewhereIsUnavailable) {
  auto database = Open({.busy_timeout = std::chrono::milliseconds(1)});
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &other), SQLITE_OK);
  Cleanup close([other] { sqlite3_close(other); });
  ASSERT_EQ(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  EXPECT_EQ(database->Run("CREATE TABLE t (a)").code(), Code::kUnavailable);
  ASSERT_EQ(sqlite3_exec(other, "COMMIT", nullptr, nullptr, nullptr), SQLITE_OK);
  EXPECT_TRUE(database->Run("CREATE TABLE t (a)").ok());
}

TEST_F(DatabaseTest, AFullDiskIsResourceExhaustedAndTheNextWriteWorks) {
  auto database = Open();
  ASSERT_TRUE(database->Migrate(std::array{kFirst}).ok());
  const std::string big(1 << 20, 'b');
  ASSERT_TRUE(database->Run("PRAGMA max_page_count = 50").ok());  // the file may not grow: what a full disk does
  Status status = database->Run("INSERT INTO t (b) VALUES (?)", big);
  EXPECT_EQ(status.code(), Code::kResourceExhausted) << status.ToString();
  EXPECT_TRUE(database->Run("INSERT INTO t (b) VALUES ('small')").ok());
  EXPECT_EQ(Count(*database), 2);
}

TEST_F(DatabaseTest, ManyThreadsReadAndWrite) {
  auto database = Open({.durability = Durability::kCache, .readers = 2});
  ASSERT_TRUE(database->Migrate(std::array{kFirst}).ok());
  constexpr int kThreads = 6;
  constexpr int kEach = 30;
  std::atomic<int> failures = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        if (!database->Run("INSERT INTO t (b) VALUES (?)", fmt::format("{}-{}", t, i)).ok()) ++failures;
        auto session = database->Read();
        if (!session.ok() || Count(*session) < i) ++failures;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failures, 0);
  EXPECT_EQ(Count(*database), 1 + kThreads * kEach);
}

}  // namespace
}  // namespace slipway::db
