#include "executor/solver/cache.h"

#include <array>

namespace slipway::solver {

namespace {
constexpr std::array kMigrations = {
    db::Migration{.version = 1, .sql = R"sql(
CREATE TABLE record (
  key BLOB PRIMARY KEY, chain TEXT NOT NULL, name TEXT NOT NULL, explain TEXT NOT NULL,
  created INTEGER NOT NULL, last_used INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX record_by_use ON record (last_used);
CREATE TABLE definition (
  definition BLOB PRIMARY KEY, key BLOB NOT NULL REFERENCES record(key) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX definition_by_key ON definition (key);
)sql"},
    // What was recorded before is forgotten: its keys were made otherwise.
    db::Migration{.version = 2, .sql = R"sql(
DROP TABLE definition;
DROP TABLE record;
CREATE TABLE chain (
  id INTEGER PRIMARY KEY, parent INTEGER NOT NULL, layer TEXT NOT NULL, UNIQUE (parent, layer)
);
CREATE TABLE record (
  key BLOB PRIMARY KEY, chain INTEGER NOT NULL, name TEXT NOT NULL,
  created INTEGER NOT NULL, last_used INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX record_by_use ON record (last_used);
CREATE TABLE alias (
  alias BLOB PRIMARY KEY, key BLOB NOT NULL REFERENCES record(key) ON DELETE CASCADE, created INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX alias_by_key ON alias (key, created);
CREATE TABLE explanation (
  id INTEGER PRIMARY KEY, scope BLOB NOT NULL, instruction BLOB NOT NULL, step INTEGER NOT NULL, key BLOB NOT NULL,
  created INTEGER NOT NULL, parts BLOB NOT NULL
);
CREATE INDEX explanation_by_instruction ON explanation (scope, instruction, id);
CREATE INDEX explanation_by_step ON explanation (scope, step, id);
CREATE INDEX explanation_anywhere ON explanation (instruction, step, id);
)sql"},
};

// A use is noted once an hour, so that hits write nothing.
constexpr std::chrono::hours kUseGrain{1};
constexpr int kMostAliases = 32;      // of a record
constexpr int kMostExplanations = 6;  // of an instruction in a scope
constexpr int64_t kAllExplanations = 20'000;

constexpr std::string_view kFind = "SELECT key, chain, name, last_used FROM record WHERE key = ?";
constexpr std::string_view kFindByAlias =
    "SELECT r.key, r.chain, r.name, r.last_used FROM alias a JOIN record r ON r.key = a.key WHERE a.alias = ?";
constexpr std::string_view kFindKey = "SELECT key FROM alias WHERE alias = ?";
constexpr std::string_view kTrimAliases =
    "DELETE FROM alias WHERE alias IN (SELECT alias FROM alias WHERE key = ? ORDER BY created DESC LIMIT -1 OFFSET ?)";
constexpr std::string_view kDropOldest =
    "DELETE FROM record WHERE key IN (SELECT key FROM record ORDER BY last_used LIMIT ?)";
constexpr std::string_view kNearInstruction =
    "SELECT key, created, parts FROM explanation WHERE scope = ? AND instruction = ? ORDER BY id DESC LIMIT 6";
constexpr std::string_view kNearStep =
    "SELECT key, created, parts FROM explanation WHERE scope = ? AND step = ? ORDER BY id DESC LIMIT 1";
constexpr std::string_view kNearAnywhere =
    "SELECT key, created, parts FROM explanation WHERE instruction = ? AND step = ? ORDER BY id DESC LIMIT 1";
constexpr std::string_view kTrimExplanations =
    "DELETE FROM explanation WHERE id IN "
    "(SELECT id FROM explanation WHERE scope = ? AND instruction = ? ORDER BY id DESC LIMIT -1 OFFSET ?)";

Status StoreAlias(db::Transaction& tx, const Digest& alias, const Digest& key, SystemTime now) {
  SLIPWAY_RETURN_IF_ERROR(
      tx.Run("INSERT OR REPLACE INTO alias (alias, key, created) VALUES (?, ?, ?)", alias, key, now));
  return tx.Run(kTrimAliases, key, kMostAliases);
}
}  // namespace

std::vector<std::string_view> CacheStore::LookUps() {
  return {kFind,       kFindByAlias,     kFindKey,  ChainRows::kRead, ChainRows::kFind, kTrimAliases,
          kDropOldest, kNearInstruction, kNearStep, kNearAnywhere,    kTrimExplanations};
}

Result<std::unique_ptr<CacheStore>> CacheStore::Open(const std::string& path) {
  SLIPWAY_ASSIGN_OR_RETURN(
      auto db, db::Database::Open(path, {.durability = db::Durability::kCache, .on_damage = db::OnDamage::kDiscard}));
  SLIPWAY_RETURN_IF_ERROR(db->Migrate(kMigrations));
  return std::unique_ptr<CacheStore>(new CacheStore(std::move(db)));
}

Result<std::optional<CacheRecord>> CacheStore::Query(std::string_view sql, const Digest& key) {
  std::optional<CacheRecord> found;
  SystemTime last_used;
  {
    SLIPWAY_ASSIGN_OR_RETURN(db::Session session, db_->Read());
    int64_t chain = 0;
    {
      SLIPWAY_ASSIGN_OR_RETURN(db::Statement rows, session.Query(sql, key));
      if (rows.Next()) {
        found = CacheRecord{.key = rows.Get<Digest>(0), .chain = {}, .name = rows.Get<std::string>(2)};
        chain = rows.Get<int64_t>(1);
        last_used = rows.Get<SystemTime>(3);
      }
      SLIPWAY_RETURN_IF_ERROR(rows.Finish());
    }
    if (found) {
      SLIPWAY_ASSIGN_OR_RETURN(found->chain, ChainRows::Read(session, chain));
    }
  }
  const SystemTime now = Clock::Real().System();
  if (found && now - last_used > kUseGrain) {
    SLIPWAY_RETURN_IF_ERROR(db_->Run("UPDATE record SET last_used = ? WHERE key = ?", now, found->key));
  }
  return found;
}

Result<std::optional<CacheRecord>> CacheStore::Find(const Digest& content_key) { return Query(kFind, content_key); }

Result<std::optional<CacheRecord>> CacheStore::FindByAlias(const Digest& alias) { return Query(kFindByAlias, alias); }

Result<std::optional<Digest>> CacheStore::FindKey(const Digest& alias) {
  SLIPWAY_ASSIGN_OR_RETURN(db::Session session, db_->Read());
  SLIPWAY_ASSIGN_OR_RETURN(db::Statement rows, session.Query(kFindKey, alias));
  std::optional<Digest> found;
  if (rows.Next()) found = rows.Get<Digest>(0);
  SLIPWAY_RETURN_IF_ERROR(rows.Finish());
  return found;
}

Status CacheStore::Put(const Digest& alias, const CacheRecord& record) {
  const SystemTime now = Clock::Real().System();
  SLIPWAY_ASSIGN_OR_RETURN(db::Transaction tx, db_->Begin());
  SLIPWAY_ASSIGN_OR_RETURN(const int64_t chain, chains_.Store(tx, record.chain));
  SLIPWAY_RETURN_IF_ERROR(tx.Run(
      "INSERT INTO record (key, chain, name, created, last_used) VALUES (?, ?, ?, ?, ?) "
      "ON CONFLICT (key) DO UPDATE SET chain = excluded.chain, name = excluded.name, created = excluded.created, "
      "last_used = excluded.last_used",
      record.key, chain, record.name, now, now));
  SLIPWAY_RETURN_IF_ERROR(StoreAlias(tx, alias, record.key, now));
  return tx.Commit();
}

Status CacheStore::Link(const Digest& alias, const Digest& content_key) {
  SLIPWAY_ASSIGN_OR_RETURN(const std::optional<Digest> known, FindKey(alias));
  if (known == content_key) return Status();
  SLIPWAY_ASSIGN_OR_RETURN(db::Transaction tx, db_->Begin());
  SLIPWAY_RETURN_IF_ERROR(StoreAlias(tx, alias, content_key, Clock::Real().System()));
  return tx.Commit();
}

Status CacheStore::Remove(const Digest& content_key) {
  return db_->Run("DELETE FROM record WHERE key = ?", content_key);
}

Status CacheStore::Explain(const RecordPlace& place, const Digest& key, const KeyParts& parts) {
  SLIPWAY_ASSIGN_OR_RETURN(db::Transaction tx, db_->Begin());
  SLIPWAY_RETURN_IF_ERROR(tx.Run("DELETE FROM explanation WHERE scope = ? AND instruction = ? AND key = ?", place.scope,
                                 place.instruction, key));
  SLIPWAY_RETURN_IF_ERROR(
      tx.Run("INSERT INTO explanation (scope, instruction, step, key, created, parts) VALUES (?, ?, ?, ?, ?, ?)",
             place.scope, place.instruction, place.step, key, Clock::Real().System(), db::Bytes{EncodeParts(parts)}));
  const int64_t newest = tx.last_insert_id();
  SLIPWAY_RETURN_IF_ERROR(tx.Run(kTrimExplanations, place.scope, place.instruction, kMostExplanations));
  SLIPWAY_RETURN_IF_ERROR(tx.Run("DELETE FROM explanation WHERE id <= ?", newest - kAllExplanations));
  return tx.Commit();
}

Result<std::vector<Explanation>> CacheStore::Nearest(const RecordPlace& place) {
  SLIPWAY_ASSIGN_OR_RETURN(db::Session session, db_->Read());
  std::vector<Explanation> out;
  const auto read = [&](Result<db::Statement> rows) -> Status {
    if (!rows.ok()) return rows.status();
    while (rows->Next()) {
      out.push_back({.key = rows->Get<Digest>(0),
                     .created = rows->Get<SystemTime>(1),
                     .parts = DecodeParts(rows->Get<std::string_view>(2))});
    }
    return rows->Finish();
  };
  SLIPWAY_RETURN_IF_ERROR(read(session.Query(kNearInstruction, place.scope, place.instruction)));
  if (out.empty()) SLIPWAY_RETURN_IF_ERROR(read(session.Query(kNearStep, place.scope, place.step)));
  if (out.empty()) SLIPWAY_RETURN_IF_ERROR(read(session.Query(kNearAnywhere, place.instruction, place.step)));
  return out;
}

Result<int64_t> CacheStore::Count() {
  SLIPWAY_ASSIGN_OR_RETURN(db::Session session, db_->Read());
  SLIPWAY_ASSIGN_OR_RETURN(db::Statement rows, session.Query("SELECT count(*) FROM record"));
  const int64_t count = rows.Next() ? rows.Get<int64_t>(0) : 0;
  SLIPWAY_RETURN_IF_ERROR(rows.Finish());
  return count;
}

Result<uint64_t> CacheStore::Bytes() {
  SLIPWAY_ASSIGN_OR_RETURN(db::Session session, db_->Read());
  SLIPWAY_ASSIGN_OR_RETURN(
      db::Statement rows,
      session.Query("SELECT (c.page_count - f.freelist_count) * s.page_size FROM pragma_page_count c, "
                    "pragma_freelist_count f, pragma_page_size s"));
  const uint64_t bytes = rows.Next() ? rows.Get<uint64_t>(0) : 0;
  SLIPWAY_RETURN_IF_ERROR(rows.Finish());
  return bytes;
}

Result<std::vector<layer::Key>> CacheStore::Layers() {
  SLIPWAY_ASSIGN_OR_RETURN(db::Session session, db_->Read());
  SLIPWAY_ASSIGN_OR_RETURN(db::Statement rows, session.Query("SELECT DISTINCT layer FROM chain"));
  std::vector<layer::Key> out;
  while (rows.Next()) out.push_back(rows.Get<std::string>(0));
  SLIPWAY_RETURN_IF_ERROR(rows.Finish());
  return out;
}

Result<int64_t> CacheStore::DropOldest(int64_t count) {
  SLIPWAY_ASSIGN_OR_RETURN(db::Transaction tx, db_->Begin());
  SLIPWAY_RETURN_IF_ERROR(tx.Run(kDropOldest, count));
  const int64_t dropped = tx.changes();
  SLIPWAY_RETURN_IF_ERROR(chains_.Prune(tx));
  SLIPWAY_RETURN_IF_ERROR(tx.Commit());
  return dropped;
}

}  // namespace slipway::solver
