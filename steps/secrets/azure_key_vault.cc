#include "steps/secrets/azure_key_vault.h"

#include <algorithm>
#include <vector>

#include <nlohmann/json.hpp>

#include "executor/base/ascii.h"
#include "executor/http/url.h"

namespace slipway::secrets {

namespace {

using nlohmann::json;

constexpr std::string_view kScheme = "https://";

std::vector<std::string> Segments(std::string_view path) {
  std::vector<std::string> out;
  while (!path.empty()) {
    const size_t end = std::min(path.find('/'), path.size());
    out.emplace_back(path.substr(0, end));
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return out;
}

// A string member of a JSON object.
std::string Member(const std::string& body, const char* name) {
  const json answer = json::parse(body, nullptr, false);
  return answer.is_object() && answer.contains(name) && answer[name].is_string() ? answer[name].get<std::string>() : "";
}

// {"error": {"code": …, "message": …}}, or of an identity {"error": "…", "error_description": "…"}
std::string ErrorOf(const http::Response& response) {
  const json answer = json::parse(response.body, nullptr, false);
  if (!answer.is_object()) return "";
  if (answer.contains("error") && answer["error"].is_object()) {
    const json& error = answer["error"];
    return error.contains("message") && error["message"].is_string() ? ": " + error["message"].get<std::string>() : "";
  }
  const std::string text = Member(response.body, "error_description");
  return text.empty() ? "" : ": " + text;
}

Status AzureFailure(std::string_view what, const http::Response& response) {
  const std::string text = fmt::format("{}: HTTP {}{}", what, response.status, ErrorOf(response));
  if (response.status == 401 || response.status == 403) return PermissionDenied("{}", text);
  if (response.status == 404) return NotFound("{}", text);
  if (response.status >= 500 || response.status == 429) return Unavailable("{}", text);
  return FailedPrecondition("{}", text);
}

// The address as whoever sends the request reads it: the token is for the host that is found here. What a vault's URL
// never has is refused and not quoted, since a password or token may stand there.
Result<http::Url> ParseVaultAddress(std::string_view text) {
  constexpr std::string_view kWhat = "invalid azure keyvault secret URL";
  constexpr uint16_t kPort = 443;
  if (text.find_first_of("?#") != std::string_view::npos) {
    return InvalidArgument("{}. It has a query or a fragment ('?', '#'), which no secret's URL has", kWhat);
  }
  SLIPWAY_ASSIGN_OR_RETURN(http::Url url, http::Url::Parse(text).With(kWhat));
  if (!url.userinfo.empty() || text.find('@') != std::string_view::npos) {
    return InvalidArgument("{}. It names a user ('@'); the vault is asked as the identity", kWhat);
  }
  if (url.port != kPort) return InvalidArgument("{}. It names port {}; vaults answer at {}", kWhat, url.port, kPort);
  return url;
}

// Labels of ASCII letters, digits and '-' between single dots, and a domain, no address, at the end: anything else may
// be another host by the time that it is looked up (U+3002 is a dot to IDNA, "0x7f.1" an address).
bool IsVaultHost(std::string_view host) {
  const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-'; };
  if (!std::all_of(host.begin(), host.end(), fits)) return false;
  const size_t last = host.rfind('.');
  if (last == std::string_view::npos || host.starts_with('.') || host.find("..") != std::string_view::npos) {
    return false;
  }
  return last + 1 < host.size() && host[last + 1] >= 'a' && host[last + 1] <= 'z';
}

}  // namespace

Result<KeyVaultAddress> ParseKeyVaultUrl(std::string_view url) {
  if (url.empty()) return InvalidArgument("missing azure keyvault URL");
  std::string text = LowerAscii(url);
  if (text.ends_with('/')) text.pop_back();
  if (!text.starts_with(kScheme)) return InvalidArgument("invalid azure keyvault secret URL scheme. Expected Https");
  SLIPWAY_ASSIGN_OR_RETURN(const http::Url parsed, ParseVaultAddress(text));
  KeyVaultAddress out{.host = parsed.host, .path = parsed.path, .resource = ""};
  const std::vector<std::string> segments = Segments(std::string_view(out.path).substr(1));
  if (segments.size() != 2 && segments.size() != 3) {
    return InvalidArgument("invalid azure keyvault secret URL. Bad number of URL segments: {}", segments.size());
  }
  if (segments[0] != "secrets") {
    return InvalidArgument("invalid azure keyvault secret URL. Expected 'secrets' collection, but found: {}",
                           segments[0]);
  }
  const auto fits = [](unsigned char c) { return std::isalnum(c) != 0 || c == '-'; };
  for (const std::string& segment : segments) {
    if (segment.empty() || !std::all_of(segment.begin(), segment.end(), fits)) {
      return InvalidArgument("invalid azure keyvault secret URL. '{}' is no name of a secret or version", segment);
    }
  }
  if (!IsVaultHost(out.host)) {
    return InvalidArgument("extracted vault resource {} from vault URL {} is invalid", out.host, text);
  }
  out.resource = std::string(kScheme) + out.host.substr(out.host.find('.') + 1);
  return out;
}

bool AzureKeyVaultSecrets::Serves(std::string_view keyvault) const { return LowerAscii(keyvault).starts_with("http"); }

Result<std::string> AzureKeyVaultSecrets::Token(const Context& ctx, const std::string& resource,
                                                const std::string& client_id) {
  http::Request request;
  // Both are of letters, digits and what needs no escape in a query.
  request.url = fmt::format("{}?api-version=2018-02-01&resource={}{}", options_.identity_endpoint, resource,
                            client_id.empty() ? "" : "&client_id=" + client_id);
  request.headers.Add("Metadata", "true");
  request.max_redirects = 0;
  request.plain_http = http::PlainHttp::kAny;  // the endpoint is on a link of the machine's own
  request.response_timeout = std::chrono::seconds(30);
  SLIPWAY_ASSIGN_OR_RETURN(const http::Response response, transport_.Do(ctx, request));
  if (!response.ok()) return AzureFailure("get a token for the managed identity", response);
  std::string token = Member(response.body, "access_token");
  if (token.empty()) return Unavailable("get a token for the managed identity: the answer has none");
  return token;
}

Result<std::string> AzureKeyVaultSecrets::Fetch(const Context& ctx, const task::Secret& secret) {
  SLIPWAY_ASSIGN_OR_RETURN(const KeyVaultAddress address, ParseKeyVaultUrl(secret.keyvault));
  auto token = Token(ctx, address.resource, secret.client_id);
  SLIPWAY_RETURN_IF_ERROR(token.status());
  http::Request request;
  const std::string base =
      options_.vault_endpoint.empty() ? std::string(kScheme) + address.host : options_.vault_endpoint;
  request.url = fmt::format("{}{}?api-version=7.4", base, address.path);
  request.headers.Add("Authorization", "Bearer " + *token);
  request.max_redirects = 0;
  request.max_body = 2 * kLargestSecret;
  SLIPWAY_ASSIGN_OR_RETURN(const http::Response response, transport_.Do(ctx, request));
  if (!response.ok()) return AzureFailure("read the secret", response);
  const json answer = json::parse(response.body, nullptr, false);
  if (!answer.is_object() || !answer.contains("value") || !answer["value"].is_string()) {
    return Unavailable("read the secret: the vault's answer has no value");
  }
  return answer["value"].get<std::string>();
}

}  // namespace slipway::secrets
