#include "executor/registry/credentials.h"

#include <set>

#include "executor/base/fs.h"
#include "executor/http/base64.h"
#include "executor/oci/json.h"

namespace slipway::registry {

namespace {

constexpr uint64_t kLargestDockerConfig = 4U << 20;

// "https://index.docker.io/v1/" and "reg:5000/" to the host that references carry.
std::string HostOfKey(std::string_view key) {
  if (const size_t scheme = key.find("://"); scheme != std::string_view::npos) key.remove_prefix(scheme + 3);
  key = key.substr(0, key.find('/'));
  if (key == "index.docker.io" || key == "registry-1.docker.io") return "docker.io";
  return std::string(key);
}

class StaticSource : public CredentialSource {
 public:
  explicit StaticSource(std::map<std::string, Credential> by_host) : by_host_(std::move(by_host)) {}

  Result<std::optional<Credential>> Lookup(const Context&, const std::string& host) override {
    const auto it = by_host_.find(host);
    return it == by_host_.end() ? std::optional<Credential>() : std::optional(it->second);
  }

 private:
  const std::map<std::string, Credential> by_host_;
};

class DockerConfigSource : public CredentialSource {
 public:
  DockerConfigSource(std::string name, std::map<std::string, Credential> by_host,
                     std::map<std::string, std::string> helpers, std::string store)
      : name_(std::move(name)), by_host_(std::move(by_host)), helpers_(std::move(helpers)), store_(std::move(store)) {}

  Result<std::optional<Credential>> Lookup(const Context&, const std::string& host) override {
    if (const auto it = helpers_.find(host); it != helpers_.end()) return Refuse(host, it->second);
    const auto it = by_host_.find(host);
    if (it == by_host_.end()) return std::optional<Credential>();
    // With a store, Docker leaves an empty entry behind to say that the store has it.
    const bool empty = it->second == Credential();
    if (empty && !store_.empty()) return Refuse(host, store_);
    return empty ? std::optional<Credential>() : std::optional(it->second);
  }

 private:
  Status Refuse(const std::string& host, const std::string& helper) const {
    return FailedPrecondition(
        "credentials for '{}': '{}' keeps them in the helper program 'docker-credential-{}', which is not supported; "
        "put them into 'auths' or give them to Slipway directly",
        host, name_, helper);
  }

  const std::string name_;
  const std::map<std::string, Credential> by_host_;
  const std::map<std::string, std::string> helpers_;
  const std::string store_;
};

class Chain : public CredentialSource {
 public:
  explicit Chain(std::vector<std::shared_ptr<CredentialSource>> sources) : sources_(std::move(sources)) {}

  Result<std::optional<Credential>> Lookup(const Context& ctx, const std::string& host) override {
    for (const auto& source : sources_) {
      SLIPWAY_ASSIGN_OR_RETURN(std::optional<Credential> found, source->Lookup(ctx, host));
      if (found) return found;
    }
    return std::optional<Credential>();
  }

 private:
  const std::vector<std::shared_ptr<CredentialSource>> sources_;
};

Result<Credential> ParseEntry(const nlohmann::json& entry) {
  if (!entry.is_object()) return InvalidArgument("the entry is not an object");
  Credential out;
  std::string auth;
  SLIPWAY_RETURN_IF_ERROR(oci::json::Read(entry, "username", out.username));
  SLIPWAY_RETURN_IF_ERROR(oci::json::Read(entry, "password", out.password));
  SLIPWAY_RETURN_IF_ERROR(oci::json::Read(entry, "identitytoken", out.identity_token));
  SLIPWAY_RETURN_IF_ERROR(oci::json::Read(entry, "auth", auth));
  if (auth.empty()) return out;
  auto decoded = http::Base64Decode(auth);
  if (!decoded.ok()) return InvalidArgument("field 'auth' is not base64");
  while (decoded->ends_with('\0')) decoded->pop_back();
  const size_t colon = decoded->find(':');
  if (colon == std::string::npos) return InvalidArgument("field 'auth' does not hold user:password");
  out.username = decoded->substr(0, colon);
  out.password = decoded->substr(colon + 1);
  return out;
}

}  // namespace

std::shared_ptr<CredentialSource> StaticCredentials(std::map<std::string, Credential> by_host) {
  return std::make_shared<StaticSource>(std::move(by_host));
}

Result<std::shared_ptr<CredentialSource>> DockerConfigCredentials(std::string_view json, std::string_view name) {
  const std::string what = fmt::format("read credentials from '{}'", name);
  auto parsed = oci::json::ParseObject(json, "the document");
  if (!parsed.ok()) return std::move(parsed).status().With(what);
  std::map<std::string, Credential> by_host;
  if (const auto auths = parsed->find("auths"); auths != parsed->end() && !auths->is_null()) {
    if (!auths->is_object()) return InvalidArgument("{}: field 'auths' is not an object", what);
    for (const auto& [key, entry] : auths->items()) {
      auto credential = ParseEntry(entry);
      if (!credential.ok()) return std::move(credential).status().With(fmt::format("{}: '{}'", what, HostOfKey(key)));
      by_host[HostOfKey(key)] = std::move(*credential);
    }
  }
  std::map<std::string, std::string> helper_keys;
  std::string store;
  if (Status s = oci::json::Read(*parsed, "credHelpers", helper_keys); !s.ok()) return std::move(s).With(what);
  if (Status s = oci::json::Read(*parsed, "credsStore", store); !s.ok()) return std::move(s).With(what);
  std::map<std::string, std::string> helpers;
  for (const auto& [key, helper] : helper_keys) helpers[HostOfKey(key)] = helper;
  return std::shared_ptr<CredentialSource>(std::make_shared<DockerConfigSource>(std::string(name), std::move(by_host),
                                                                                std::move(helpers), std::move(store)));
}

Result<std::shared_ptr<CredentialSource>> DockerConfigFile(const std::string& path) {
  SLIPWAY_ASSIGN_OR_RETURN(const std::string text, fs::ReadFile(path, kLargestDockerConfig));
  return DockerConfigCredentials(text, path);
}

std::shared_ptr<CredentialSource> ChainCredentials(std::vector<std::shared_ptr<CredentialSource>> sources) {
  std::erase(sources, nullptr);
  if (sources.size() == 1) return sources[0];
  return std::make_shared<Chain>(std::move(sources));
}

}  // namespace slipway::registry
