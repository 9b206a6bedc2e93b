#include "executor/registry/hosts.h"

#include <algorithm>

#include "executor/oci/reference.h"

namespace slipway::registry {

namespace {

constexpr size_t kMostHosts = 4096;
constexpr std::chrono::seconds kProbeTimeout{10};

// What TLS servers say to a request in the clear, and servers that send one on to https.
bool AsksForTls(const http::Response& response) {
  if (response.status == 400 && response.body.find("HTTPS") != std::string::npos) return true;
  return response.status >= 300 && response.status < 400 && response.headers.Get("Location").starts_with("https://");
}

}  // namespace

std::optional<AuthScheme> SchemeOf(const std::vector<Challenge>& challenges) {
  for (const Challenge& challenge : challenges) {
    if (challenge.scheme == "bearer" && !challenge.Param("realm").empty()) {
      return AuthScheme{.kind = AuthScheme::Kind::kBearer,
                        .service = {.realm = challenge.Param("realm"), .service = challenge.Param("service")}};
    }
  }
  const bool basic =
      std::any_of(challenges.begin(), challenges.end(), [](const auto& c) { return c.scheme == "basic"; });
  return basic ? std::optional(AuthScheme{.kind = AuthScheme::Kind::kBasic}) : std::nullopt;
}

bool HostBook::MayBePlain(const std::string& host) const {
  if (oci::IsLoopbackHost(host)) return true;
  const std::string name = host.substr(0, host.rfind(':'));
  return std::any_of(insecure_hosts_.begin(), insecure_hosts_.end(),
                     [&](const std::string& named) { return named == host || named == name; });
}

Result<std::string> HostBook::BaseUrl(const Context& ctx, const std::string& host) {
  if (host == "docker.io") return std::string("https://registry-1.docker.io");
  if (!MayBePlain(host)) return "https://" + host;
  {
    std::lock_guard lock(mutex_);
    const auto found = hosts_.find(host);
    if (found != hosts_.end() && !found->second.base_url.empty()) return found->second.base_url;
  }
  SLIPWAY_ASSIGN_OR_RETURN(const Probed probed, Probe(ctx, host));
  std::lock_guard lock(mutex_);
  if (hosts_.size() >= kMostHosts) hosts_.clear();
  if (probed.sure) hosts_[host].base_url = probed.base_url;
  return probed.base_url;
}

// Plain HTTP first: a TLS server tells so at once, while one that waits for a request line may keep silent for ever at
// a TLS hello. The request carries no credential.
Result<HostBook::Probed> HostBook::Probe(const Context& ctx, const std::string& host) {
  http::Request request;
  request.url = "http://" + host + "/v2/";
  request.max_redirects = 0;
  request.response_timeout = kProbeTimeout;
  auto plain = transport_.Do(ctx, request);
  if (plain.ok() && !AsksForTls(*plain)) {
    if (plain->status == 401) {
      if (const auto scheme = SchemeOf(ParseChallenges(plain->headers))) SetAuth(host, *scheme);
    }
    return Probed{.base_url = "http://" + host, .sure = true};
  }
  if (!plain.ok() && plain.code() != Code::kUnavailable) return std::move(plain).status();
  request.url = "https://" + host + "/v2/";
  const auto secure = transport_.Do(ctx, request);
  if (secure.ok()) return Probed{.base_url = "https://" + host, .sure = true};
  // Most likely a certificate that is not trusted, which the request proper will say.
  if (secure.code() == Code::kFailedPrecondition) return Probed{.base_url = "https://" + host, .sure = false};
  return plain.ok() ? secure.status() : plain.status();
}

AuthScheme HostBook::auth(const std::string& host) {
  std::lock_guard lock(mutex_);
  const auto found = hosts_.find(host);
  return found == hosts_.end() ? AuthScheme() : found->second.auth;
}

void HostBook::SetAuth(const std::string& host, const AuthScheme& scheme) {
  std::lock_guard lock(mutex_);
  if (hosts_.size() >= kMostHosts && !hosts_.contains(host)) hosts_.clear();
  hosts_[host].auth = scheme;
}

void HostBook::ForgetAuth(const std::string& host, const AuthScheme& scheme) {
  std::lock_guard lock(mutex_);
  const auto found = hosts_.find(host);
  if (found != hosts_.end() && found->second.auth == scheme) found->second.auth = AuthScheme();
}

}  // namespace slipway::registry
