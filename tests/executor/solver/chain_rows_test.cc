// Chains as rows: what is stored is read, once, and a chain that grows is not looked up from its beginning each time.
#include "executor/solver/chain_rows.h"

#include <gtest/gtest.h>

#include "executor/base/fs.h"

namespace slipway::solver {
namespace {

constexpr db::Migration kSchema[] = {
    {.version = 1,
     .sql = "CREATE TABLE chain (id INTEGER PRIMARY KEY, parent INTEGER NOT NULL, layer TEXT NOT NULL, "
            "UNIQUE (parent, layer)); CREATE TABLE record (chain INTEGER NOT NULL);"},
};

class ChainRowsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    dir_ = fs::TempDir::Make().value();
    db_ = db::Database::Open(dir_.path() + "/chains.db", {.durability = db::Durability::kCache}).value();
    ASSERT_TRUE(db_->Migrate(kSchema).ok());
  }
  int64_t Store(ChainRows& rows, const layer::Chain& chain, bool commit = true) {
    db::Transaction tx = db_->Begin().value();
    const auto stored = rows.Store(tx, chain);
    EXPECT_TRUE(stored.ok()) << stored.status().message();
    const int64_t id = stored.ok() ? *stored : -1;
    EXPECT_TRUE(tx.Run("INSERT INTO record (chain) VALUES (?)", id).ok());
    EXPECT_TRUE(!commit || tx.Commit().ok());
    return id;
  }
  layer::Chain Read(int64_t id) {
    db::Session session = db_->Read().value();
    return ChainRows::Read(session, id).ValueOr({"nothing"});
  }
  int64_t Count() {
    db::Session session = db_->Read().value();
    db::Statement rows = session.Query("SELECT count(*) FROM chain").value();
    return rows.Next() ? rows.Get<int64_t>(0) : -1;
  }

  fs::TempDir dir_;
  std::unique_ptr<db::Database> db_;
  ChainRows rows_;
};

TEST_F(ChainRowsTest, WhatIsStoredIsRead) {
  const int64_t id = Store(rows_, {"base", "one", "two"});
  EXPECT_EQ(Read(id), (layer::Chain{"base", "one", "two"}));
  EXPECT_EQ(Store(rows_, {"base", "one", "two"}), id);
  EXPECT_EQ(Store(rows_, {}), 0);
  EXPECT_EQ(Read(0), layer::Chain{});
  EXPECT_EQ(Count(), 3);
}

TEST_F(ChainRowsTest, AStepAsksForItsLastLayersOnly) {
  layer::Chain chain;
  for (int i = 0; i < 120; ++i) {
    chain.push_back(fmt::format("layer {}", i));
    EXPECT_EQ(Read(Store(rows_, chain)), chain);
  }
  EXPECT_LE(rows_.asked(), 240U);
  EXPECT_EQ(Count(), 120);
  // Also where another wrote them, in another life of the daemon.
  ChainRows later;
  for (int i = 0; i < 120; ++i) Store(later, chain);
  EXPECT_EQ(later.asked(), 120U);
  EXPECT_EQ(Count(), 120);
}

TEST_F(ChainRowsTest, NothingIsRememberedOfWhatWasNotCommitted) {
  Store(rows_, {"base", "one"}, /*commit=*/false);
  EXPECT_EQ(Count(), 0);
  EXPECT_EQ(Read(Store(rows_, {"base", "one"})), (layer::Chain{"base", "one"}));
}

TEST_F(ChainRowsTest, WhatWasPrunedIsMadeAnew) {
  Store(rows_, {"base", "one"});
  Store(rows_, {"base", "one", "two"});
  {
    db::Transaction tx = db_->Begin().value();
    ASSERT_TRUE(tx.Run("DELETE FROM record").ok());
    ASSERT_TRUE(rows_.Prune(tx).ok());
    ASSERT_TRUE(tx.Commit().ok());
  }
  EXPECT_EQ(Count(), 0);
  EXPECT_EQ(Read(Store(rows_, {"base", "one", "two"})), (layer::Chain{"base", "one", "two"}));
}

}  // namespace
}  // namespace slipway::solver
