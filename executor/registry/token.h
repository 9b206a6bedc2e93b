// TokenStore: bearer tokens, fetched from a registry's token service and kept while they hold.
//
// A token is kept for the host and the credential it was made for, and serves every request whose scopes it covers.
// Equal fetches at the same time run once. Thread-safe. Follows the distribution project's token authentication, with
// the OAuth2 form for identity tokens.
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "executor/base/clock.h"
#include "executor/base/context.h"
#include "executor/http/transport.h"
#include "executor/registry/credentials.h"
#include "executor/registry/flight.h"
#include "executor/registry/registry.h"
#include "executor/registry/scope.h"

namespace slipway::registry {

/// Where a host's tokens come from, as its challenge says.
struct TokenService {
  std::string realm;
  std::string service;
  bool operator==(const TokenService&) const = default;
};

/// What a token is asked for.
struct TokenRequest {
  std::string what;  ///< for errors: "pull 'reg/app:1'"
  std::string host;
  TokenService service;
  std::optional<Credential> credential;
  std::string identity;  ///< tells credentials apart without being one
  ScopeSet scopes;
};

class TokenStore {
 public:
  /// All must outlive the store.
  TokenStore(http::Transport& transport, const RetryPolicy& retry, const Clock& clock)
      : transport_(transport), retry_(retry), clock_(clock) {}

  /// A token that covers the scopes: a kept one, or a new one. UNAUTHENTICATED if the service refuses the credential.
  Result<std::string> Get(const Context& ctx, const TokenRequest& request);

  /// Forgets tokens that were refused.
  void Forget(const TokenRequest& request);

 private:
  struct Kept {
    TokenService service;
    ScopeSet scopes;
    std::string token;
    std::chrono::steady_clock::time_point expires;
  };
  struct Fetched {
    std::string token;
    std::chrono::seconds lifetime{0};
  };

  std::optional<std::string> Find(const TokenRequest& request);
  void Keep(const TokenRequest& request, const Fetched& fetched);
  Result<Fetched> Fetch(const Context& ctx, const TokenRequest& request);

  http::Transport& transport_;
  const RetryPolicy& retry_;
  const Clock& clock_;
  Flights<std::string> flights_;
  std::mutex mutex_;
  std::map<std::string, std::vector<Kept>> kept_;  // guarded by mutex_; by host and identity
};

}  // namespace slipway::registry
