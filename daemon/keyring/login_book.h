// LoginBook: the logins of registries and git hosts for all runs. What a task or a request brings itself goes before
// them; the operator's Docker credential file comes after.
//
// Rows are read once and kept, so that a look-up costs no disk; passwords are kept sealed. Thread-safe; what it is
// given must outlive it and the sources that it hands out.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "daemon/secrets/sealer.h"
#include "daemon/store/secret_store.h"
#include "executor/base/clock.h"
#include "executor/base/git_logins.h"
#include "executor/base/guarded.h"
#include "executor/registry/credentials.h"

namespace slipway::keyring {

inline constexpr size_t kMostLogins = 1000;

/// The host as references (or git addresses) carry it: lower case, "docker.io" for Docker Hub, without the port that
/// https has anyway. INVALID_ARGUMENT if it is none, such as an address with a path.
Result<std::string> LoginHost(store::LoginKind kind, std::string_view text);

class LoginBook {
 public:
  /// The value behind an address that task files may give as `keyvault`.
  using Resolver = std::function<Result<std::string>(const Context& ctx, const std::string& address)>;
  struct Parts {
    store::SecretStore& store;
    const secrets::Sealer& sealer;
    const Clock& clock;
    Resolver resolve;
  };
  static Result<std::unique_ptr<LoginBook>> Open(Parts parts);

  /// Stores it in place of that of its kind and host. `login` is valid and has a password or names its secret.
  /// RESOURCE_EXHAUSTED past kMostLogins.
  Result<store::StoredLogin> Set(store::StoredLogin login, const std::string& password);
  /// By host and kind.
  std::vector<store::StoredLogin> List() const;
  /// NOT_FOUND, with the host that was probably meant.
  Status Delete(store::LoginKind kind, const std::string& host);

  struct Login {
    std::string username;
    std::string password;
  };
  /// nullopt if there is none. Errors of the place that the password is read from name the login, never a value.
  Result<std::optional<Login>> Find(const Context& ctx, store::LoginKind kind, const std::string& host) const;
  /// All passwords that lie in it, and those that were read lately: what no log may show.
  std::vector<std::string> Values() const;

  std::shared_ptr<registry::CredentialSource> registries() const;
  std::shared_ptr<GitLogins> git_hosts() const;

 private:
  using Key = std::pair<std::string, store::LoginKind>;
  struct Read {
    std::string value;
    std::chrono::steady_clock::time_point until;
  };
  explicit LoginBook(Parts parts) : parts_(std::move(parts)) {}
  Result<std::string> Resolve(const Context& ctx, const std::string& address) const;

  const Parts parts_;
  mutable Guarded<std::map<Key, store::StoredLogin>> logins_;
  mutable Guarded<std::map<std::string, Read>> read_;  // by address
};

/// As ResealSecrets.
Result<size_t> ResealLogins(store::SecretStore& store, const secrets::Sealer& sealer);

}  // namespace slipway::keyring
