#include "executor/source/memo.h"

#include <sys/random.h>

#include <array>

namespace slipway::source {

namespace {
constexpr std::array<db::Migration, 1> kMigrations = {{{1, R"sql(
CREATE TABLE salt (value BLOB NOT NULL);
CREATE TABLE blob (
  mirror TEXT NOT NULL, oid BLOB NOT NULL, digest BLOB NOT NULL, size INTEGER NOT NULL, lfs INTEGER NOT NULL,
  PRIMARY KEY (mirror, oid)) WITHOUT ROWID;
CREATE TABLE tree (key TEXT PRIMARY KEY, digest BLOB NOT NULL, used INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE reader (
  mirror TEXT NOT NULL, who BLOB NOT NULL, since INTEGER NOT NULL, PRIMARY KEY (mirror, who)) WITHOUT ROWID;
CREATE TABLE url (
  url TEXT PRIMARY KEY, digest BLOB NOT NULL, size INTEGER NOT NULL, etag TEXT NOT NULL, last_modified TEXT NOT NULL,
  server_name TEXT NOT NULL, used INTEGER NOT NULL) WITHOUT ROWID;
)sql"}}};
constexpr auto kReaderLife = std::chrono::hours(24);

Result<std::string> LoadSalt(db::Database& database) {
  SLIPWAY_ASSIGN_OR_RETURN(db::Transaction tx, database.Begin());
  std::string salt;
  {
    SLIPWAY_ASSIGN_OR_RETURN(db::Statement rows, tx.Query("SELECT value FROM salt"));
    if (rows.Next()) salt = rows.Get<std::string>(0);
    SLIPWAY_RETURN_IF_ERROR(rows.Finish());
  }
  if (!salt.empty()) return salt;
  salt.resize(32);
  if (::getrandom(salt.data(), salt.size(), 0) != static_cast<ssize_t>(salt.size()))
    return ErrnoStatus(errno, "getrandom");
  SLIPWAY_RETURN_IF_ERROR(tx.Run("INSERT INTO salt (value) VALUES (?)", db::Bytes{salt}));
  SLIPWAY_RETURN_IF_ERROR(tx.Commit());
  return salt;
}
}  // namespace

Result<std::unique_ptr<Memo>> Memo::Open(const std::string& path, const Clock& clock) {
  const db::Options options{.durability = db::Durability::kCache, .on_damage = db::OnDamage::kDiscard};
  SLIPWAY_ASSIGN_OR_RETURN(std::unique_ptr<db::Database> database, db::Database::Open(path, options));
  SLIPWAY_RETURN_IF_ERROR(database->Migrate(kMigrations));
  auto memo = std::unique_ptr<Memo>(new Memo(std::move(database), clock));
  SLIPWAY_ASSIGN_OR_RETURN(memo->salt_, LoadSalt(*memo->database_));
  return memo;
}

Status Memo::FindBlobs(const std::string& mirror, std::span<KnownBlob> blobs) {
  if (blobs.empty()) return {};
  SLIPWAY_ASSIGN_OR_RETURN(db::Session session, database_->Read());
  SLIPWAY_ASSIGN_OR_RETURN(db::Statement row,
                           session.Prepare("SELECT digest, size, lfs FROM blob WHERE mirror = ? AND oid = ?"));
  for (KnownBlob& blob : blobs) {
    SLIPWAY_RETURN_IF_ERROR(row.Bind(mirror, db::Bytes{blob.oid}));
    if (row.Next()) {
      blob.digest = row.Get<Digest>(0);
      blob.size = row.Get<uint64_t>(1);
      blob.lfs_pointer = row.Get<bool>(2);
    }
    SLIPWAY_RETURN_IF_ERROR(row.Finish());
  }
  return {};
}

Status Memo::AddBlobs(const std::string& mirror, std::span<const KnownBlob> blobs) {
  if (blobs.empty()) return {};
  SLIPWAY_ASSIGN_OR_RETURN(db::Transaction tx, database_->Begin());
  {
    SLIPWAY_ASSIGN_OR_RETURN(
        db::Statement insert,
        tx.Prepare("INSERT OR REPLACE INTO blob (mirror, oid, digest, size, lfs) VALUES (?, ?, ?, ?, ?)"));
    for (const KnownBlob& blob : blobs) {
      SLIPWAY_RETURN_IF_ERROR(insert.Bind(mirror, db::Bytes{blob.oid}, blob.digest, blob.size, blob.lfs_pointer));
      SLIPWAY_RETURN_IF_ERROR(insert.Run());
    }
  }
  return tx.Commit();
}

Result<std::optional<Digest>> Memo::FindTree(const std::string& key) {
  std::optional<Digest> found;
  {
    SLIPWAY_ASSIGN_OR_RETURN(db::Session session, database_->Read());
    SLIPWAY_ASSIGN_OR_RETURN(db::Statement row, session.Query("SELECT digest FROM tree WHERE key = ?", key));
    if (row.Next()) found = row.Get<Digest>(0);
    SLIPWAY_RETURN_IF_ERROR(row.Finish());
  }
  if (found) SLIPWAY_RETURN_IF_ERROR(database_->Run("UPDATE tree SET used = ? WHERE key = ?", clock_.System(), key));
  return found;
}

Status Memo::AddTree(const std::string& key, const Digest& tree) {
  return database_->Run("INSERT OR REPLACE INTO tree (key, digest, used) VALUES (?, ?, ?)", key, tree, clock_.System());
}

Result<bool> Memo::MayRead(const std::string& mirror, const Digest& who) {
  SLIPWAY_ASSIGN_OR_RETURN(db::Session session, database_->Read());
  SLIPWAY_ASSIGN_OR_RETURN(db::Statement row,
                           session.Query("SELECT since FROM reader WHERE mirror = ? AND who = ?", mirror, who));
  const SystemTime now = clock_.System();
  bool may = false;
  if (row.Next()) {
    const auto since = row.Get<SystemTime>(0);
    may = since <= now && now - since < kReaderLife;
  }
  SLIPWAY_RETURN_IF_ERROR(row.Finish());
  return may;
}

Status Memo::AddReader(const std::string& mirror, const Digest& who) {
  return database_->Run("INSERT OR REPLACE INTO reader (mirror, who, since) VALUES (?, ?, ?)", mirror, who,
                        clock_.System());
}

Result<std::optional<KnownUrl>> Memo::FindUrl(const std::string& url) {
  SLIPWAY_ASSIGN_OR_RETURN(db::Session session, database_->Read());
  SLIPWAY_ASSIGN_OR_RETURN(
      db::Statement row,
      session.Query("SELECT digest, size, etag, last_modified, server_name FROM url WHERE url = ?", url));
  std::optional<KnownUrl> found;
  if (row.Next()) {
    found = KnownUrl{.digest = row.Get<Digest>(0),
                     .size = row.Get<uint64_t>(1),
                     .etag = row.Get<std::string>(2),
                     .last_modified = row.Get<std::string>(3),
                     .server_name = row.Get<std::string>(4)};
  }
  SLIPWAY_RETURN_IF_ERROR(row.Finish());
  return found;
}

Status Memo::AddUrl(const std::string& url, const KnownUrl& known) {
  return database_->Run(
      "INSERT OR REPLACE INTO url (url, digest, size, etag, last_modified, server_name, used) VALUES (?, ?, ?, ?, ?, "
      "?, ?)",
      url, known.digest, known.size, known.etag, known.last_modified, known.server_name, clock_.System());
}

Status Memo::ForgetMirror(const std::string& mirror) {
  SLIPWAY_ASSIGN_OR_RETURN(db::Transaction tx, database_->Begin());
  SLIPWAY_RETURN_IF_ERROR(tx.Run("DELETE FROM blob WHERE mirror = ?", mirror));
  SLIPWAY_RETURN_IF_ERROR(tx.Run("DELETE FROM reader WHERE mirror = ?", mirror));
  return tx.Commit();
}

Status Memo::ForgetUnused(SystemTime before) {
  SLIPWAY_ASSIGN_OR_RETURN(db::Transaction tx, database_->Begin());
  SLIPWAY_RETURN_IF_ERROR(tx.Run("DELETE FROM tree WHERE used < ?", before));
  SLIPWAY_RETURN_IF_ERROR(tx.Run("DELETE FROM url WHERE used < ?", before));
  return tx.Commit();
}

}  // namespace slipway::source
