#include "executor/layer/schema.h"

#include <algorithm>
#include <array>
#include <iterator>

namespace slipway::layer {

namespace {
constexpr std::array kMigrations = {
    db::Migration{.version = 1, .sql = R"sql(
CREATE TABLE layer (
  key TEXT PRIMARY KEY, diff_id BLOB, recipe BLOB, index_digest BLOB, upper TEXT NOT NULL DEFAULT '',
  created INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE remote (
  key TEXT NOT NULL REFERENCES layer(key) ON DELETE CASCADE,
  host TEXT NOT NULL, repository TEXT NOT NULL, digest BLOB NOT NULL, media_type TEXT NOT NULL, size INTEGER NOT NULL,
  seen INTEGER NOT NULL,
  PRIMARY KEY (key, host, repository, digest)
) WITHOUT ROWID;
CREATE TABLE blob (
  key TEXT NOT NULL REFERENCES layer(key) ON DELETE CASCADE,
  form TEXT NOT NULL, diff_id BLOB NOT NULL, digest BLOB NOT NULL, media_type TEXT NOT NULL, size INTEGER NOT NULL,
  tar_bytes INTEGER NOT NULL,
  PRIMARY KEY (key, form)
) WITHOUT ROWID;
CREATE TABLE unpacked (
  key TEXT NOT NULL REFERENCES layer(key) ON DELETE CASCADE,
  below TEXT NOT NULL, dir TEXT NOT NULL,
  PRIMARY KEY (key, below)
) WITHOUT ROWID;
)sql"},
    db::Migration{.version = 2, .sql = R"sql(
CREATE TABLE unchanged (
  key TEXT NOT NULL REFERENCES layer(key) ON DELETE CASCADE,
  path TEXT NOT NULL,
  PRIMARY KEY (key, path)
) WITHOUT ROWID;
)sql"},
    db::Migration{.version = 3, .sql = R"sql(
CREATE TABLE block (
  key BLOB PRIMARY KEY, layer TEXT NOT NULL REFERENCES layer(key) ON DELETE CASCADE,
  blob BLOB NOT NULL, offset INTEGER NOT NULL, size INTEGER NOT NULL, crc INTEGER NOT NULL,
  plain_size INTEGER NOT NULL, plain_crc INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX block_of_layer ON block(layer);
)sql"},
    db::Migration{.version = 4, .sql = R"sql(
ALTER TABLE layer ADD COLUMN unsettled TEXT NOT NULL DEFAULT '';
CREATE INDEX layer_unsettled ON layer (unsettled) WHERE unsettled <> '';
)sql"},
    db::Migration{.version = 5, .sql = R"sql(
ALTER TABLE unpacked ADD COLUMN unsettled TEXT NOT NULL DEFAULT '';
CREATE INDEX unpacked_unsettled ON unpacked (unsettled) WHERE unsettled <> '';
)sql"},
};

LayerRow ReadLayer(const db::Statement& row) {
  return LayerRow{.key = row.Get<std::string>(0),
                  .diff_id = row.Get<Digest>(1),
                  .recipe = row.Get<Digest>(2),
                  .index = row.Get<Digest>(3),
                  .upper = row.Get<std::string>(4),
                  .created = row.Get<SystemTime>(5)};
}

Result<std::vector<std::string>> Strings(db::Statement& rows) {
  std::vector<std::string> out;
  while (rows.Next()) out.push_back(rows.Get<std::string>(0));
  SLIPWAY_RETURN_IF_ERROR(rows.Finish());
  return out;
}

/// The mark of what Doubt() was told of: no boot has this name.
constexpr std::string_view kDoubtful = "lost";

Status MarkAgain(db::Database& db, const std::vector<std::string>& folders, std::string_view mark) {
  SLIPWAY_ASSIGN_OR_RETURN(db::Transaction tx, db.Begin());
  for (const std::string& folder : folders) {
    SLIPWAY_RETURN_IF_ERROR(tx.Run("UPDATE layer SET unsettled = ? WHERE unsettled <> '' AND upper = ?", mark, folder));
    SLIPWAY_RETURN_IF_ERROR(
        tx.Run("UPDATE unpacked SET unsettled = ? WHERE unsettled <> '' AND dir = ?", mark, folder));
  }
  return tx.Commit();
}

}  // namespace

Result<std::unique_ptr<Records>> Records::Open(const std::string& path) {
  SLIPWAY_ASSIGN_OR_RETURN(
      auto db, db::Database::Open(path, {.durability = db::Durability::kCache, .on_damage = db::OnDamage::kDiscard}));
  SLIPWAY_RETURN_IF_ERROR(db->Migrate(kMigrations));
  return std::unique_ptr<Records>(new Records(std::move(db)));
}

Result<std::optional<LayerRow>> Records::Find(const Key& key) {
  SLIPWAY_ASSIGN_OR_RETURN(db::Session session, db_->Read());
  SLIPWAY_ASSIGN_OR_RETURN(
      db::Statement rows,
      session.Query("SELECT key, diff_id, recipe, index_digest, upper, created FROM layer WHERE key = ?", key));
  std::optional<LayerRow> found;
  if (rows.Next()) found = ReadLayer(rows);
  SLIPWAY_RETURN_IF_ERROR(rows.Finish());
  return found;
}

Result<LayerRow> Records::Get(const Key& key) {
  SLIPWAY_ASSIGN_OR_RETURN(std::optional<LayerRow> row, Find(key));
  if (!row) return NotFound("layer '{}' is not known here any more", key);
  return *std::move(row);
}

Status Records::Insert(const LayerRow& row, const std::string& mark) {
  return db_->Run(
      "INSERT INTO layer (key, diff_id, recipe, index_digest, upper, created, unsettled) VALUES (?, ?, ?, ?, ?, ?, ?) "
      "ON CONFLICT DO NOTHING",
      row.key, row.diff_id, row.recipe, row.index, row.upper, row.created, mark);
}

Result<std::vector<std::string>> Records::Unsettled() {
  SLIPWAY_ASSIGN_OR_RETURN(db::Session session, db_->Read());
  SLIPWAY_ASSIGN_OR_RETURN(db::Statement rows,
                           session.Query("SELECT upper FROM layer WHERE unsettled <> '' AND unsettled <> ?1 UNION ALL "
                                         "SELECT dir FROM unpacked WHERE unsettled <> '' AND unsettled <> ?1",
                                         kDoubtful));
  return Strings(rows);
}

Status Records::Settle(const std::vector<std::string>& folders) { return MarkAgain(*db_, folders, ""); }

Status Records::Doubt(const std::vector<std::string>& folders) { return MarkAgain(*db_, folders, kDoubtful); }

Status Records::ForgetUnsettled(const std::string& mark) {
  SLIPWAY_ASSIGN_OR_RETURN(db::Transaction tx, db_->Begin());
  SLIPWAY_RETURN_IF_ERROR(tx.Run("DELETE FROM layer WHERE unsettled <> '' AND unsettled <> ?", mark));
  SLIPWAY_RETURN_IF_ERROR(tx.Run("DELETE FROM unpacked WHERE unsettled <> '' AND unsettled <> ?", mark));
  return tx.Commit();
}

Status Records::SetIndex(const Key& key, const Digest& index) {
  return db_->Run("UPDATE layer SET index_digest = ? WHERE key = ?", index, key);
}

Status Records::SetDiffId(const Key& key, const Digest& diff_id) {
  return db_->Run("UPDATE layer SET diff_id = ? WHERE key = ?", diff_id, key);
}

Status Records::AddUnchanged(const Key& key, const std::vector<std::string>& paths) {
  SLIPWAY_ASSIGN_OR_RETURN(db::Transaction tx, db_->Begin());
  for (const std::string& path : paths) {
    SLIPWAY_RETURN_IF_ERROR(tx.Run("INSERT OR IGNORE INTO unchanged (key, path) VALUES (?, ?)", key, path));
  }
  return tx.Commit();
}

Result<std::vector<std::string>> Records::Unchanged(const Key& key) {
  SLIPWAY_ASSIGN_OR_RETURN(db::Session session, db_->Read());
  SLIPWAY_ASSIGN_OR_RETURN(db::Statement rows, session.Query("SELECT path FROM unchanged WHERE key = ?", key));
  return Strings(rows);
}

Result<std::vector<std::string>> Records::Forget(const std::vector<Key>& keys) {
  SLIPWAY_ASSIGN_OR_RETURN(db::Transaction tx, db_->Begin());
  std::vector<std::string> folders;
  for (const Key& key : keys) {
    SLIPWAY_ASSIGN_OR_RETURN(db::Statement rows,
                             tx.Query("SELECT upper FROM layer WHERE key = ?1 AND upper <> '' UNION ALL "
                                      "SELECT dir FROM unpacked WHERE key = ?1",
                                      key));
    SLIPWAY_ASSIGN_OR_RETURN(std::vector<std::string> its, Strings(rows));
    std::move(its.begin(), its.end(), std::back_inserter(folders));
    SLIPWAY_RETURN_IF_ERROR(tx.Run("DELETE FROM layer WHERE key = ?", key));
  }
  SLIPWAY_RETURN_IF_ERROR(tx.Commit());
  return folders;
}

Result<std::vector<LayerRow>> Records::All() {
  SLIPWAY_ASSIGN_OR_RETURN(db::Session session, db_->Read());
  SLIPWAY_ASSIGN_OR_RETURN(db::Statement rows,
                           session.Query("SELECT key, diff_id, recipe, index_digest, upper, created FROM layer"));
  std::vector<LayerRow> out;
  while (rows.Next()) out.push_back(ReadLayer(rows));
  SLIPWAY_RETURN_IF_ERROR(rows.Finish());
  return out;
}

Status Records::AddRemote(const Key& key, const Remote& remote) {
  return db_->Run(
      "INSERT INTO remote (key, host, repository, digest, media_type, size, seen) VALUES (?, ?, ?, ?, ?, ?, ?) "
      "ON CONFLICT (key, host, repository, digest) DO UPDATE SET seen = excluded.seen",
      key, remote.host, remote.repository, remote.descriptor.digest, remote.descriptor.media_type,
      remote.descriptor.size, Clock::Real().System());
}

Result<std::vector<Remote>> Records::Remotes(const Key& key) {
  SLIPWAY_ASSIGN_OR_RETURN(db::Session session, db_->Read());
  SLIPWAY_ASSIGN_OR_RETURN(
      db::Statement rows,
      session.Query("SELECT host, repository, digest, media_type, size FROM remote WHERE key = ? ORDER BY seen DESC",
                    key));
  std::vector<Remote> out;
  while (rows.Next()) {
    Remote remote;
    remote.host = rows.Get<std::string>(0);
    remote.repository = rows.Get<std::string>(1);
    remote.descriptor.digest = rows.Get<Digest>(2);
    remote.descriptor.media_type = rows.Get<std::string>(3);
    remote.descriptor.size = rows.Get<int64_t>(4);
    out.push_back(std::move(remote));
  }
  SLIPWAY_RETURN_IF_ERROR(rows.Finish());
  return out;
}

Status Records::AddBlob(const Key& key, const std::string& form, const AssembledLayer& blob,
                        const std::vector<PackedBlock>& blocks) {
  SLIPWAY_ASSIGN_OR_RETURN(db::Transaction tx, db_->Begin());
  SLIPWAY_RETURN_IF_ERROR(
      tx.Run("INSERT OR REPLACE INTO blob (key, form, diff_id, digest, media_type, size, tar_bytes) VALUES (?, ?, ?, "
             "?, ?, ?, ?)",
             key, form, blob.diff_id, blob.descriptor.digest, blob.descriptor.media_type, blob.descriptor.size,
             blob.tar_bytes));
  for (const PackedBlock& block : blocks) {
    SLIPWAY_RETURN_IF_ERROR(tx.Run(
        "INSERT OR REPLACE INTO block (key, layer, blob, offset, size, crc, plain_size, plain_crc) VALUES (?, ?, "
        "?, ?, ?, ?, ?, ?)",
        block.key, key, blob.descriptor.digest, block.offset, block.size, block.crc, block.plain.size,
        block.plain.crc));
  }
  return tx.Commit();
}

Result<std::optional<std::pair<Digest, PackedBlock>>> Records::Block(const Digest& key) {
  SLIPWAY_ASSIGN_OR_RETURN(db::Session session, db_->Read());
  SLIPWAY_ASSIGN_OR_RETURN(
      db::Statement rows,
      session.Query("SELECT blob, offset, size, crc, plain_size, plain_crc FROM block WHERE key = ?", key));
  std::optional<std::pair<Digest, PackedBlock>> found;
  if (rows.Next()) {
    PackedBlock block{.key = key,
                      .offset = rows.Get<uint64_t>(1),
                      .size = rows.Get<uint32_t>(2),
                      .crc = rows.Get<uint32_t>(3),
                      .plain = {}};
    block.plain = {.crc = rows.Get<uint32_t>(5), .size = rows.Get<uint64_t>(4)};
    found.emplace(rows.Get<Digest>(0), block);
  }
  SLIPWAY_RETURN_IF_ERROR(rows.Finish());
  return found;
}

Result<std::optional<AssembledLayer>> Records::Blob(const Key& key, const std::string& form) {
  SLIPWAY_ASSIGN_OR_RETURN(db::Session session, db_->Read());
  SLIPWAY_ASSIGN_OR_RETURN(
      db::Statement rows,
      session.Query("SELECT diff_id, digest, media_type, size, tar_bytes FROM blob WHERE key = ? AND form = ?", key,
                    form));
  std::optional<AssembledLayer> found;
  if (rows.Next()) {
    found.emplace();
    found->diff_id = rows.Get<Digest>(0);
    found->descriptor.digest = rows.Get<Digest>(1);
    found->descriptor.media_type = rows.Get<std::string>(2);
    found->descriptor.size = rows.Get<int64_t>(3);
    found->tar_bytes = rows.Get<uint64_t>(4);
  }
  SLIPWAY_RETURN_IF_ERROR(rows.Finish());
  return found;
}

Status Records::AddUnpacked(const Key& key, const std::string& below, const std::string& dir, const std::string& mark) {
  return db_->Run("INSERT OR REPLACE INTO unpacked (key, below, dir, unsettled) VALUES (?, ?, ?, ?)", key, below, dir,
                  mark);
}

Result<std::string> Records::Unpacked(const Key& key, const std::string& below) {
  SLIPWAY_ASSIGN_OR_RETURN(db::Session session, db_->Read());
  SLIPWAY_ASSIGN_OR_RETURN(
      db::Statement rows,
      session.Query("SELECT dir FROM unpacked WHERE key = ? AND below IN ('', ?) ORDER BY below LIMIT 1", key, below));
  std::string dir;
  if (rows.Next()) dir = rows.Get<std::string>(0);
  SLIPWAY_RETURN_IF_ERROR(rows.Finish());
  return dir;
}

Result<std::map<std::string, Key>> Records::Folders() {
  SLIPWAY_ASSIGN_OR_RETURN(db::Session session, db_->Read());
  SLIPWAY_ASSIGN_OR_RETURN(
      db::Statement rows,
      session.Query("SELECT upper, key FROM layer WHERE upper <> '' UNION ALL SELECT dir, key FROM unpacked"));
  std::map<std::string, Key> out;
  while (rows.Next()) out.emplace(rows.Get<std::string>(0), rows.Get<std::string>(1));
  SLIPWAY_RETURN_IF_ERROR(rows.Finish());
  return out;
}

}  // namespace slipway::layer
