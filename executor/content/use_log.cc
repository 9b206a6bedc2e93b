#include "executor/content/use_log.h"

namespace slipway::content {

namespace {
constexpr db::Migration kMigrations[] = {
    {.version = 1, .sql = "CREATE TABLE file (name TEXT PRIMARY KEY, size BIGINT NOT NULL, used BIGINT NOT NULL)"},
};
}  // namespace

Result<std::unique_ptr<UseLog>> UseLog::Open(const std::string& path) {
  const db::Options options{.durability = db::Durability::kCache, .on_damage = db::OnDamage::kDiscard, .readers = 1};
  SLIPWAY_ASSIGN_OR_RETURN(auto database, db::Database::Open(path, options));
  SLIPWAY_RETURN_IF_ERROR(database->Migrate(kMigrations));
  return std::unique_ptr<UseLog>(new UseLog(std::move(database)));
}

Result<std::map<std::string, FileUse>> UseLog::Load() {
  SLIPWAY_ASSIGN_OR_RETURN(db::Session session, database_->Read());
  SLIPWAY_ASSIGN_OR_RETURN(db::Statement rows, session.Query("SELECT name, size, used FROM file"));
  std::map<std::string, FileUse> uses;
  while (rows.Next()) {
    auto name = rows.Get<std::string>(0);
    FileUse use{.name = name, .size = rows.Get<uint64_t>(1), .used = rows.Get<SystemTime>(2)};
    uses.emplace(std::move(name), std::move(use));
  }
  SLIPWAY_RETURN_IF_ERROR(rows.Finish());
  return uses;
}

Status UseLog::Write(std::span<const FileUse> uses) {
  if (uses.empty()) return Status();
  SLIPWAY_ASSIGN_OR_RETURN(db::Transaction tx, database_->Begin());
  {
    SLIPWAY_ASSIGN_OR_RETURN(db::Statement upsert,
                             tx.Prepare("INSERT INTO file (name, size, used) VALUES (?, ?, ?) "
                                        "ON CONFLICT (name) DO UPDATE SET size = excluded.size, used = excluded.used"));
    for (const FileUse& use : uses) {
      SLIPWAY_RETURN_IF_ERROR(upsert.Bind(use.name, use.size, use.used));
      SLIPWAY_RETURN_IF_ERROR(upsert.Run());
    }
  }
  return tx.Commit();
}

Status UseLog::Forget(std::span<const std::string> names) {
  if (names.empty()) return Status();
  SLIPWAY_ASSIGN_OR_RETURN(db::Transaction tx, database_->Begin());
  {
    SLIPWAY_ASSIGN_OR_RETURN(db::Statement remove, tx.Prepare("DELETE FROM file WHERE name = ?"));
    for (const std::string& name : names) {
      SLIPWAY_RETURN_IF_ERROR(remove.Bind(name));
      SLIPWAY_RETURN_IF_ERROR(remove.Run());
    }
  }
  return tx.Commit();
}

}  // namespace slipway::content
