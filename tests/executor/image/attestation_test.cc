#include "executor/image/attestation.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace slipway::image {
namespace {

using nlohmann::json;

oci::Descriptor SomeImage() {
  oci::Descriptor image;
  image.media_type = oci::media_type::kManifest;
  image.digest = Digest::Of("manifest");
  image.size = 8;
  return image;
}

TEST(Attestation, IsLaidOutAsBuildKitDoes) {
  const Attestation made = MakeAttestation({{"https://spdx.dev/Document", R"({"spdxVersion":"SPDX-2.3"})"},
                                            {"https://slsa.dev/provenance/v1", R"({"buildDefinition":{}})"}},
                                           SomeImage());
  const json manifest = json::parse(made.manifest_json);
  EXPECT_EQ(manifest["mediaType"], "application/vnd.oci.image.manifest.v1+json");
  EXPECT_EQ(manifest["config"]["mediaType"], "application/vnd.oci.image.config.v1+json");
  ASSERT_EQ(manifest["layers"].size(), 2U);
  EXPECT_EQ(manifest["layers"][0]["mediaType"], "application/vnd.in-toto+json");
  EXPECT_EQ(manifest["layers"][0]["annotations"]["in-toto.io/predicate-type"], "https://spdx.dev/Document");
  EXPECT_EQ(manifest["layers"][1]["annotations"]["in-toto.io/predicate-type"], "https://slsa.dev/provenance/v1");

  const json config = json::parse(made.config_json);
  EXPECT_EQ(config["architecture"], "unknown");
  EXPECT_EQ(config["os"], "unknown");
  EXPECT_EQ(config["rootfs"]["diff_ids"][1], manifest["layers"][1]["digest"]);
  EXPECT_EQ(manifest["config"]["digest"], Digest::Of(made.config_json).ToString());

  EXPECT_EQ(made.descriptor.digest, Digest::Of(made.manifest_json));
  EXPECT_EQ(made.descriptor.annotations.at("vnd.docker.reference.type"), "attestation-manifest");
  EXPECT_EQ(made.descriptor.annotations.at("vnd.docker.reference.digest"), Digest::Of("manifest").ToString());
  EXPECT_EQ(made.descriptor.platform->ToString(), "unknown/unknown");
}

TEST(Attestation, StatementsAreOfTheImageAndTheirDigestsRight) {
  const Attestation made = MakeAttestation({{"https://slsa.dev/provenance/v1", "{}"}}, SomeImage());
  ASSERT_EQ(made.statements.size(), 1U);
  EXPECT_EQ(made.manifest.layers[0].digest, Digest::Of(made.statements[0]));
  EXPECT_EQ(made.manifest.layers[0].size, static_cast<int64_t>(made.statements[0].size()));
  EXPECT_EQ(json::parse(made.statements[0])["subject"][0]["digest"]["sha256"], Digest::Of("manifest").hex());
}

}  // namespace
}  // namespace slipway::image
