// HostBook: what was learned about registry hosts: where they are, whether they speak TLS, how they want to know us.
//
// Kept for the life of the daemon, so that later requests go out right the first time. How a host wants to know us is
// only what it said last: whoever finds it changed says so here. Thread-safe.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "executor/base/context.h"
#include "executor/http/transport.h"
#include "executor/registry/token.h"

namespace slipway::registry {

/// How a host wants requests to be authorised.
struct AuthScheme {
  enum class Kind { kNone, kBasic, kBearer };
  Kind kind = Kind::kNone;
  TokenService service;  ///< for kBearer
  bool operator==(const AuthScheme&) const = default;
};

/// What the answer's challenges ask for; bearer before basic. nullopt if there is none that we know.
std::optional<AuthScheme> SchemeOf(const std::vector<Challenge>& challenges);

class HostBook {
 public:
  HostBook(http::Transport& transport, std::vector<std::string> insecure_hosts)
      : transport_(transport), insecure_hosts_(std::move(insecure_hosts)) {}

  /// "https://registry-1.docker.io". A loopback or insecure host is asked once which protocol it speaks; a failure of
  /// that is the transport's error.
  Result<std::string> BaseUrl(const Context& ctx, const std::string& host);

  AuthScheme auth(const std::string& host);
  void SetAuth(const std::string& host, const AuthScheme& scheme);
  /// Forgets `scheme`, which led nowhere; one that was learned since then stays.
  void ForgetAuth(const std::string& host, const AuthScheme& scheme);

 private:
  struct Host {
    std::string base_url;
    AuthScheme auth;
  };

  struct Probed {
    std::string base_url;
    bool sure = false;  ///< worth remembering
  };

  bool MayBePlain(const std::string& host) const;
  Result<Probed> Probe(const Context& ctx, const std::string& host);

  http::Transport& transport_;
  const std::vector<std::string> insecure_hosts_;
  std::mutex mutex_;
  std::map<std::string, Host> hosts_;  // guarded by mutex_
};

}  // namespace slipway::registry
