#include "daemon/store/secret_store.h"

#include <optional>

namespace slipway::store {

namespace {

constexpr std::string_view kSecretColumns = "name, create_time, update_time, sealed";
constexpr std::string_view kLoginColumns = "host, kind, username, secret, create_time, update_time, sealed";

StoredSecret ReadSecret(const db::Statement& row) {
  return {.name = row.Get<std::string>(0),
          .create_time = row.Get<SystemTime>(1),
          .update_time = row.Get<SystemTime>(2),
          .sealed = row.Get<std::string>(3)};
}

StoredLogin ReadLogin(const db::Statement& row) {
  return {.kind = row.Get<LoginKind>(1),
          .host = row.Get<std::string>(0),
          .username = row.Get<std::string>(2),
          .secret = row.Get<std::string>(3),
          .create_time = row.Get<SystemTime>(4),
          .update_time = row.Get<SystemTime>(5),
          .sealed = row.Get<std::string>(6)};
}

template <typename Row>
Result<std::vector<Row>> ReadAll(db::Statement rows, Row (*read)(const db::Statement&)) {
  std::vector<Row> out;
  while (rows.Next()) out.push_back(read(rows));
  SLIPWAY_RETURN_IF_ERROR(rows.Finish());
  return out;
}

// The one value of the first row, nullopt without rows.
template <typename T>
Result<std::optional<T>> One(db::Statement rows) {
  std::optional<T> out;
  if (rows.Next()) out = rows.Get<T>(0);
  SLIPWAY_RETURN_IF_ERROR(rows.Finish());
  return out;
}

// When what is to be replaced was made; `now` for what is new, which must fit.
Result<SystemTime> CreateTime(db::Transaction& tx, std::optional<SystemTime> known, std::string_view table,
                              SystemTime now, size_t most) {
  if (known) return *known;
  SLIPWAY_ASSIGN_OR_RETURN(db::Statement rows, tx.Query(fmt::format("SELECT COUNT(*) FROM {}", table)));
  SLIPWAY_ASSIGN_OR_RETURN(const std::optional<size_t> count, One<size_t>(std::move(rows)));
  if (count.value_or(0) >= most) return ResourceExhausted("there are {} of them already; delete some", most);
  return now;
}

}  // namespace

Result<std::unique_ptr<SecretStore>> SecretStore::Open(const std::string& path) {
  SLIPWAY_ASSIGN_OR_RETURN(std::unique_ptr<db::Database> database, db::Database::Open(path));
  return std::unique_ptr<SecretStore>(new SecretStore(std::move(database)));
}

Result<StoredSecret> SecretStore::Put(StoredSecret secret, SystemTime now, size_t most) {
  SLIPWAY_ASSIGN_OR_RETURN(db::Transaction tx, database_->Begin());
  std::optional<SystemTime> known;
  {
    SLIPWAY_ASSIGN_OR_RETURN(db::Statement rows,
                             tx.Query("SELECT create_time FROM secret WHERE name = ?", secret.name));
    SLIPWAY_ASSIGN_OR_RETURN(known, One<SystemTime>(std::move(rows)));
  }
  SLIPWAY_ASSIGN_OR_RETURN(secret.create_time, CreateTime(tx, known, "secret", now, most));
  secret.update_time = now;
  SLIPWAY_RETURN_IF_ERROR(tx.Run("DELETE FROM secret WHERE name = ?", secret.name));
  SLIPWAY_RETURN_IF_ERROR(tx.Run("INSERT INTO secret (name, create_time, update_time, sealed) VALUES (?, ?, ?, ?)",
                                 secret.name, secret.create_time, secret.update_time, db::Bytes{secret.sealed}));
  SLIPWAY_RETURN_IF_ERROR(tx.Commit());
  return secret;
}

Result<StoredSecret> SecretStore::GetSecret(const std::string& name) {
  SLIPWAY_ASSIGN_OR_RETURN(db::Session session, database_->Read());
  SLIPWAY_ASSIGN_OR_RETURN(db::Statement rows,
                           session.Query(fmt::format("SELECT {} FROM secret WHERE name = ?", kSecretColumns), name));
  SLIPWAY_ASSIGN_OR_RETURN(std::vector<StoredSecret> found, ReadAll(std::move(rows), &ReadSecret));
  if (found.empty()) return NotFound("the daemon's store has no secret '{}'", name);
  return std::move(found.front());
}

Result<std::vector<StoredSecret>> SecretStore::Secrets(const std::string& after, size_t most) {
  SLIPWAY_ASSIGN_OR_RETURN(db::Session session, database_->Read());
  SLIPWAY_ASSIGN_OR_RETURN(
      db::Statement rows,
      session.Query(fmt::format("SELECT {} FROM secret WHERE name > ? ORDER BY name LIMIT ?", kSecretColumns), after,
                    most));
  return ReadAll(std::move(rows), &ReadSecret);
}

Status SecretStore::DeleteSecret(const std::string& name, const std::string& reference) {
  SLIPWAY_ASSIGN_OR_RETURN(db::Transaction tx, database_->Begin());
  {
    SLIPWAY_ASSIGN_OR_RETURN(db::Statement rows,
                             tx.Query("SELECT host FROM login WHERE secret = ? ORDER BY host LIMIT 1", reference));
    SLIPWAY_ASSIGN_OR_RETURN(const std::optional<std::string> host, One<std::string>(std::move(rows)));
    if (host) {
      return FailedPrecondition("secret '{}' is the password of the login of '{}' for all; delete or change that first",
                                name, *host);
    }
  }
  SLIPWAY_RETURN_IF_ERROR(tx.Run("DELETE FROM secret WHERE name = ?", name));
  if (tx.changes() == 0) return NotFound("the daemon's store has no secret '{}'", name);
  return tx.Commit();
}

Status SecretStore::ResealSecret(const std::string& name, const std::string& sealed) {
  return database_->Run("UPDATE secret SET sealed = ? WHERE name = ?", db::Bytes{sealed}, name);
}

Result<StoredLogin> SecretStore::Put(StoredLogin login, SystemTime now, size_t most) {
  SLIPWAY_ASSIGN_OR_RETURN(db::Transaction tx, database_->Begin());
  std::optional<SystemTime> known;
  {
    SLIPWAY_ASSIGN_OR_RETURN(db::Statement rows, tx.Query("SELECT create_time FROM login WHERE host = ? AND kind = ?",
                                                          login.host, login.kind));
    SLIPWAY_ASSIGN_OR_RETURN(known, One<SystemTime>(std::move(rows)));
  }
  SLIPWAY_ASSIGN_OR_RETURN(login.create_time, CreateTime(tx, known, "login", now, most));
  login.update_time = now;
  SLIPWAY_RETURN_IF_ERROR(tx.Run("DELETE FROM login WHERE host = ? AND kind = ?", login.host, login.kind));
  SLIPWAY_RETURN_IF_ERROR(tx.Run(
      "INSERT INTO login (host, kind, username, secret, create_time, update_time, sealed) VALUES (?, ?, ?, ?, ?, ?, ?)",
      login.host, login.kind, login.username, login.secret, login.create_time, login.update_time,
      db::Bytes{login.sealed}));
  SLIPWAY_RETURN_IF_ERROR(tx.Commit());
  return login;
}

Result<std::vector<StoredLogin>> SecretStore::Logins() {
  SLIPWAY_ASSIGN_OR_RETURN(db::Session session, database_->Read());
  SLIPWAY_ASSIGN_OR_RETURN(db::Statement rows,
                           session.Query(fmt::format("SELECT {} FROM login ORDER BY host, kind", kLoginColumns)));
  return ReadAll(std::move(rows), &ReadLogin);
}

Status SecretStore::DeleteLogin(LoginKind kind, const std::string& host) {
  SLIPWAY_ASSIGN_OR_RETURN(db::Transaction tx, database_->Begin());
  SLIPWAY_RETURN_IF_ERROR(tx.Run("DELETE FROM login WHERE host = ? AND kind = ?", host, kind));
  if (tx.changes() == 0) {
    return NotFound("there is no login of the {} '{}' for all", kind == LoginKind::kGit ? "git host" : "registry",
                    host);
  }
  return tx.Commit();
}

Status SecretStore::ResealLogin(LoginKind kind, const std::string& host, const std::string& sealed) {
  return database_->Run("UPDATE login SET sealed = ? WHERE host = ? AND kind = ?", db::Bytes{sealed}, host, kind);
}

}  // namespace slipway::store
