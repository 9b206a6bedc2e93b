#include "executor/attest/spdx.h"

#include <fmt/chrono.h>

#include <nlohmann/json.hpp>

#include "executor/base/digest.h"

namespace slipway::attest {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kDocument = "SPDXRef-DOCUMENT";
constexpr std::string_view kImage = "SPDXRef-Image";

std::string Seconds(SystemTime time) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch());
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(static_cast<std::time_t>(seconds.count())));
}

Json Relation(std::string_view from, std::string_view kind, std::string_view to) {
  return {{"spdxElementId", from}, {"relationshipType", kind}, {"relatedSpdxElement", to}};
}

// What a package manager calls a licence is seldom SPDX's name for it, so it is told as a remark.
Json PackageToJson(const Package& package, const std::string& id, const std::string& url) {
  const bool grouped = !package.space.empty();
  const bool colon = package.type == "maven";
  Json out = {
      {"name", grouped ? package.space + (colon ? ":" : "/") + package.name : package.name},
      {"SPDXID", id},
      {"versionInfo", package.version},
      {"downloadLocation", "NOASSERTION"},
      {"filesAnalyzed", false},
      {"sourceInfo", "found in " + package.found_in},
      {"licenseConcluded", "NOASSERTION"},
      {"licenseDeclared", "NOASSERTION"},
      {"copyrightText", "NOASSERTION"},
  };
  if (!package.license.empty()) out["licenseComments"] = "the package says: " + package.license;
  if (!package.source.empty()) out["comment"] = "built from source package " + package.source;
  out["externalRefs"] =
      Json::array({{{"referenceCategory", "PACKAGE-MANAGER"}, {"referenceType", "purl"}, {"referenceLocator", url}}});
  return out;
}

}  // namespace

std::string SpdxDocument(const Findings& findings, const oci::Platform& platform, SystemTime created) {
  Json packages = Json::array();
  Json relations = Json::array();
  packages.push_back({{"name", "image"},
                      {"SPDXID", kImage},
                      {"downloadLocation", "NOASSERTION"},
                      {"filesAnalyzed", false},
                      {"licenseConcluded", "NOASSERTION"},
                      {"licenseDeclared", "NOASSERTION"},
                      {"copyrightText", "NOASSERTION"},
                      {"primaryPackagePurpose", "CONTAINER"},
                      {"comment", "platform " + platform.ToString()}});
  relations.push_back(Relation(kDocument, "DESCRIBES", kImage));
  Hasher hasher;
  hasher.Field(platform.ToString());
  for (const Package& package : findings.packages) {
    const std::string url = Purl(package, findings.distribution);
    hasher.Field(url);
    const std::string id = fmt::format("SPDXRef-Package-{}-{}", package.type, Digest::Of(url).hex().substr(0, 20));
    packages.push_back(PackageToJson(package, id, url));
    relations.push_back(Relation(kImage, "CONTAINS", id));
  }
  Json creation = {{"created", Seconds(created)}, {"creators", Json::array({"Tool: slipway"})}};
  if (!findings.problems.empty()) {
    creation["comment"] = fmt::format("Not read: {}", fmt::join(findings.problems, "; "));
  }
  const Json document = {
      {"spdxVersion", "SPDX-2.3"},
      {"dataLicense", "CC0-1.0"},
      {"SPDXID", kDocument},
      {"name", "image " + platform.ToString()},
      {"documentNamespace", "urn:sha256:" + hasher.Finish().hex()},
      {"creationInfo", std::move(creation)},
      {"packages", std::move(packages)},
      {"relationships", std::move(relations)},
  };
  return document.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace slipway::attest
