#include "executor/attest/spdx.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include <nlohmann/json.hpp>

namespace slipway::attest {
namespace {

using nlohmann::json;

const SystemTime kTime{std::chrono::seconds(1'700'000'000)};

Findings Some() {
  Findings found;
  found.distribution = {.id = "debian", .version = "12"};
  found.packages = {{.type = "deb",
                     .name = "libc6",
                     .version = "2.36-9",
                     .architecture = "arm64",
                     .source = "glibc",
                     .found_in = "/var/lib/dpkg/status"},
                    {.type = "npm", .space = "@babel", .name = "core", .version = "7", .license = "MIT"}};
  return found;
}

json Document(const Findings& found) { return json::parse(SpdxDocument(found, *oci::Platform::Parse("arm64"), kTime)); }

TEST(Spdx, TheDocumentDescribesAnImageThatContainsPackages) {
  const json document = Document(Some());
  EXPECT_EQ(document["spdxVersion"], "SPDX-2.3");
  EXPECT_EQ(document["dataLicense"], "CC0-1.0");
  EXPECT_EQ(document["SPDXID"], "SPDXRef-DOCUMENT");
  EXPECT_EQ(document["creationInfo"]["created"], "2023-11-14T22:13:20Z");
  EXPECT_EQ(document["creationInfo"]["creators"], json::array({"Tool: slipway"}));
  ASSERT_EQ(document["packages"].size(), 3U);
  const json& libc = document["packages"][1];
  EXPECT_EQ(libc["name"], "libc6");
  EXPECT_EQ(libc["versionInfo"], "2.36-9");
  EXPECT_EQ(libc["externalRefs"][0]["referenceLocator"], "pkg:deb/debian/libc6@2.36-9?arch=arm64&distro=debian-12");
  EXPECT_EQ(libc["sourceInfo"], "found in /var/lib/dpkg/status");
  EXPECT_EQ(document["packages"][2]["licenseComments"], "the package says: MIT");
  EXPECT_EQ(document["packages"][2]["name"], "@babel/core");
  EXPECT_EQ(document["relationships"][0]["relationshipType"], "DESCRIBES");
  EXPECT_EQ(document["relationships"][1]["spdxElementId"], document["packages"][0]["SPDXID"]);
  EXPECT_EQ(document["relationships"][1]["relatedSpdxElement"], libc["SPDXID"]);
}

TEST(Spdx, IdentifiersAreUniqueAndOfLegalCharacters) {
  const json document = Document(Some());
  std::set<std::string> ids;
  for (const json& package : document["packages"]) {
    const std::string id = package["SPDXID"];
    EXPECT_TRUE(ids.insert(id).second) << id;
    EXPECT_THAT(id, ::testing::MatchesRegex("SPDXRef-[A-Za-z0-9.-]+"));
  }
}

TEST(Spdx, EqualFindingsGiveEqualBytesAndOthersAnotherNamespace) {
  EXPECT_EQ(Document(Some()).dump(), Document(Some()).dump());
  Findings other = Some();
  other.packages.pop_back();
  EXPECT_NE(Document(Some())["documentNamespace"], Document(other)["documentNamespace"]);
}

TEST(Spdx, WhatWasNotReadIsNoted) {
  Findings found = Some();
  found.problems = {"/x: damaged"};
  EXPECT_EQ(Document(found)["creationInfo"]["comment"], "Not read: /x: damaged");
}

}  // namespace
}  // namespace slipway::attest
