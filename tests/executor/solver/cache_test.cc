// The store of cache records: what is found, what is forgotten, and that looking up goes by indexes.
#include "executor/solver/cache.h"

#include <gtest/gtest.h>

#include "executor/base/fs.h"

namespace slipway::solver {
namespace {

Digest Key(std::string_view name) { return Digest::Of(name); }

class CacheStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto dir = fs::TempDir::Make();
    ASSERT_TRUE(dir.ok());
    dir_ = *std::move(dir);
    auto cache = CacheStore::Open(path());
    ASSERT_TRUE(cache.ok()) << cache.status().message();
    cache_ = *std::move(cache);
  }
  std::string path() const { return dir_.path() + "/cache.db"; }
  void Put(std::string_view name, layer::Chain chain) {
    ASSERT_TRUE(
        cache_->Put(Key(fmt::format("alias of {}", name)), {Key(name), std::move(chain), std::string(name)}).ok());
  }
  layer::Chain ChainOf(std::string_view name) {
    const auto found = cache_->Find(Key(name));
    EXPECT_TRUE(found.ok()) << found.status().message();
    return found.ok() && found->has_value() ? (*found)->chain : layer::Chain{"nothing"};
  }

  fs::TempDir dir_;
  std::unique_ptr<CacheStore> cache_;
};

TEST_F(CacheStoreTest, FindsByKeyAndByAlias) {
  Put("a", {"base", "one"});
  Put("b", {"base", "one", "two"});
  Put("empty", {});
  EXPECT_EQ(ChainOf("a"), (layer::Chain{"base", "one"}));
  EXPECT_EQ(ChainOf("b"), (layer::Chain{"base", "one", "two"}));
  EXPECT_EQ(ChainOf("empty"), layer::Chain{});
  const auto by_alias = cache_->FindByAlias(Key("alias of b"));
  ASSERT_TRUE(by_alias.ok() && by_alias->has_value());
  EXPECT_EQ((*by_alias)->key, Key("b"));
  EXPECT_EQ(*cache_->FindKey(Key("alias of a")), Key("a"));
  EXPECT_EQ(*cache_->FindKey(Key("unknown")), std::nullopt);
}

TEST_F(CacheStoreTest, OfManyAliasesTheLatestAreKept) {
  Put("a", {"one"});
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(cache_->Link(Key(fmt::format("build {}", i)), Key("a")).ok());
  EXPECT_EQ(*cache_->FindKey(Key("build 0")), std::nullopt);
  EXPECT_EQ(*cache_->FindKey(Key("build 199")), Key("a"));
}

TEST_F(CacheStoreTest, DroppingTakesTheOldestAndTheLayersThatNothingStandsOn) {
  Put("old", {"base", "old layer"});
  Put("new", {"base", "new layer"});
  EXPECT_EQ(*cache_->DropOldest(1), 1);
  EXPECT_EQ(*cache_->Count(), 1);
  EXPECT_EQ(*cache_->FindKey(Key("alias of old")), std::nullopt);
  const auto layers = cache_->Layers();
  ASSERT_TRUE(layers.ok());
  EXPECT_EQ(std::set<layer::Key>(layers->begin(), layers->end()), (std::set<layer::Key>{"base", "new layer"}));
}

TEST_F(CacheStoreTest, NearestIsTheSameInstructionThenTheSameStepThenTheSameElsewhere) {
  const auto note = [&](std::string_view scope, std::string_view text, int step, std::string_view key) {
    ASSERT_TRUE(
        cache_->Explain({Key(scope), Key(text), step}, Key(key), {{KeyPart::Kind::kInstruction, "", std::string(key)}})
            .ok());
  };
  const auto nearest = [&](std::string_view scope, std::string_view text, int step) {
    const auto found = cache_->Nearest({Key(scope), Key(text), step});
    return found.ok() && !found->empty() ? found->front().parts.at(0).value : std::string("none");
  };
  note("app", "RUN make", 2, "first");
  note("app", "RUN make", 2, "second");
  note("app", "RUN test", 3, "third");
  EXPECT_EQ(nearest("app", "RUN make", 4), "second");
  EXPECT_EQ(nearest("app", "RUN check", 3), "third");
  EXPECT_EQ(nearest("other", "RUN make", 2), "second");
  EXPECT_EQ(nearest("other", "RUN check", 2), "none");
}

TEST_F(CacheStoreTest, OfAnInstructionOnlyTheLatestExplanationsAreKept) {
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(cache_->Explain({Key("s"), Key("i"), 1}, Key(std::to_string(i)), {}).ok());
  }
  const auto found = cache_->Nearest({Key("s"), Key("i"), 1});
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->size(), 6U);
  EXPECT_EQ(found->front().key, Key("49"));
}

// Every step of every plan: a table is entered by an index, or not at all.
void ExpectIndexes(const std::string& path) {
  const auto db = db::Database::Open(path);
  ASSERT_TRUE(db.ok()) << db.status().message();
  for (const std::string_view sql : CacheStore::LookUps()) {
    auto session = (*db)->Read();
    ASSERT_TRUE(session.ok());
    auto rows = session->Prepare(fmt::format("EXPLAIN QUERY PLAN {}", sql));
    ASSERT_TRUE(rows.ok()) << rows.status().message();
    while (rows->Next()) {
      const std::string plan(rows->Get<std::string_view>(3));
      // A scan is fine of an index that gives the order of a LIMIT, and of what a subquery has found.
      const bool scans = plan.starts_with("SCAN ") && plan.find("USING") == std::string::npos;
      EXPECT_FALSE(scans && plan != "SCAN up") << sql << "\n" << plan;
      EXPECT_EQ(plan.find("AUTOMATIC"), std::string::npos) << sql << "\n" << plan;
    }
    EXPECT_TRUE(rows->Finish().ok());
  }
}

TEST_F(CacheStoreTest, LookUpsGoByIndexes) { ExpectIndexes(path()); }

TEST_F(CacheStoreTest, AMillionRecordsAreFoundAndPruned) {
  {
    const auto db = db::Database::Open(path(), {.durability = db::Durability::kCache});
    ASSERT_TRUE(db.ok());
    auto tx = (*db)->Begin();
    ASSERT_TRUE(tx.ok());
    const Status made = tx->RunScript(
        "INSERT INTO chain (id, parent, layer) VALUES (1, 0, 'base'); "
        "WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000) "
        "INSERT INTO chain (id, parent, layer) SELECT i, 1, 'layer ' || i FROM n; "
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000) "
        "INSERT INTO record (key, chain, name, created, last_used) "
        "SELECT CAST(printf('%032d', i) AS BLOB), i, 'RUN', i, i FROM n; "
        "INSERT INTO alias (alias, key, created) SELECT key, key, created FROM record; ANALYZE;");
    ASSERT_TRUE(made.ok()) << made.message();
    ASSERT_TRUE(tx->Commit().ok());
  }
  EXPECT_EQ(*cache_->Count(), 1'000'000);
  ExpectIndexes(path());
  const auto key = [](int i) {
    std::array<uint8_t, Digest::kSize> bytes{};
    const std::string text = fmt::format("{:032d}", i);
    std::copy(text.begin(), text.end(), bytes.begin());
    return Digest(bytes);
  };
  const auto found = cache_->FindByAlias(key(777'777));
  ASSERT_TRUE(found.ok() && found->has_value());
  EXPECT_EQ((*found)->chain, (layer::Chain{"base", "layer 777777"}));
  EXPECT_EQ(*cache_->DropOldest(100'000), 100'000);
  EXPECT_EQ(*cache_->Count(), 900'000);
  EXPECT_EQ(*cache_->FindKey(key(1)), std::nullopt);
  EXPECT_EQ(*cache_->FindKey(key(999'999)), key(999'999));
  EXPECT_EQ(cache_->Layers()->size(), 900'001U);
}

}  // namespace
}  // namespace slipway::solver
