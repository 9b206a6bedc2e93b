// SecretStore: the rows of what the daemon keeps secret for all: values that tasks name, and logins of registries and
// git hosts. It sees encrypted values only; daemon/keyring opens them. Each call is one transaction. All functions may
// be called from any thread and block for the time of a disk write.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "executor/base/clock.h"
#include "executor/base/status.h"
#include "executor/db/database.h"

namespace slipway::store {

struct StoredSecret {
  std::string name;
  SystemTime create_time;
  SystemTime update_time;
  std::string sealed;
  bool operator==(const StoredSecret&) const = default;
};

/// Numbered as in the API.
enum class LoginKind { kRegistry = 1, kGit = 2 };

struct StoredLogin {
  LoginKind kind = LoginKind::kRegistry;
  std::string host;
  std::string username;  ///< "": the password is a token alone
  std::string secret;    ///< where the password is read; "": it is in `sealed`
  SystemTime create_time;
  SystemTime update_time;
  std::string sealed;
  bool operator==(const StoredLogin&) const = default;
};

class SecretStore {
 public:
  /// The schema must be up to date (SqliteRunStore::Open). Several stores may have the file open.
  static Result<std::unique_ptr<SecretStore>> Open(const std::string& path);

  /// Stores it in place of what has its name; the time of creation is that of the first. RESOURCE_EXHAUSTED if that
  /// would be more than `most`.
  Result<StoredSecret> Put(StoredSecret secret, SystemTime now, size_t most);
  /// NOT_FOUND if there is none.
  Result<StoredSecret> GetSecret(const std::string& name);
  /// Those whose name comes after `after` ("": all), by name, `most` at most.
  Result<std::vector<StoredSecret>> Secrets(const std::string& after, size_t most);
  /// NOT_FOUND. FAILED_PRECONDITION if a login reads its password from `reference`.
  Status DeleteSecret(const std::string& name, const std::string& reference);
  Status ResealSecret(const std::string& name, const std::string& sealed);

  /// As above, by host and kind.
  Result<StoredLogin> Put(StoredLogin login, SystemTime now, size_t most);
  /// By host and kind.
  Result<std::vector<StoredLogin>> Logins();
  /// NOT_FOUND.
  Status DeleteLogin(LoginKind kind, const std::string& host);
  Status ResealLogin(LoginKind kind, const std::string& host, const std::string& sealed);

 private:
  explicit SecretStore(std::unique_ptr<db::Database> database) : database_(std::move(database)) {}
  std::unique_ptr<db::Database> database_;
};

}  // namespace slipway::store
