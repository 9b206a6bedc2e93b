#include <gtest/gtest.h>

#include "executor/base/fs.h"
#include "executor/db/database.h"

namespace slipway::db {
namespace {

class StatementTest : public ::testing::Test {
 protected:
  void SetUp() override {
    dir_ = *fs::TempDir::Make();
    database_ = *Database::Open(fs::Join(dir_.path(), "test.db"));
    ASSERT_TRUE(database_->Run("CREATE TABLE t (a, b)").ok());
  }

  // Stores a value and reads it back as T.
  template <typename T, typename V>
  T RoundTrip(const V& value) {
    EXPECT_TRUE(database_->Run("DELETE FROM t").ok());
    Status status = database_->Run("INSERT INTO t (a) VALUES (?)", value);
    EXPECT_TRUE(status.ok()) << status.ToString();
    Session session = *database_->Read();
    Statement rows = *session.Query("SELECT a FROM t");
    EXPECT_TRUE(rows.Next());
    T out = rows.Get<T>(0);
    EXPECT_FALSE(rows.Next());
    EXPECT_TRUE(rows.Finish().ok());
    return out;
  }

  fs::TempDir dir_;
  std::unique_ptr<Database> database_;
};

TEST_F(StatementTest, IntegersComeBackAsTheyWere) {
  EXPECT_EQ(RoundTrip<int>(-7), -7);
  EXPECT_EQ(RoundTrip<int64_t>(INT64_MIN), INT64_MIN);
  EXPECT_EQ(RoundTrip<uint64_t>(UINT64_MAX), UINT64_MAX);
  EXPECT_EQ(RoundTrip<uint32_t>(UINT32_MAX), UINT32_MAX);
  EXPECT_TRUE(RoundTrip<bool>(true));
}

TEST_F(StatementTest, IntegersOutOfRangeAreClamped) {
  EXPECT_EQ(RoundTrip<int32_t>(INT64_MAX), INT32_MAX);
  EXPECT_EQ(RoundTrip<uint32_t>(-1), 0U);
}

TEST_F(StatementTest, TextAndBytesKeepEveryByte) {
  const std::string odd("a\0b\xff", 4);
  EXPECT_EQ(RoundTrip<std::string>(odd), odd);
  EXPECT_EQ(RoundTrip<std::string>(Bytes{odd}), odd);
  EXPECT_EQ(RoundTrip<std::string>("literal"), "literal");
}

TEST_F(StatementTest, EmptyTextIsNotNull) {
  EXPECT_EQ(RoundTrip<std::optional<std::string>>(std::string_view()), "");
  EXPECT_EQ(RoundTrip<std::optional<std::string>>(Bytes{}), "");
  EXPECT_EQ(RoundTrip<std::optional<std::string>>(nullptr), std::nullopt);
}

TEST_F(StatementTest, OptionalIsNullWhenAbsent) {
  EXPECT_EQ(RoundTrip<std::optional<int>>(std::optional<int>()), std::nullopt);
  EXPECT_EQ(RoundTrip<std::optional<int>>(std::optional<int>(3)), 3);
  EXPECT_EQ(RoundTrip<int>(nullptr), 0);
}

TEST_F(StatementTest, DigestIsStoredAsBytes) {
  const Digest digest = Digest::Of("x");
  EXPECT_EQ(RoundTrip<Digest>(digest), digest);
  EXPECT_EQ(RoundTrip<std::string>(digest).size(), Digest::kSize);
  EXPECT_TRUE(RoundTrip<Digest>(Digest()).empty());
  EXPECT_TRUE(RoundTrip<Digest>("no digest").empty());
}

TEST_F(StatementTest, TimesAndRealsKeepTheirPrecision) {
  const SystemTime time{std::chrono::nanoseconds(1'700'000'000'123'456'789)};
  EXPECT_EQ(RoundTrip<SystemTime>(time), time);
  EXPECT_EQ(RoundTrip<double>(0.1), 0.1);
}

TEST_F(StatementTest, TheSamePreparedStatementServesAgainWithOtherValues) {
  Transaction tx = *database_->Begin();
  Statement insert = *tx.Prepare("INSERT INTO t (a, b) VALUES (?, ?)");
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(insert.Bind(i, i * 10).ok());
    ASSERT_TRUE(insert.Run().ok());
  }
  Statement rows = *tx.Query("SELECT b FROM t WHERE a >= ? ORDER BY a", 1);
  std::vector<int> seen;
  while (rows.Next()) seen.push_back(rows.Get<int>(0));
  EXPECT_TRUE(rows.Finish().ok());
  EXPECT_EQ(seen, (std::vector<int>{10, 20}));
  EXPECT_FALSE(rows.Next()) << "a finished reading does not begin again";
}

TEST_F(StatementTest, TheSameSqlMayBeReadInsideItself) {
  ASSERT_TRUE(database_->Run("INSERT INTO t (a) VALUES (1), (2)").ok());
  Session session = *database_->Read();
  Statement outer = *session.Query("SELECT a FROM t");
  int pairs = 0;
  while (outer.Next()) {
    Statement inner = *session.Query("SELECT a FROM t");
    while (inner.Next()) ++pairs;
    EXPECT_TRUE(inner.Finish().ok());
  }
  EXPECT_TRUE(outer.Finish().ok());
  EXPECT_EQ(pairs, 4);
}

TEST_F(StatementTest, AWrongNumberOfValuesIsOurBug) {
  EXPECT_EQ(database_->Run("INSERT INTO t (a, b) VALUES (?, ?)", 1).code(), Code::kInternal);
  EXPECT_EQ(database_->Run("INSERT INTO t (a) VALUES (?)", 1, 2).code(), Code::kInternal);
}

TEST_F(StatementTest, BadSqlNamesTheSqlAndTheFile) {
  Status status = database_->Run("SELEC\n  1");
  EXPECT_EQ(status.code(), Code::kInternal);
  EXPECT_NE(status.message().find("SELEC 1"), std::string::npos) << status.message();
  EXPECT_NE(status.message().find("test.db"), std::string::npos) << status.message();
  EXPECT_EQ(database_->Run("  ").code(), Code::kInternal);
}

TEST_F(StatementTest, ManyDifferentStatementsDoNotPileUp) {
  Session session = *database_->Read();
  for (int i = 0; i < 1000; ++i) {
    Statement rows = *session.Query(fmt::format("SELECT {}", i));
    ASSERT_TRUE(rows.Next());
    ASSERT_EQ(rows.Get<int>(0), i);
    ASSERT_TRUE(rows.Finish().ok());
  }
}

}  // namespace
}  // namespace slipway::db
