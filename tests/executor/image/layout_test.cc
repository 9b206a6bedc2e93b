#include "executor/image/layout.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/executor/layer/layer_fixture.h"

namespace slipway::image {
namespace {

using ::testing::ElementsAre;

/// Keeps what it is given.
class Files : public OutputSink {
 public:
  Status Entry(const tree::Entry& entry) override {
    names.push_back(entry.path);
    last = entry.path;
    return Status();
  }
  Status Data(std::string_view bytes) override {
    contents[last] += bytes;
    return Status();
  }
  Status Finish() override {
    finished = true;
    return Status();
  }

  std::vector<std::string> names;
  std::map<std::string, std::string> contents;
  std::string last;
  bool finished = false;
};

class LayoutTest : public layer::LayerTest {
 protected:
  // An image of one layer twice, which the content store has.
  Documents Image() {
    const layer::AssembledLayer blob = *Make(Source({Stored("f", "content")}));
    layer_ = blob.descriptor.digest;
    Documents out;
    out.platforms.push_back(MakeDocuments({.chain = {"a", "b"}, .config = {}, .base_layers = 0}, {blob, blob},
                                          {std::nullopt, std::nullopt}, {}));
    out.root = out.platforms[0].descriptor;
    out.root_json = out.platforms[0].manifest_json;
    return out;
  }
  static std::string Path(const Digest& digest) { return "blobs/sha256/" + digest.hex(); }

  Digest layer_;
};

TEST_F(LayoutTest, HasEachBlobOnceUnderItsDigest) {
  const Documents image = Image();
  Files files;
  const Status status =
      WriteLayout(Context::Background(), image,
                  {.names = {*oci::Reference::Parse("r.io/app:v1"), *oci::Reference::Parse("app:v2")}}, *store_, files);
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_TRUE(files.finished);
  EXPECT_EQ(files.names.size(), 2U + 3U + 2U);  // folders, blobs, index.json and oci-layout
  EXPECT_EQ(Digest::Of(files.contents[Path(layer_)]), layer_);
  EXPECT_EQ(files.contents[Path(image.root.digest)], image.root_json);
  EXPECT_EQ(files.contents[Path(image.platforms[0].manifest.config.digest)], image.platforms[0].config_json);
  const oci::Index index = *oci::Index::Parse(files.contents["index.json"]);
  ASSERT_EQ(index.manifests.size(), 2U);
  EXPECT_EQ(index.manifests[0].annotations.at("org.opencontainers.image.ref.name"), "v1");
  EXPECT_EQ(index.manifests[0].annotations.at("io.containerd.image.name"), "r.io/app:v1");
  EXPECT_EQ(index.manifests[1].digest, image.root.digest);
  EXPECT_EQ(files.contents["oci-layout"], R"({"imageLayoutVersion":"1.0.0"})");
  EXPECT_FALSE(files.contents.contains("manifest.json"));
}

TEST_F(LayoutTest, WithoutANameItIsTheLatest) {
  Files files;
  ASSERT_TRUE(WriteLayout(Context::Background(), Image(), {}, *store_, files).ok());
  EXPECT_EQ(
      oci::Index::Parse(files.contents["index.json"])->manifests[0].annotations.at("org.opencontainers.image.ref.name"),
      "latest");
}

TEST_F(LayoutTest, ForDockerItHasAManifestOfItsOwn) {
  const Documents image = Image();
  Files files;
  ASSERT_TRUE(WriteLayout(Context::Background(), image, {.names = {*oci::Reference::Parse("app:v1")}, .docker = true},
                          *store_, files)
                  .ok());
  const auto manifest = nlohmann::json::parse(files.contents["manifest.json"]);
  ASSERT_EQ(manifest.size(), 1U);
  EXPECT_EQ(manifest[0]["Config"], Path(image.platforms[0].manifest.config.digest));
  EXPECT_THAT(manifest[0]["RepoTags"], ElementsAre("app:v1"));
  EXPECT_THAT(manifest[0]["Layers"], ElementsAre(Path(layer_), Path(layer_)));
}

TEST_F(LayoutTest, ADockerArchiveIsOfOnePlatform) {
  Documents image = Image();
  image.platforms.push_back(image.platforms[0]);
  Files files;
  EXPECT_EQ(WriteLayout(Context::Background(), image, {.names = {}, .docker = true}, *store_, files).code(),
            Code::kInvalidArgument);
}

}  // namespace
}  // namespace slipway::image
