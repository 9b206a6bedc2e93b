#include "executor/attest/provenance.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "executor/attest/package.h"
#include "executor/base/ascii.h"

namespace slipway::attest {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kContextUri = "urn:slipway:context";

bool IsSsh(std::string_view scheme) {
  const std::string lower = LowerAscii(scheme);
  return lower == "ssh" || lower == "git+ssh";
}

// Drops the password, and the user too where it may be a token. The user of ssh is a name that the address needs.
void DropUserinfo(std::string* url) {
  const size_t scheme = url->find("://");
  const bool scp = scheme == std::string::npos;  // "user@host:path"
  const size_t begin = scp ? 0 : scheme + 3;
  const size_t end = std::min(url->find_first_of("/?#", begin), url->size());
  const std::string_view authority = std::string_view(*url).substr(begin, end - begin);
  const size_t at = authority.rfind('@');
  if (at == std::string_view::npos) return;
  const size_t colon = std::min(authority.find(':'), at);
  if (scp && authority.find('@') < colon) return;  // what comes after the host is a path
  const bool keep_user = scp || IsSsh(std::string_view(*url).substr(0, scheme));
  if (keep_user) {
    url->erase(begin + colon, at - colon);
  } else {
    url->erase(begin, at + 1);
  }
}

std::string PublicUrl(std::string url, bool git) {
  DropUserinfo(&url);
  // The query of a signed address is a secret.
  if (const size_t query = url.find('?'); !git && query != std::string::npos) url.erase(query);
  return url;
}

bool IsCommit(std::string_view text) { return text.size() == 40 || text.size() == 64; }

Json CommitDigest(const std::string& commit) { return {{commit.size() == 64 ? "sha256" : "sha1", commit}}; }

Json SourceOf(const BuildFacts& facts) {
  Json out = Json::object();
  const bool git = !facts.revision.empty();
  out["uri"] = facts.source.empty() ? std::string(kContextUri) : PublicUrl(facts.source, git);
  if (git) {
    out["digest"] = CommitDigest(facts.revision);
  } else {
    out["digest"] = {{"sha256", facts.context.hex()}};
  }
  return out;
}

Json Dependencies(const BuildFacts& facts) {
  std::vector<std::pair<std::string, Json>> found;
  for (const BuildFacts::Image& image : facts.images) {
    const std::string uri = ImagePurl(image.reference, image.platform);
    found.emplace_back(uri, Json{{"uri", uri}, {"digest", {{"sha256", image.digest.hex()}}}});
  }
  for (const BuildFacts::Download& download : facts.downloads) {
    const std::string uri = PublicUrl(download.url, download.git);
    Json entry = {{"uri", uri}};
    if (!download.checksum.empty()) entry["digest"] = {{"sha256", download.checksum.hex()}};
    if (IsCommit(download.commit)) entry["digest"] = CommitDigest(download.commit);
    found.emplace_back(uri, std::move(entry));
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  Json out = Json::array();
  out.push_back(SourceOf(facts));
  for (auto& [uri, entry] : found) {
    if (std::find(out.begin(), out.end(), entry) == out.end()) out.push_back(std::move(entry));
  }
  return out;
}

Json Request(const BuildFacts& facts, ProvenanceMode mode) {
  Json args = {{"platform", facts.platform.ToString()}};
  if (!facts.target.empty()) args["target"] = facts.target;
  Json out = {{"frontend", "dockerfile.v0"}};
  if (mode == ProvenanceMode::kMax) {
    for (const auto& [name, value] : facts.args) args["build-arg:" + name] = value;
    for (const auto& [name, value] : facts.labels) args["label:" + name] = value;
    Json secrets = Json::array();
    for (const std::string& name : facts.secret_args) secrets.push_back({{"id", "build-arg:" + name}});
    if (!secrets.empty()) out["secrets"] = std::move(secrets);
  }
  out["args"] = std::move(args);
  return out;
}

}  // namespace

std::string ImagePurl(const oci::Reference& reference, const oci::Platform& platform) {
  const bool hub = reference.host == "docker.io";
  std::string name = hub ? reference.repository : reference.host + "/" + reference.repository;
  constexpr std::string_view kLibrary = "library/";
  if (hub && name.starts_with(kLibrary)) name.erase(0, kLibrary.size());
  std::string out = "pkg:docker/" + PercentEncode(name, "/:");
  if (!reference.tag.empty()) out += "@" + PercentEncode(reference.tag);
  out += "?";
  if (!reference.digest.empty()) out += fmt::format("digest={}&", reference.digest.ToString());
  return out + "platform=" + PercentEncode(platform.ToString());
}

std::string ProvenancePredicate(const BuildFacts& facts, ProvenanceMode mode) {
  Json source = SourceOf(facts);
  source["path"] = facts.dockerfile;
  Json internal = {{"builderPlatform", facts.build_platform.ToString()}};
  if (mode == ProvenanceMode::kMax) internal["dockerfile"] = {{"digest", {{"sha256", facts.dockerfile_digest.hex()}}}};
  const Json predicate = {
      {"buildDefinition",
       {{"buildType", kBuildType},
        {"externalParameters", {{"configSource", std::move(source)}, {"request", Request(facts, mode)}}},
        {"internalParameters", std::move(internal)},
        {"resolvedDependencies", Dependencies(facts)}}},
      {"runDetails", {{"builder", {{"id", kBuilderId}}}}},
  };
  return predicate.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace slipway::attest
