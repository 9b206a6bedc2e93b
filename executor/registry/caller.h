// Caller: one request to a registry with all that it takes: the host's address, authorisation, retries, errors.
//
// Made for one call of a Session; not kept. RegistryState is what all callers of a Registry share.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "executor/registry/flight.h"
#include "executor/registry/hosts.h"
#include "executor/registry/limiter.h"
#include "executor/registry/registry.h"
#include "executor/registry/retry.h"
#include "executor/registry/token.h"

namespace slipway::registry {

class RegistryState {
 public:
  RegistryState(Options options_in, std::shared_ptr<http::Transport> transport_in)
      : options(std::move(options_in)),
        transport(std::move(transport_in)),
        hosts(*transport, options.insecure_hosts),
        tokens(*transport, options.retry, *options.clock),
        limiter(options.max_transfers_per_host) {}

  const Options options;
  const std::shared_ptr<http::Transport> transport;
  HostBook hosts;
  TokenStore tokens;
  Limiter limiter;
  Flights<BlobOutcome> pushes;
  Flights<bool> pulls;
};

struct Call {
  std::string what;  ///< for errors: "pull 'reg.example.com/app:1'"
  Repository repo;
  std::string method = "GET";
  std::string target;     ///< "/v2/…" or an address the registry gave
  http::Request request;  ///< the rest; method and url are filled in
  ScopeSet scopes;
  /// Called before each attempt, e.g. to set Range. May be null.
  std::function<void(Call&)> prepare;
  /// Bytes moved so far; may be null.
  std::function<uint64_t()> position;
};

class Caller {
 public:
  Caller(RegistryState& state, CredentialSource* credentials) : state_(state), credentials_(credentials) {}

  /// The answer: 2xx, or a status that only the call can judge (3xx, 400, 404, 416 …). 401, 403, 408, 429 and 5xx are
  /// errors here, and so is what callbacks return.
  Result<http::Response> Do(const Context& ctx, Call call);
  /// As Do, and any answer that is not 2xx is an error.
  Result<http::Response> DoOk(const Context& ctx, Call call);

  /// One attempt, for callers with retries of their own: made twice only if the registry asks for authorisation first.
  Attempt Once(const Context& ctx, Call& call);
  /// What Do makes of the last attempt.
  Result<http::Response> Judge(const Call& call, RetryOutcome outcome);

  /// A request with a pushed body, authorised; not retried.
  Result<std::unique_ptr<http::PushRequest>> StartPush(const Context& ctx, Call call);

  /// Tells the credentials for `host` apart from others without being one; "" where there are none.
  Result<std::string> Identity(const Context& ctx, const std::string& host);

  /// The address a Location header names. http to the registry itself becomes https where that is what it speaks (as
  /// behind a TLS proxy that it does not know of).
  Result<std::string> Locate(const Context& ctx, const Repository& repo, const http::Response& response);

  RegistryState& state() const { return state_; }

 private:
  struct Prepared {
    http::Request request;
    std::optional<Credential> credential;
    TokenRequest token;  // as used or to be asked for
    AuthScheme scheme;   // by which it was, or should have been, authorised
    Status no_token;     // why it goes out without the token that the scheme wants
    bool to_registry = true;
  };

  Result<Prepared> Prepare(const Context& ctx, const Call& call);
  Status Authorize(const Context& ctx, Prepared& prepared);
  /// Learns from a 401. False: nothing new, asking again would not help.
  bool Learn(const http::Response& response, const Prepared& prepared, Call& call);
  Result<std::optional<Credential>> Credentials(const Context& ctx, const std::string& host);

  RegistryState& state_;
  CredentialSource* credentials_;
};

/// "/v2/<repo>/<kind>/<rest>".
std::string ApiPath(const Repository& repo, std::string_view kind, std::string_view rest);

}  // namespace slipway::registry
