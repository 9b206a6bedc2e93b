#include "daemon/trigger/webhook.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <array>
#include <charconv>
#include <span>
#include <vector>

#include "daemon/secrets/hmac.h"
#include "daemon/trigger/payloads.h"
#include "executor/base/digest.h"
#include "executor/oci/json.h"

namespace slipway::trigger {

namespace {
constexpr std::chrono::minutes kMostSkew{5};

Status NotGenuine(std::string_view header, std::string_view why) {
  return Unauthenticated("the delivery's {} {}", header, why);
}

// "sha256=<hex>" or the hex alone.
Status CheckHmac(std::string_view header, std::string_view value, std::string_view signed_text,
                 std::string_view secret) {
  if (value.empty()) return NotGenuine(header, "is missing; give the webhook the trigger's secret");
  constexpr std::string_view kPrefix = "sha256=";
  if (value.starts_with(kPrefix)) value.remove_prefix(kPrefix.size());
  if (!SameSecret(value, secrets::HmacHex(signed_text, secret))) {
    return NotGenuine(header, "is not that of this body under the trigger's secret");
  }
  return Status();
}

std::optional<std::string> DecodeBase64(std::string_view text) {
  if (text.empty() || text.size() > 4096 || text.size() % 4 != 0) return std::nullopt;
  std::vector<unsigned char> bytes(text.size());
  const int size =
      EVP_DecodeBlock(bytes.data(), reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  if (size < 0) return std::nullopt;
  size_t padding = 0;
  if (text.ends_with("==")) {
    padding = 2;
  } else if (text.ends_with('=')) {
    padding = 1;
  }
  return std::string(bytes.begin(), bytes.begin() + size - static_cast<std::ptrdiff_t>(padding));
}

Status CheckBasic(std::string_view value, std::string_view secret) {
  constexpr std::string_view kScheme = "Basic ";
  if (!value.starts_with(kScheme))
    return NotGenuine("Authorization", "is missing; set the hook's basic authentication");
  const std::optional<std::string> pair = DecodeBase64(value.substr(kScheme.size()));
  const size_t colon = pair ? pair->find(':') : std::string::npos;
  if (colon == std::string::npos || !SameSecret(std::string_view(*pair).substr(colon + 1), secret)) {
    return NotGenuine("Authorization", "does not carry the trigger's secret as its password");
  }
  return Status();
}

Status CheckGeneric(const Headers& headers, std::string_view body, std::string_view secret, SystemTime now) {
  const std::string_view stamp = headers("X-Slipway-Timestamp");
  int64_t seconds = 0;
  const auto [end, error] = std::from_chars(stamp.data(), stamp.data() + stamp.size(), seconds);
  if (stamp.empty() || error != std::errc() || end != stamp.data() + stamp.size()) {
    return NotGenuine("X-Slipway-Timestamp", "is not a number of seconds since 1970");
  }
  SLIPWAY_RETURN_IF_ERROR(
      CheckHmac("X-Slipway-Signature", headers("X-Slipway-Signature"), fmt::format("{}.{}", stamp, body), secret));
  const int64_t today = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  const int64_t skew = std::chrono::seconds(kMostSkew).count();
  if (seconds < today - skew || seconds > today + skew) {
    return NotGenuine("X-Slipway-Timestamp", "is more than five minutes away from this machine's clock");
  }
  return Status();
}

Result<std::vector<GitEvent>> One(Result<GitEvent> event) {
  SLIPWAY_RETURN_IF_ERROR(event.status());
  return std::vector<GitEvent>{*std::move(event)};
}

Result<std::vector<GitEvent>> ParseEvents(GitHost host, const Headers& headers, const Payload& payload) {
  switch (host) {
    case GitHost::kGitHub: return One(ParseGitHub(headers("X-GitHub-Event"), payload));
    case GitHost::kGitea: {
      const std::string_view own = headers("X-Gitea-Event");
      return One(ParseGitHub(own.empty() ? headers("X-Forgejo-Event") : own, payload));
    }
    case GitHost::kGitLab: return One(ParseGitLab(payload));
    case GitHost::kBitbucket: return ParseBitbucket(headers("X-Event-Key"), payload);
    case GitHost::kAzureDevOps: return One(ParseAzureDevOps(payload));
    case GitHost::kGeneric: return One(ParseGeneric(headers("X-Slipway-Event"), payload));
  }
  return Internal("unknown host");
}

// The headers in which a host may name a delivery, the best first. Those of others do not count: proxies on the way add
// some, and theirs are new for each request, also for one that is sent again.
std::span<const std::string_view> DeliveryHeaders(GitHost host) {
  static constexpr std::array<std::string_view, 1> kGitHub = {"X-GitHub-Delivery"};
  static constexpr std::array<std::string_view, 3> kGitea = {"X-Gitea-Delivery", "X-Forgejo-Delivery",
                                                             "X-GitHub-Delivery"};
  static constexpr std::array<std::string_view, 2> kGitLab = {"Idempotency-Key", "X-Gitlab-Event-UUID"};
  // The cloud's, and the server's.
  static constexpr std::array<std::string_view, 2> kBitbucket = {"X-Request-UUID", "X-Request-Id"};
  static constexpr std::array<std::string_view, 4> kGeneric = {"X-Slipway-Delivery", "Idempotency-Key",
                                                               "X-Request-UUID", "X-Request-Id"};
  switch (host) {
    case GitHost::kGitHub: return kGitHub;
    case GitHost::kGitea: return kGitea;
    case GitHost::kGitLab: return kGitLab;
    case GitHost::kBitbucket: return kBitbucket;
    case GitHost::kAzureDevOps: return {};  // it stands in the body
    case GitHost::kGeneric: return kGeneric;
  }
  return {};
}

std::string DeliveryIdOf(GitHost host, const GitEvent& event, const Headers& headers, std::string_view body) {
  if (!event.delivery_id.empty()) return event.delivery_id;
  for (const std::string_view name : DeliveryHeaders(host)) {
    if (!headers(name).empty()) return std::string(headers(name).substr(0, 200));
  }
  // A host that names none sends the same bytes again.
  return Digest::Of(body).ToString();
}

}  // namespace

// Of both, the digests are compared.
bool SameSecret(std::string_view a, std::string_view b) {
  const Digest left = Digest::Of(a);
  const Digest right = Digest::Of(b);
  return CRYPTO_memcmp(left.bytes().data(), right.bytes().data(), Digest::kSize) == 0;
}

std::string_view GitHostName(GitHost host) {
  switch (host) {
    case GitHost::kGitHub: return "github";
    case GitHost::kGitea: return "gitea";
    case GitHost::kGitLab: return "gitlab";
    case GitHost::kBitbucket: return "bitbucket";
    case GitHost::kAzureDevOps: return "azuredevops";
    case GitHost::kGeneric: return "generic";
  }
  return "generic";
}

Result<GitHost> DetectHost(const Headers& headers) {
  // Gitea and Forgejo send GitHub's headers as well as their own.
  if (!headers("X-Gitea-Event").empty() || !headers("X-Forgejo-Event").empty()) return GitHost::kGitea;
  if (!headers("X-GitHub-Event").empty()) return GitHost::kGitHub;
  if (!headers("X-Gitlab-Event").empty()) return GitHost::kGitLab;
  if (!headers("X-Event-Key").empty()) return GitHost::kBitbucket;
  if (!headers("X-Slipway-Event").empty()) return GitHost::kGeneric;
  if (headers("Authorization").starts_with("Basic ")) return GitHost::kAzureDevOps;
  return InvalidArgument(
      "the delivery has none of the headers X-GitHub-Event, X-Gitea-Event, X-Gitlab-Event, X-Event-Key (Bitbucket), "
      "X-Slipway-Event, nor the basic authentication of Azure DevOps");
}

Status VerifyDelivery(GitHost host, const Headers& headers, std::string_view body, std::string_view secret,
                      SystemTime now) {
  if (secret.empty()) return Unauthenticated("the trigger has no secret, so nothing can prove a delivery");
  switch (host) {
    case GitHost::kGitHub: return CheckHmac("X-Hub-Signature-256", headers("X-Hub-Signature-256"), body, secret);
    case GitHost::kGitea: {
      for (const std::string_view name : {"X-Gitea-Signature", "X-Forgejo-Signature"}) {
        if (!headers(name).empty()) return CheckHmac(name, headers(name), body, secret);
      }
      return CheckHmac("X-Hub-Signature-256", headers("X-Hub-Signature-256"), body, secret);
    }
    case GitHost::kGitLab: {
      if (headers("X-Gitlab-Token").empty()) return NotGenuine("X-Gitlab-Token", "is missing");
      if (!SameSecret(headers("X-Gitlab-Token"), secret))
        return NotGenuine("X-Gitlab-Token", "is not the trigger's secret");
      return Status();
    }
    case GitHost::kBitbucket: return CheckHmac("X-Hub-Signature", headers("X-Hub-Signature"), body, secret);
    case GitHost::kAzureDevOps: return CheckBasic(headers("Authorization"), secret);
    case GitHost::kGeneric: return CheckGeneric(headers, body, secret, now);
  }
  return Internal("unknown host");
}

std::string SignGeneric(std::string_view timestamp, std::string_view body, std::string_view secret) {
  return "sha256=" + secrets::HmacHex(fmt::format("{}.{}", timestamp, body), secret);
}

Result<std::vector<GitEvent>> ParseDelivery(GitHost host, const Headers& headers, std::string_view body) {
  SLIPWAY_ASSIGN_OR_RETURN(const nlohmann::json json, oci::json::ParseObject(body, "the delivery's body"));
  Result<std::vector<GitEvent>> events = ParseEvents(host, headers, Payload(json));
  if (!events.ok()) return std::move(events).status().With(fmt::format("a delivery of {}", GitHostName(host)));
  const std::string id = DeliveryIdOf(host, events->front(), headers, body);
  for (size_t i = 0; i < events->size(); ++i) {
    GitEvent& event = (*events)[i];
    event.host = host;
    event.delivery_id = i == 0 ? id : fmt::format("{}#{}", id, i);
  }
  return events;
}

}  // namespace slipway::trigger
