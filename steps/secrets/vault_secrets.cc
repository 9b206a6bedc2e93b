#include "steps/secrets/vault_secrets.h"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace slipway::secrets {

namespace {

using nlohmann::json;

constexpr int kForbidden = 403;
constexpr int kNotFound = 404;
constexpr std::chrono::seconds kSlack(10);

std::string Trimmed(std::string address) {
  while (address.ends_with('/')) address.pop_back();
  return address;
}

// {"errors": ["…"]}
std::string ErrorsOf(const http::Response& response) {
  const json answer = json::parse(response.body, nullptr, false);
  std::string out;
  if (answer.is_object() && answer.contains("errors") && answer["errors"].is_array()) {
    for (const json& error : answer["errors"]) {
      if (error.is_string()) out += (out.empty() ? "" : "; ") + error.get<std::string>();
    }
  }
  return out;
}

Status VaultFailure(std::string_view what, const http::Response& response) {
  const std::string errors = ErrorsOf(response);
  const std::string text =
      fmt::format("{}: Vault answered {}{}{}", what, response.status, errors.empty() ? "" : ": ", errors);
  if (response.status == kForbidden) return PermissionDenied("{}", text);
  if (response.status == kNotFound) return NotFound("{}", text);
  if (response.status >= 500 || response.status == 429) return Unavailable("{}", text);
  return FailedPrecondition("{}", text);
}

bool IsPath(std::string_view path) {
  if (path.empty() || path.starts_with('/') || path.ends_with('/') || path.find("//") != std::string_view::npos)
    return false;
  if (("/" + std::string(path) + "/").find("/../") != std::string::npos) return false;
  return std::all_of(path.begin(), path.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.' || c == '/';
  });
}

}  // namespace

Result<VaultSecrets::Place> VaultSecrets::Parse(const std::string& keyvault) const {
  std::string rest = keyvault.substr(std::string_view("vault:").size());
  Place place{.url = "", .field = "value"};
  if (const size_t hash = rest.find('#'); hash != std::string::npos) {
    place.field = rest.substr(hash + 1);
    rest.resize(hash);
  }
  std::string version;
  if (const size_t query = rest.find('?'); query != std::string::npos) {
    constexpr std::string_view kVersion = "version=";
    const std::string text = rest.substr(query + 1);
    version = text.starts_with(kVersion) ? text.substr(kVersion.size()) : "";
    if (version.empty() || version.find_first_not_of("0123456789") != std::string::npos) {
      return InvalidArgument("'{}': only '?version=NUMBER' may follow the path", keyvault);
    }
    rest.resize(query);
  }
  const size_t slash = rest.find('/');
  if (slash == std::string::npos || place.field.empty() || !IsPath(rest)) {
    return InvalidArgument("'{}' is not of the form vault:MOUNT/PATH#FIELD", keyvault);
  }
  place.url = fmt::format("{}/v1/{}/data/{}{}", Trimmed(options_.address), rest.substr(0, slash),
                          rest.substr(slash + 1), version.empty() ? "" : "?version=" + version);
  return place;
}

Result<http::Response> VaultSecrets::Call(const Context& ctx, http::Request request, const std::string& token) {
  request.headers.Add("X-Vault-Request", "true");
  if (!token.empty()) request.headers.Add("X-Vault-Token", token);
  if (!options_.namespace_.empty()) request.headers.Add("X-Vault-Namespace", options_.namespace_);
  request.max_redirects = 0;  // a token is for this server alone
  return transport_.Do(ctx, request);
}

Result<std::string> VaultSecrets::SignIn(const Context& ctx, std::chrono::seconds* lasts) {
  http::Request request;
  request.method = "POST";
  request.url = fmt::format("{}/v1/auth/{}/login", Trimmed(options_.address), options_.approle_mount);
  request.headers.Add("Content-Type", "application/json");
  request.body = json({{"role_id", options_.role_id}, {"secret_id", options_.secret_id}}).dump();
  SLIPWAY_ASSIGN_OR_RETURN(const http::Response response, Call(ctx, std::move(request), ""));
  if (!response.ok()) return VaultFailure("sign in to Vault by AppRole", response);
  const json answer = json::parse(response.body, nullptr, false);
  const json* auth = answer.is_object() && answer.contains("auth") ? &answer["auth"] : nullptr;
  if (auth == nullptr || !auth->is_object() || !auth->contains("client_token") ||
      !(*auth)["client_token"].is_string()) {
    return Unavailable("sign in to Vault by AppRole: its answer has no token");
  }
  *lasts = std::chrono::seconds(auth->value("lease_duration", int64_t{0}));
  return (*auth)["client_token"].get<std::string>();
}

Result<std::string> VaultSecrets::Token(const Context& ctx) {
  if (!options_.token.empty()) return options_.token;
  const std::lock_guard lock(mutex_);
  if (!token_.empty() && clock_.System() < token_end_) return token_;
  std::chrono::seconds lasts{0};
  SLIPWAY_ASSIGN_OR_RETURN(token_, SignIn(ctx, &lasts));
  token_end_ =
      clock_.System() + (lasts.count() > 0 ? std::max(lasts - kSlack, std::chrono::seconds(0)) : std::chrono::hours(1));
  return token_;
}

void VaultSecrets::Forget(const std::string& token) {
  const std::lock_guard lock(mutex_);
  if (token_ == token) token_.clear();
}

Result<std::string> VaultSecrets::Fetch(const Context& ctx, const task::Secret& secret) {
  SLIPWAY_ASSIGN_OR_RETURN(const Place place, Parse(secret.keyvault));
  http::Response response;
  for (int attempt = 0; attempt < 2; ++attempt) {
    SLIPWAY_ASSIGN_OR_RETURN(const std::string token, Token(ctx));
    http::Request request;
    request.url = place.url;
    request.max_body = 2 * kLargestSecret;
    SLIPWAY_ASSIGN_OR_RETURN(response, Call(ctx, std::move(request), token));
    // It may have been revoked; one that the operator gave stays what it is.
    if (response.status != kForbidden || !options_.token.empty()) break;
    Forget(token);
  }
  if (!response.ok()) return VaultFailure("read the secret", response);
  const json answer = json::parse(response.body, nullptr, false);
  const json* data =
      answer.is_object() && answer.contains("data") && answer["data"].is_object() && answer["data"].contains("data")
          ? &answer["data"]["data"]
          : nullptr;
  if (data == nullptr || !data->is_object()) {
    return NotFound("read the secret: the answer holds no data; is '{}' of version 2 of the key-value engine",
                    secret.keyvault);
  }
  const auto field = data->find(place.field);
  if (field == data->end()) return NotFound("the secret has no field '{}'", place.field);
  return field->is_string() ? field->get<std::string>() : field->dump();
}

}  // namespace slipway::secrets
