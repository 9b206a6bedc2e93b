#include "executor/registry/token.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "executor/http/base64.h"
#include "executor/http/url.h"
#include "executor/oci/json.h"
#include "executor/oci/reference.h"
#include "executor/registry/answer.h"
#include "executor/registry/retry.h"

namespace slipway::registry {

namespace {

constexpr size_t kMostKeptPerKey = 64;
constexpr size_t kMostKeys = 512;
constexpr uint64_t kLargestAnswer = 1U << 20;
constexpr std::chrono::seconds kDefaultLifetime{60};
constexpr std::chrono::seconds kLongestLifetime{3600};
constexpr std::string_view kClientId = "slipway";

std::string KeyOf(const TokenRequest& request) { return request.host + "\n" + request.identity; }

http::Request MakeGet(const TokenRequest& request) {
  std::string query = "service=" + http::PercentEncode(request.service.service);
  for (const std::string& scope : request.scopes.ToStrings()) query += "&scope=" + http::PercentEncode(scope);
  http::Request out;
  if (request.credential) {
    query += "&account=" + http::PercentEncode(request.credential->username);
    out.headers.Set("Authorization",
                    http::BasicAuthorization(request.credential->username, request.credential->password));
  }
  out.url = request.service.realm + (request.service.realm.find('?') == std::string::npos ? "?" : "&") + query;
  return out;
}

// With an identity token the service wants the OAuth2 form.
http::Request MakePost(const TokenRequest& request) {
  http::Request out;
  out.method = "POST";
  out.url = request.service.realm;
  out.headers.Set("Content-Type", "application/x-www-form-urlencoded");
  out.body = fmt::format("grant_type=refresh_token&client_id={}&service={}&scope={}&refresh_token={}", kClientId,
                         http::PercentEncode(request.service.service),
                         http::PercentEncode(fmt::format("{}", fmt::join(request.scopes.ToStrings(), " "))),
                         http::PercentEncode(request.credential->identity_token));
  return out;
}

}  // namespace

std::optional<std::string> TokenStore::Find(const TokenRequest& request) {
  std::lock_guard lock(mutex_);
  const auto found = kept_.find(KeyOf(request));
  if (found == kept_.end()) return std::nullopt;
  const auto now = clock_.Steady();
  std::erase_if(found->second, [now](const Kept& kept) { return kept.expires <= now; });
  for (const Kept& kept : found->second) {
    if (kept.service == request.service && kept.scopes.Covers(request.scopes)) return kept.token;
  }
  return std::nullopt;
}

void TokenStore::Keep(const TokenRequest& request, const Fetched& fetched) {
  std::lock_guard lock(mutex_);
  if (kept_.size() >= kMostKeys && !kept_.contains(KeyOf(request))) kept_.clear();
  std::vector<Kept>& list = kept_[KeyOf(request)];
  if (list.size() >= kMostKeptPerKey) list.erase(list.begin());
  // A token that runs out on its way there would cost a round trip more than a new one.
  const auto margin = std::min(std::chrono::seconds(10), fetched.lifetime / 4);
  list.push_back({.service = request.service,
                  .scopes = request.scopes,
                  .token = fetched.token,
                  .expires = clock_.Steady() + fetched.lifetime - margin});
}

void TokenStore::Forget(const TokenRequest& request) {
  std::lock_guard lock(mutex_);
  const auto found = kept_.find(KeyOf(request));
  if (found == kept_.end()) return;
  std::erase_if(found->second, [&](const Kept& kept) { return kept.scopes.Covers(request.scopes); });
}

Result<std::string> TokenStore::Get(const Context& ctx, const TokenRequest& request) {
  if (auto kept = Find(request)) return *kept;
  const std::string key = fmt::format("{}\n{}\n{}\n{}", KeyOf(request), request.service.realm, request.service.service,
                                      fmt::join(request.scopes.ToStrings(), " "));
  return flights_.Do(ctx, key, [&]() -> Result<std::string> {
    if (auto kept = Find(request)) return *kept;
    SLIPWAY_ASSIGN_OR_RETURN(const Fetched fetched, Fetch(ctx, request));
    Keep(request, fetched);
    return fetched.token;
  });
}

Result<TokenStore::Fetched> TokenStore::Fetch(const Context& ctx, const TokenRequest& request) {
  const std::string service_host = http::RedactUrl(request.service.realm);
  const std::string what = fmt::format("{}: get a token for '{}' from '{}'", request.what, request.host, service_host);
  // A registry far away must not make us ask this machine's own services.
  const auto realm = http::Url::Parse(request.service.realm);
  if (!realm.ok() || (realm->IsLoopback() && !oci::IsLoopbackHost(request.host))) {
    return PermissionDenied("{}: that is no address a registry's token service can have", what);
  }
  const bool identity = request.credential && !request.credential->identity_token.empty();
  http::Request message = identity ? MakePost(request) : MakeGet(request);
  message.max_body = kLargestAnswer;
  auto [last, attempts] = WithRetry(
      ctx, retry_, clock_, [&] { return Attempt{.result = transport_.Do(ctx, message)}; }, nullptr);
  auto& result = last.result;
  if (!result.ok()) return TransportFailure(std::move(result).status(), what, attempts);
  if (result->status == 401 || result->status == 403 || result->status == 400) {
    return RefusedCredential(what, request.host, request.credential.has_value(), *result);
  }
  if (!result->ok()) return AnswerFailure(what, request.host, *result, attempts);

  SLIPWAY_ASSIGN_OR_RETURN(const nlohmann::json json,
                           oci::json::ParseObject(result->body, "the token service's answer"));
  Fetched out;
  int64_t seconds = kDefaultLifetime.count();
  // Both names are in use; "token" came first.
  SLIPWAY_RETURN_IF_ERROR(oci::json::Read(json, "access_token", out.token));
  SLIPWAY_RETURN_IF_ERROR(oci::json::Read(json, "token", out.token));
  SLIPWAY_RETURN_IF_ERROR(oci::json::Read(json, "expires_in", seconds));
  if (out.token.empty()) return Unavailable("{}: the answer has no token", what);
  out.lifetime = std::chrono::seconds(std::clamp<int64_t>(seconds, kDefaultLifetime.count(), kLongestLifetime.count()));
  return out;
}

}  // namespace slipway::registry
