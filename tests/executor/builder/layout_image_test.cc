#include "executor/builder/layout_image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "executor/base/fs.h"
#include "executor/oci/manifest.h"

namespace slipway::builder {
namespace {

using ::testing::HasSubstr;

class LayoutImageTest : public ::testing::Test {
 protected:
  void SetUp() override {
    content_ = *content::Store::Open(dir_.path() + "/content");
    layers_ = *layer::Store::Open({.root = dir_.path() + "/layers", .limits = {}}, *content_, pool_, nullptr);
    lease_ = *content_->NewLease("the test");
  }
  // A file of the layout, as an upload brings it.
  void File(const std::string& path, const std::string& bytes) {
    tree::Entry entry;
    entry.path = path;
    entry.size = bytes.size();
    entry.digest = *content_->Put(bytes, &lease_);
    entries_.push_back(std::move(entry));
  }
  oci::Descriptor Blob(std::string_view media_type, const std::string& bytes) {
    const Digest digest = Digest::Of(bytes);
    File("blobs/sha256/" + digest.hex(), bytes);
    oci::Descriptor out;
    out.media_type = media_type;
    out.digest = digest;
    out.size = static_cast<int64_t>(bytes.size());
    return out;
  }
  oci::Descriptor Manifest(const std::string& architecture) {
    oci::Manifest manifest;
    oci::ImageConfig config;
    config.platform = *oci::Platform::Parse("linux/" + architecture);
    config.config.env = {"ARCH=" + architecture};
    config.diff_ids = {Digest::Of("tar of " + architecture)};
    manifest.config = Blob(oci::media_type::kConfig, config.ToJson());
    manifest.layers = {Blob(oci::media_type::kLayerGzip, "layer of " + architecture)};
    oci::Descriptor out = Blob(oci::media_type::kManifest, manifest.ToJson());
    out.platform = config.platform;
    return out;
  }
  Result<dockerfile::ResolvedImage> Resolve(const Digest& digest, const std::string& architecture = "amd64") {
    return ResolveLayout(tree::Tree(entries_), digest, "base", *oci::Platform::Parse("linux/" + architecture), *layers_,
                         lease_);
  }

  fs::TempDir dir_ = *fs::TempDir::Make();
  ThreadPool pool_{2, "test"};
  std::unique_ptr<content::Store> content_;
  std::unique_ptr<layer::Store> layers_;
  content::Lease lease_;
  std::vector<tree::Entry> entries_;
};

TEST_F(LayoutImageTest, AManifestGivesConfigAndLayers) {
  const dockerfile::ResolvedImage image = *Resolve(Manifest("amd64").digest);
  EXPECT_EQ(image.config.config.env, std::vector<std::string>{"ARCH=amd64"});
  ASSERT_EQ(image.chain.size(), 1U);
  EXPECT_EQ(layers_->DiffId(image.chain[0]), Digest::Of("tar of amd64"));
  // Its blob is there without any registry.
  const auto blob = layers_->Blob(Context::Background(), image.chain[0], {}, &lease_, nullptr, VertexProgress());
  EXPECT_EQ(blob->descriptor.digest, Digest::Of("layer of amd64"));
}

TEST_F(LayoutImageTest, AnIndexGivesThePlatformsImage) {
  oci::Index index;
  index.manifests = {Manifest("amd64"), Manifest("arm64")};
  const Digest root = Blob(oci::media_type::kIndex, index.ToJson()).digest;
  EXPECT_EQ(Resolve(root, "arm64")->config.config.env, std::vector<std::string>{"ARCH=arm64"});
  EXPECT_THAT(Resolve(root, "riscv64").status().message(), HasSubstr("has no linux/riscv64"));
}

TEST_F(LayoutImageTest, WhatIsMissingOrWrongIsTold) {
  EXPECT_THAT(Resolve(Digest::Of("gone")).status().message(), HasSubstr(Digest::Of("gone").hex()));
  const Digest root = Manifest("amd64").digest;
  std::erase_if(entries_, [](const auto& e) { return e.path.ends_with(Digest::Of("layer of amd64").hex()); });
  EXPECT_EQ(Resolve(root).code(), Code::kNotFound);
  File("blobs/sha256/" + Digest::Of("layer of amd64").hex(), "something else");
  EXPECT_EQ(Resolve(root).code(), Code::kDataLoss);
  EXPECT_FALSE(Resolve(Blob("", "not json").digest).ok());
}

}  // namespace
}  // namespace slipway::builder
