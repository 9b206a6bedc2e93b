// Config, manifest and index of images whose layers are in a store: nothing is sent here.
#include "executor/image/exporter.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/executor/layer/store_fixture.h"

namespace slipway::image {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

SystemTime At(int64_t seconds) { return SystemTime(std::chrono::seconds(seconds)); }

oci::HistoryEntry Entry(const std::string& by, bool empty = false, std::optional<SystemTime> created = {}) {
  return {.created = created, .created_by = by, .author = "", .comment = "", .empty_layer = empty};
}

class ExporterTest : public layer::StoreTest {
 protected:
  /// One layer that is not the base's.
  PlatformImage Image(const std::string& content, const std::string& architecture = "amd64") {
    PlatformImage image;
    image.chain = {Recipe({Stored("f", content)})};
    image.platform = image.config.platform = {"linux", architecture, "", ""};
    image.config.history = {Entry("COPY f /")};
    return image;
  }
  Result<Documents> Assemble(const std::vector<PlatformImage>& images, const ExportOptions& options = {}) {
    return Exporter(*layers_, pool_).Assemble(ctx_, images, options, &lease_, progress_);
  }
  void SetUp() override {
    StoreTest::SetUp();
    lease_ = *store_->NewLease("the test");
  }

  /// How often something was begun.
  class Count : public ProgressSink {
   public:
    void OnEvent(const ProgressEvent& event) override {
      if (event.kind == ProgressEvent::Kind::kStarted) ++started;
    }
    std::atomic<int> started = 0;
  };
  content::Lease lease_;
  Count progress_;
};

TEST_F(ExporterTest, TheConfigNamesTheLayersAndTheManifestTheirBlobs) {
  PlatformImage image = Image("text");
  image.chain.push_back(Recipe({Stored("g", "more")}));
  image.config.config.cmd = {"sh"};
  image.config.history = {Entry("COPY f /"), Entry("CMD sh", true), Entry("COPY g /")};
  const auto documents = Assemble({image});
  ASSERT_TRUE(documents.ok()) << documents.status().ToString();
  ASSERT_THAT(documents->platforms, SizeIs(1));
  const Documents::Platform& only = documents->platforms[0];
  EXPECT_FALSE(documents->is_index());
  EXPECT_EQ(documents->root, only.descriptor);
  EXPECT_EQ(documents->root_json, only.manifest_json);
  EXPECT_EQ(documents->root.digest, Digest::Of(only.manifest_json));

  const oci::Manifest manifest = *oci::Manifest::Parse(only.manifest_json);
  EXPECT_EQ(manifest.config.digest, Digest::Of(only.config_json));
  EXPECT_EQ(manifest.config.media_type, oci::media_type::kConfig);
  ASSERT_THAT(manifest.layers, SizeIs(2));
  const oci::ImageConfig config = *oci::ImageConfig::Parse(only.config_json);
  EXPECT_THAT(*config.config.cmd, ElementsAre("sh"));
  ASSERT_THAT(config.diff_ids, SizeIs(2));
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(manifest.layers[i].media_type, oci::media_type::kLayerGzip);
    EXPECT_TRUE(store_->Has(manifest.layers[i].digest));
    EXPECT_EQ(config.diff_ids[i], layers_->DiffId(image.chain[i]));
  }
}

TEST_F(ExporterTest, WhatIsAssembledAlreadyIsNotMadeAgain) {
  const PlatformImage image = Image("text");
  const Documents first = *Assemble({image});
  EXPECT_EQ(progress_.started, 1);
  const Documents second = *Assemble({image});
  EXPECT_EQ(progress_.started, 1);
  EXPECT_EQ(second.root, first.root);
}

TEST_F(ExporterTest, FamilyAndCompressionDecideTheTypes) {
  const Documents docker = *Assemble({Image("1")}, {.family = oci::Family::kDocker});
  EXPECT_EQ(docker.root.media_type, oci::media_type::kDockerManifest);
  EXPECT_EQ(docker.platforms[0].manifest.config.media_type, oci::media_type::kDockerConfig);
  EXPECT_EQ(docker.platforms[0].manifest.layers[0].media_type, oci::media_type::kDockerLayerGzip);
  const Documents zstd = *Assemble({Image("1")}, {.compression = oci::Compression::kZstd});
  EXPECT_EQ(zstd.platforms[0].manifest.layers[0].media_type, oci::media_type::kLayerZstd);
  const Documents plain = *Assemble({Image("1")}, {.compression = oci::Compression::kNone});
  EXPECT_EQ(plain.platforms[0].manifest.layers[0].media_type, oci::media_type::kLayer);
  // The file system is the same, whatever it is packed in.
  EXPECT_EQ(oci::ImageConfig::Parse(plain.platforms[0].config_json)->diff_ids,
            oci::ImageConfig::Parse(zstd.platforms[0].config_json)->diff_ids);
}

TEST_F(ExporterTest, SeveralPlatformsMakeAnIndex) {
  const Documents documents = *Assemble({Image("1", "amd64"), Image("2", "arm64")});
  EXPECT_TRUE(documents.is_index());
  const oci::Index index = *oci::Index::Parse(documents.root_json);
  ASSERT_THAT(index.manifests, SizeIs(2));
  EXPECT_EQ(index.manifests[0].digest, documents.platforms[0].descriptor.digest);
  EXPECT_EQ(index.manifests[0].platform->architecture, "amd64");
  EXPECT_EQ(index.manifests[1].platform->architecture, "arm64");
  const Documents docker = *Assemble({Image("1"), Image("2", "arm64")}, {.family = oci::Family::kDocker});
  EXPECT_EQ(docker.root.media_type, oci::media_type::kDockerManifestList);
}

TEST_F(ExporterTest, AnIndexOfOneIsMadeIfAskedFor) {
  const Documents documents = *Assemble({Image("1")}, {.always_index = true});
  EXPECT_TRUE(documents.is_index());
  EXPECT_THAT(oci::Index::Parse(documents.root_json)->manifests, SizeIs(1));
}

TEST_F(ExporterTest, AttestationsComeAfterTheImages) {
  PlatformImage image = Image("1");
  image.attestations = {{.type = "https://slsa.dev/provenance/v1", .json = "{}"}};
  const Documents documents = *Assemble({image, Image("2", "arm64")});
  const oci::Index index = *oci::Index::Parse(documents.root_json);
  ASSERT_THAT(index.manifests, SizeIs(3));
  EXPECT_EQ(index.manifests[2].digest, documents.platforms[0].attestation->descriptor.digest);
  EXPECT_EQ(index.manifests[2].annotations.at("vnd.docker.reference.digest"),
            documents.platforms[0].descriptor.digest.ToString());
  EXPECT_FALSE(documents.platforms[1].attestation.has_value());
}

TEST_F(ExporterTest, AnnotationsAreInTheManifest) {
  const Documents documents = *Assemble({Image("1")}, {.annotations = {{"a", "b"}}});
  EXPECT_EQ(oci::Manifest::Parse(documents.root_json)->annotations.at("a"), "b");
}

TEST_F(ExporterTest, TimesOfTheBaseStayAndOursAreThoseOfTheLayers) {
  PlatformImage image = Image("1");
  image.chain = {Recipe({Stored("base", "b")}), Recipe({Stored("f", "1")})};
  image.base_layers = 1;
  image.made = {At(2000)};
  image.config.created = At(1000);
  image.config.history = {Entry("base", false, At(900)), Entry("base's CMD", true, At(1000)), Entry("ENV", true),
                          Entry("COPY"), Entry("CMD", true)};
  const Documents documents = *Assemble({image});
  const oci::ImageConfig config = *oci::ImageConfig::Parse(documents.platforms[0].config_json);
  std::vector<SystemTime> times;
  for (const oci::HistoryEntry& entry : config.history) times.push_back(*entry.created);
  EXPECT_THAT(times, ElementsAre(At(900), At(1000), At(1000), At(2000), At(2000)));
  EXPECT_EQ(config.created, At(2000));

  const Documents fixed = *Assemble({image}, {.epoch = At(5)});
  const oci::ImageConfig at_epoch = *oci::ImageConfig::Parse(fixed.platforms[0].config_json);
  times.clear();
  for (const oci::HistoryEntry& entry : at_epoch.history) times.push_back(*entry.created);
  EXPECT_THAT(times, ElementsAre(At(900), At(1000), At(5), At(5), At(5)));
  EXPECT_EQ(at_epoch.created, At(5));
}

TEST_F(ExporterTest, RewritingTimesChangesTheLayersThatAreLater) {
  tree::Entry late = Stored("f", "1");
  late.mtime.seconds = 1000;
  PlatformImage image = Image("1");
  image.chain = {Recipe({late})};
  const Documents kept = *Assemble({image}, {.epoch = At(10)});
  const Documents clamped = *Assemble({image}, {.rewrite_timestamp = true, .epoch = At(10)});
  const Documents later = *Assemble({image}, {.rewrite_timestamp = true, .epoch = At(5000)});
  EXPECT_NE(clamped.platforms[0].manifest.layers[0].digest, kept.platforms[0].manifest.layers[0].digest);
  EXPECT_EQ(later.platforms[0].manifest.layers[0].digest, kept.platforms[0].manifest.layers[0].digest);
}

TEST_F(ExporterTest, AFurtherMemberOfTheConfigKnowsTheLayers) {
  PlatformImage image = Image("1");
  image.extra_member = "more";
  image.extra_json = [](const std::vector<Digest>& ids) { return fmt::format("{{\"layers\":{}}}", ids.size()); };
  const Documents documents = *Assemble({image});
  EXPECT_EQ(nlohmann::json::parse(documents.platforms[0].config_json).at("more").at("layers"), 1);
  EXPECT_EQ(documents.platforms[0].manifest.config.digest, Digest::Of(documents.platforms[0].config_json));
}

TEST_F(ExporterTest, ALayerThatCannotBeMadeEndsIt) {
  PlatformImage image = Image("1");
  image.chain.push_back("upper:gone");
  const auto documents = Assemble({image});
  EXPECT_EQ(documents.code(), Code::kNotFound);
}

TEST_F(ExporterTest, CollectBringsEveryBlobIntoTheStore) {
  const PlatformImage image = Image("1");
  const auto documents = Exporter(*layers_, pool_).Collect(ctx_, {image, image}, {}, &lease_, progress_);
  ASSERT_TRUE(documents.ok()) << documents.status().ToString();
  EXPECT_EQ(documents->platforms[0].descriptor, documents->platforms[1].descriptor);
  EXPECT_TRUE(store_->Has(documents->platforms[0].manifest.layers[0].digest));
}

}  // namespace
}  // namespace slipway::image
