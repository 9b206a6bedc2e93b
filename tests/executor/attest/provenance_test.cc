#include "executor/attest/provenance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "executor/attest/statement.h"

namespace slipway::attest {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

BuildFacts Facts() {
  BuildFacts facts;
  facts.source = "https://user:token@git.example.com/org/app.git#main:service";
  facts.revision = "0123456789abcdef0123456789abcdef01234567";
  facts.dockerfile = "Dockerfile";
  facts.dockerfile_digest = Digest::Of("FROM alpine");
  facts.target = "final";
  facts.platform = *oci::Platform::Parse("linux/arm64");
  facts.build_platform = *oci::Platform::Parse("linux/amd64");
  facts.args = {{"VERSION", "2"}};
  facts.secret_args = {"TOKEN"};
  facts.labels = {{"team", "build"}};
  facts.images = {{.reference = *oci::Reference::Parse("alpine:3.19"),
                   .digest = Digest::Of("alpine"),
                   .platform = *oci::Platform::Parse("linux/arm64")}};
  return facts;
}

json Made(const BuildFacts& facts, ProvenanceMode mode) { return json::parse(ProvenancePredicate(facts, mode)); }

TEST(Provenance, MinimalSaysWhereItComesFromAndNoArgument) {
  const json made = Made(Facts(), ProvenanceMode::kMin);
  const json& definition = made["buildDefinition"];
  EXPECT_EQ(definition["buildType"], kBuildType);
  EXPECT_EQ(made["runDetails"]["builder"]["id"], kBuilderId);
  const json& source = definition["externalParameters"]["configSource"];
  EXPECT_EQ(source["uri"], "https://git.example.com/org/app.git#main:service");
  EXPECT_EQ(source["digest"]["sha1"], "0123456789abcdef0123456789abcdef01234567");
  EXPECT_EQ(source["path"], "Dockerfile");
  EXPECT_EQ(definition["externalParameters"]["request"]["args"],
            json::parse(R"({"platform": "linux/arm64", "target": "final"})"));
  EXPECT_EQ(definition["internalParameters"]["builderPlatform"], "linux/amd64");
  ASSERT_EQ(definition["resolvedDependencies"].size(), 2U);
  EXPECT_EQ(definition["resolvedDependencies"][1]["uri"], "pkg:docker/alpine@3.19?platform=linux%2Farm64");
  EXPECT_EQ(definition["resolvedDependencies"][1]["digest"]["sha256"], Digest::Of("alpine").hex());
}

TEST(Provenance, MaximalAlsoSaysHowButNoSecret) {
  const json made = Made(Facts(), ProvenanceMode::kMax);
  const json& request = made["buildDefinition"]["externalParameters"]["request"];
  EXPECT_EQ(request["args"]["build-arg:VERSION"], "2");
  EXPECT_EQ(request["args"]["label:team"], "build");
  EXPECT_EQ(request["secrets"], json::parse(R"([{"id": "build-arg:TOKEN"}])"));
  EXPECT_EQ(made["buildDefinition"]["internalParameters"]["dockerfile"]["digest"]["sha256"],
            Digest::Of("FROM alpine").hex());
}

TEST(Provenance, NoTokenOfAUrlIsTold) {
  BuildFacts facts = Facts();
  facts.revision.clear();
  facts.context = Digest::Of("tree");
  facts.source = "https://host/ctx.tar.gz?sig=SECRET";
  facts.downloads = {{.url = "https://TOKEN@host/a?key=SECRET", .checksum = Digest::Of("a")},
                     {.url = "https://SECRET:x@host/b.git#v1", .git = true, .commit = std::string(40, 'b')}};
  for (const ProvenanceMode mode : {ProvenanceMode::kMin, ProvenanceMode::kMax}) {
    const std::string text = ProvenancePredicate(facts, mode);
    EXPECT_THAT(text, Not(HasSubstr("SECRET")));
    EXPECT_THAT(text, Not(HasSubstr("TOKEN@")));
    EXPECT_THAT(text, HasSubstr("\"https://host/ctx.tar.gz\""));
    EXPECT_THAT(text, HasSubstr("\"https://host/b.git#v1\""));
  }
}

TEST(Provenance, OfSshTheUserIsToldAndThePasswordIsNot) {
  const std::pair<const char*, const char*> cases[] = {
      {"ssh://git:SECRET@host/x.git#v1", "ssh://git@host/x.git#v1"},
      {"SSH://git:SEC@RET@host:2222/x.git", "SSH://git@host:2222/x.git"},
      {"git+ssh://git:SECRET@host/x.git", "git+ssh://git@host/x.git"},
      {"ssh://git@host/x@y.git", "ssh://git@host/x@y.git"},
      {"git@host:o@p/x.git#v1", "git@host:o@p/x.git#v1"},
      {"git:SECRET@host:o/x.git", "git@host:o/x.git"},
      {"git+https://SECRET:x@host/x.git", "git+https://host/x.git"},
      {"git://me:SECRET@host/x.git", "git://host/x.git"},
      {"github.com/o/x@y.git", "github.com/o/x@y.git"},
  };
  for (const auto& [url, told] : cases) {
    BuildFacts facts = Facts();
    facts.source = url;
    facts.downloads = {{.url = url, .checksum = {}, .git = true, .commit = std::string(40, 'b')}};
    const json made = Made(facts, ProvenanceMode::kMin);
    EXPECT_EQ(made["buildDefinition"]["externalParameters"]["configSource"]["uri"], told) << url;
    EXPECT_THAT(made.dump(), Not(HasSubstr("SEC"))) << url;
  }
}

TEST(Provenance, AnUploadIsKnownByItsContents) {
  BuildFacts facts = Facts();
  facts.source.clear();
  facts.revision.clear();
  facts.context = Digest::Of("tree");
  const json source = Made(facts, ProvenanceMode::kMin)["buildDefinition"]["externalParameters"]["configSource"];
  EXPECT_EQ(source["uri"], "urn:slipway:context");
  EXPECT_EQ(source["digest"]["sha256"], Digest::Of("tree").hex());
}

TEST(Provenance, EqualInputsGiveEqualBytes) {
  BuildFacts shuffled = Facts();
  shuffled.images.insert(shuffled.images.begin(), {.reference = *oci::Reference::Parse("busybox:1"),
                                                   .digest = Digest::Of("busybox"),
                                                   .platform = *oci::Platform::Parse("linux/amd64")});
  BuildFacts other = shuffled;
  std::swap(other.images[0], other.images[1]);
  other.images.push_back(other.images[0]);
  EXPECT_EQ(ProvenancePredicate(shuffled, ProvenanceMode::kMax), ProvenancePredicate(other, ProvenanceMode::kMax));
}

TEST(ImagePurl, HostsDigestsAndHub) {
  const oci::Platform amd64 = *oci::Platform::Parse("linux/amd64");
  EXPECT_EQ(ImagePurl(*oci::Reference::Parse("127.0.0.1:5000/team/app:v1"), amd64),
            "pkg:docker/127.0.0.1:5000/team/app@v1?platform=linux%2Famd64");
  EXPECT_EQ(ImagePurl(*oci::Reference::Parse("org/app@" + Digest::Of("x").ToString()), amd64),
            "pkg:docker/org/app?digest=" + Digest::Of("x").ToString() + "&platform=linux%2Famd64");
}

TEST(Statement, NamesTheImageByItsDigest) {
  const json statement =
      json::parse(MakeStatement({std::string(kProvenanceType), R"({"a": 1})"}, Digest::Of("manifest")));
  EXPECT_EQ(statement["_type"], "https://in-toto.io/Statement/v1");
  EXPECT_EQ(statement["predicateType"], "https://slsa.dev/provenance/v1");
  EXPECT_EQ(statement["subject"][0]["digest"]["sha256"], Digest::Of("manifest").hex());
  EXPECT_EQ(statement["predicate"], json::parse(R"({"a": 1})"));
}

}  // namespace
}  // namespace slipway::attest
