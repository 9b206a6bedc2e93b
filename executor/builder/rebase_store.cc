#include "executor/builder/rebase_store.h"

#include <array>

namespace slipway::builder {

namespace {
// `number` counts up with every Put: the lowest is the oldest.
constexpr std::array kMigrations = {
    db::Migration{.version = 1, .sql = R"sql(
CREATE TABLE plan (number INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, plan TEXT NOT NULL);
)sql"},
};
}  // namespace

Result<std::unique_ptr<RebaseStore>> RebaseStore::Open(const std::string& path) {
  SLIPWAY_ASSIGN_OR_RETURN(
      auto db, db::Database::Open(path, {.durability = db::Durability::kCache, .on_damage = db::OnDamage::kDiscard}));
  SLIPWAY_RETURN_IF_ERROR(db->Migrate(kMigrations));
  return std::unique_ptr<RebaseStore>(new RebaseStore(std::move(db)));
}

Status RebaseStore::Put(const std::string& key, const RebasePlan& plan) {
  SLIPWAY_ASSIGN_OR_RETURN(db::Transaction tx, db_->Begin());
  SLIPWAY_RETURN_IF_ERROR(
      tx.Run("INSERT OR REPLACE INTO plan (number, key, plan) VALUES "
             "((SELECT COALESCE(MAX(number), 0) + 1 FROM plan), ?, ?)",
             key, plan.ToJson()));
  SLIPWAY_RETURN_IF_ERROR(tx.Run(
      "DELETE FROM plan WHERE number IN (SELECT number FROM plan ORDER BY number DESC LIMIT -1 OFFSET ?)", kMostPlans));
  return tx.Commit();
}

Result<std::optional<RebasePlan>> RebaseStore::Get(const std::string& key) {
  std::optional<std::string> text;
  {
    SLIPWAY_ASSIGN_OR_RETURN(db::Session session, db_->Read());
    SLIPWAY_ASSIGN_OR_RETURN(db::Statement rows, session.Query("SELECT plan FROM plan WHERE key = ?", key));
    if (rows.Next()) text = rows.Get<std::string>(0);
    SLIPWAY_RETURN_IF_ERROR(rows.Finish());
  }
  if (!text) return std::optional<RebasePlan>();
  SLIPWAY_ASSIGN_OR_RETURN(RebasePlan plan, RebasePlan::Parse(*text));
  return std::optional(std::move(plan));
}

}  // namespace slipway::builder
