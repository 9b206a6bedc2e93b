#include "executor/oci/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipway::oci {
namespace {

using ::testing::HasSubstr;

std::string Hex(char c) { return "sha256:" + std::string(64, c); }

std::string Entry(char digest, const std::string& platform, const std::string& more = "") {
  return fmt::format(
      R"({{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{}","size":1,"platform":{}{}}})",
      Hex(digest), platform, more);
}

std::string IndexOf(const std::vector<std::string>& entries) {
  std::string list;
  for (const std::string& entry : entries) list += (list.empty() ? "" : ",") + entry;
  return R"({"schemaVersion":2,"manifests":[)" + list + "]}";
}

TEST(Manifest, IsReadAndWrittenInTheSpecificationsOrder) {
  const std::string text =
      fmt::format(R"({{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",)"
                  R"("config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{}","size":10}},)"
                  R"("layers":[{{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"{}","size":20}}],)"
                  R"("annotations":{{"k":"v"}}}})",
                  Hex('a'), Hex('b'));
  const auto manifest = Manifest::Parse(text);
  ASSERT_TRUE(manifest.ok()) << manifest.status().message();
  EXPECT_EQ(manifest->config.size, 10);
  ASSERT_EQ(manifest->layers.size(), 1U);
  EXPECT_EQ(manifest->layers[0].digest.ToString(), Hex('b'));
  EXPECT_EQ(manifest->ToJson(), text);
}

TEST(Manifest, UnknownFieldsAreDroppedAndWrongTypesRefused) {
  const std::string config = fmt::format(R"({{"mediaType":"x","digest":"{}","size":1,"future":[1]}})", Hex('a'));
  EXPECT_TRUE(Manifest::Parse(R"({"future":{},"config":)" + config + "}").ok());
  for (const std::string& bad : std::vector<std::string>{
           "{}", R"({"config":1})", R"({"config":{}})", R"({"config":)" + config + R"(,"layers":{}})",
           R"({"config":)" + config + R"(,"layers":[1]})",
           fmt::format(R"({{"config":{{"digest":"{}","size":-1}}}})", Hex('a')),
           fmt::format(R"({{"config":{{"digest":"{}"}}}})", Hex('a')),
           R"({"config":{"digest":"sha256:zz","size":1}})"}) {
    EXPECT_EQ(Manifest::Parse(bad).code(), Code::kInvalidArgument) << bad;
  }
}

TEST(Manifest, OldSchemasAreToldClearly) {
  const auto manifest = Manifest::Parse(R"({"schemaVersion":1,"fsLayers":[]})");
  EXPECT_THAT(manifest.status().message(), HasSubstr("schema 1"));
}

TEST(Index, TheNumberOfEntriesIsBounded) {
  const std::string entry = Entry('a', R"({"os":"linux","architecture":"amd64"})");
  EXPECT_FALSE(Index::Parse(IndexOf(std::vector<std::string>(10'001, entry))).ok());
}

TEST(Index, FindsAPlatformAndPassesOverAttestations) {
  const auto index =
      Index::Parse(IndexOf({Entry('a', R"({"os":"unknown","architecture":"unknown"})",
                                  R"(,"annotations":{"vnd.docker.reference.type":"attestation-manifest"})"),
                            Entry('b', R"({"os":"linux","architecture":"arm","variant":"v6"})"),
                            Entry('c', R"({"os":"linux","architecture":"arm","variant":"v7"})"),
                            Entry('d', R"({"os":"linux","architecture":"amd64"})"),
                            Entry('e', R"({"os":"linux","architecture":"amd64","variant":"v3"})")}));
  ASSERT_TRUE(index.ok()) << index.status().message();
  const auto find = [&](const char* platform) {
    const Descriptor* found = index->Find(*Platform::Parse(platform));
    return found == nullptr ? std::string("none") : found->digest.ToString();
  };
  EXPECT_EQ(find("linux/arm"), Hex('c'));
  EXPECT_EQ(find("linux/arm/v6"), Hex('b'));
  EXPECT_EQ(find("linux/amd64"), Hex('d'));
  EXPECT_EQ(find("linux/amd64/v3"), Hex('e')) << "exact before loose";
  EXPECT_EQ(find("linux/amd64/v2"), Hex('d'));
  EXPECT_EQ(find("linux/arm64"), Hex('c')) << "such a processor runs 32 bits too";
  EXPECT_EQ(find("linux/s390x"), "none");
}

TEST(Index, IsReadAndWritten) {
  const std::string entry = Entry('a', R"({"architecture":"arm64","os":"linux","variant":"v8"})");
  const std::string text =
      R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[)" + entry + "]}";
  const auto index = Index::Parse(text);
  ASSERT_TRUE(index.ok()) << index.status().message();
  EXPECT_EQ(index->ToJson(), text);
}

TEST(MediaType, BothFamiliesAreKnown) {
  EXPECT_TRUE(IsManifestType(media_type::kManifest) && IsManifestType(media_type::kDockerManifest));
  EXPECT_TRUE(IsIndexType(media_type::kIndex) && IsIndexType(media_type::kDockerManifestList));
  EXPECT_FALSE(IsManifestType(media_type::kIndex) || IsIndexType(media_type::kManifest));
}

TEST(MediaType, LayersTellTheirCompression) {
  for (const Family family : {Family::kOci, Family::kDocker}) {
    for (const Compression compression : {Compression::kNone, Compression::kGzip, Compression::kZstd}) {
      EXPECT_EQ(*LayerCompression(LayerMediaType(compression, family)), compression);
    }
  }
  EXPECT_EQ(*LayerCompression(media_type::kDockerForeignLayer), Compression::kGzip);
  EXPECT_EQ(LayerCompression("application/json").code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace slipway::oci
