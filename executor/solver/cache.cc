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
};

// A use is noted once an hour, so that hits write nothing.
constexpr std::chrono::hours kUseGrain{1};

std::string Join(const layer::Chain& chain) { return fmt::format("{}", fmt::join(chain, "\n")); }

layer::Chain Split(std::string_view text) {
  layer::Chain out;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    out.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

CacheRecord Read(const db::Statement& row) {
  return CacheRecord{.key = row.Get<Digest>(0),
                     .chain = Split(row.Get<std::string_view>(1)),
                     .name = row.Get<std::string>(2),
                     .explain = row.Get<std::string>(3)};
}
}  // namespace

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
    SLIPWAY_ASSIGN_OR_RETURN(db::Statement rows, session.Query(sql, key));
    if (rows.Next()) {
      found = Read(rows);
      last_used = rows.Get<SystemTime>(4);
    }
    SLIPWAY_RETURN_IF_ERROR(rows.Finish());
  }
  const SystemTime now = Clock::Real().System();
  if (found && now - last_used > kUseGrain) {
    SLIPWAY_RETURN_IF_ERROR(db_->Run("UPDATE record SET last_used = ? WHERE key = ?", now, found->key));
  }
  return found;
}

Result<std::optional<CacheRecord>> CacheStore::Find(const Digest& content_key) {
  return Query("SELECT key, chain, name, explain, last_used FROM record WHERE key = ?", content_key);
}

Result<std::optional<CacheRecord>> CacheStore::FindByDefinition(const Digest& definition) {
  return Query(
      "SELECT r.key, r.chain, r.name, r.explain, r.last_used FROM definition d JOIN record r ON r.key = d.key "
      "WHERE d.definition = ?",
      definition);
}

Status CacheStore::Put(const Digest& definition, const CacheRecord& record) {
  const SystemTime now = Clock::Real().System();
  SLIPWAY_ASSIGN_OR_RETURN(db::Transaction tx, db_->Begin());
  SLIPWAY_RETURN_IF_ERROR(tx.Run(
      "INSERT INTO record (key, chain, name, explain, created, last_used) VALUES (?, ?, ?, ?, ?, ?) "
      "ON CONFLICT (key) DO UPDATE SET chain = excluded.chain, name = excluded.name, explain = excluded.explain, "
      "created = excluded.created, last_used = excluded.last_used",
      record.key, Join(record.chain), record.name, record.explain, now, now));
  SLIPWAY_RETURN_IF_ERROR(
      tx.Run("INSERT OR REPLACE INTO definition (definition, key) VALUES (?, ?)", definition, record.key));
  return tx.Commit();
}

Status CacheStore::Link(const Digest& definition, const Digest& content_key) {
  return db_->Run("INSERT OR REPLACE INTO definition (definition, key) VALUES (?, ?)", definition, content_key);
}

Status CacheStore::Remove(const Digest& content_key) {
  return db_->Run("DELETE FROM record WHERE key = ?", content_key);
}

Result<std::vector<CacheRecord>> CacheStore::ByAge() {
  SLIPWAY_ASSIGN_OR_RETURN(db::Session session, db_->Read());
  SLIPWAY_ASSIGN_OR_RETURN(db::Statement rows,
                           session.Query("SELECT key, chain, name, explain FROM record ORDER BY last_used"));
  std::vector<CacheRecord> out;
  while (rows.Next()) out.push_back(Read(rows));
  SLIPWAY_RETURN_IF_ERROR(rows.Finish());
  return out;
}

}  // namespace slipway::solver
