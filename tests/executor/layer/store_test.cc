// The store of layers: what of a step's folder and of a recipe is in the index, in the blob and in later reads.
#include "executor/layer/store.h"

#include "executor/layer/schema.h"
#include "executor/layer/view.h"
#include "tests/executor/layer/store_fixture.h"

namespace slipway::layer {
namespace {

TEST_F(StoreTest, AFileThatIsUnchangedIsInTheIndexAndNotInTheBlob) {
  // As `ln a b` leaves it, where `a` is of a layer below.
  const Key key = Upper(*layers_).File("a", "text").HardLink("b", "a").File("c", "new").Add({"a"});
  const std::string owner = fmt::format("{}:{}", ::getuid(), ::getgid());
  EXPECT_EQ(IndexOf(key), fmt::format("f 0644 {0} a 4\nh 0644 {0} b -> a\nf 0644 {0} c 3\n", owner));
  EXPECT_EQ(BlobOf(key), fmt::format("f 0644 {0} b 4\nf 0644 {0} c 3\n", owner));
}

TEST_F(StoreTest, WhatIsUnchangedIsKnownAfterARestart) {
  const Key key = Upper(*layers_).File("a", "text").HardLink("b", "a").Add({"b"});
  layers_.reset();
  layers_ = *Store::Open({.root = temp_.path() + "/layers", .limits = {}}, *store_, pool_, nullptr);
  EXPECT_EQ(BlobOf(key), fmt::format("f 0644 {}:{} a 4\n", ::getuid(), ::getgid()));
}

TEST_F(StoreTest, TheContentOfANameThatTookOverIsTheFiles) {
  const Key key = Upper(*layers_).File("a", "text").HardLink("b", "a").Add({"a"});
  View view(*layers_, {key}, {});
  EXPECT_EQ(*view.ReadFile(ctx_, "a", *store_, 100), "text");
  EXPECT_EQ(*view.ReadFile(ctx_, "b", *store_, 100), "text");
}

TEST_F(StoreTest, EqualRecipesAreOneLayer) {
  const Key one = Recipe({Folder("d"), Stored("d/f", "1")});
  EXPECT_EQ(Recipe({Folder("d"), Stored("d/f", "1")}), one);
  EXPECT_NE(Recipe({Folder("d"), Stored("d/f", "2")}), one);
}

TEST_F(StoreTest, ARecipeIsUnpackedWithItsContents) {
  const Chain chain = {Recipe({Folder("d"), Stored("d/f", "text")})};
  const auto dirs = layers_->LowerDirs(ctx_, chain, {});
  ASSERT_TRUE(dirs.ok()) << dirs.status().ToString();
  EXPECT_EQ(*fs::ReadFile(dirs->front() + "/d/f"), "text");
}

/// A store of layers whose registry has blobs given by the test.
class RegistryLayersTest : public StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    Open();
  }
  void Open() {
    layers_.reset();
    const auto fetch = [this](const Context&, const Remote& place, const auto& sink, const VertexProgress&) -> Status {
      const auto found = blobs_.find(place.descriptor.digest);
      return found == blobs_.end() ? NotFound("no such blob") : sink(found->second);
    };
    layers_ = *Store::Open({.root = temp_.path() + "/registry-layers", .limits = {}}, *store_, pool_, fetch);
  }
  /// A layer with one file, in a repository.
  Remote Pushed(const std::string& file, const std::string& repository) {
    const std::string tar = TarMaker().Add(File(file), "text").Bytes();
    Remote place{.descriptor = {}, .host = "reg.local", .repository = repository};
    place.descriptor.media_type = oci::LayerMediaType(oci::Compression::kNone, oci::Family::kOci);
    place.descriptor.digest = Digest::Of(tar);
    place.descriptor.size = static_cast<int64_t>(tar.size());
    blobs_[place.descriptor.digest] = tar;
    return place;
  }

  std::map<Digest, std::string> blobs_;
};

TEST_F(RegistryLayersTest, ADiffIdThatTwoImagesClaimForDifferentBlobsIsTwoLayers) {
  const Remote honest = Pushed("etc/passwd", "base"), other = Pushed("etc/evil", "evil");
  const Digest diff_id = honest.descriptor.digest;  // nothing is compressed
  const Key evil = *layers_->AddRemote(diff_id, other);
  const Key good = *layers_->AddRemote(diff_id, honest);
  EXPECT_NE(good, evil);
  EXPECT_EQ(*layers_->AddRemote(diff_id, honest), good);
  EXPECT_EQ(*layers_->AddRemote(diff_id, Pushed("etc/passwd", "copy")), good) << "the same blob elsewhere";
  EXPECT_EQ(IndexOf(good), "f 0644 0:0 etc/passwd 4\n");
  EXPECT_EQ(layers_->KnownBlob(good, {})->descriptor.digest, honest.descriptor.digest);
  EXPECT_EQ(layers_->DiffId(good), diff_id);
  EXPECT_TRUE(layers_->LowerDirs(ctx_, {good}, {}).ok());
  EXPECT_EQ(layers_->LowerDirs(ctx_, {evil}, {}).code(), Code::kDataLoss);
}

TEST_F(RegistryLayersTest, AnUnpackedLayerIsUsedAtOnceAndKnownAfterARestart) {
  const Remote place = Pushed("file", "base");
  const Key key = *layers_->AddRemote(place.descriptor.digest, place);
  const std::vector<std::string> dirs = layers_->LowerDirs(ctx_, {key}, {}).value();
  EXPECT_EQ(layers_->LowerDirs(ctx_, {key}, {}).value(), dirs);
  ASSERT_TRUE(layers_->Retain({}).ok());
  EXPECT_EQ(*fs::ReadFile(dirs[0] + "/file"), "text") << "it is new";
  Open();
  blobs_.clear();
  EXPECT_EQ(layers_->LowerDirs(ctx_, {key}, {}).value(), dirs);
}

TEST_F(RegistryLayersTest, AnUnpackedLayerThatLossOfPowerMayHaveLeftWithHolesIsUnpackedAgain) {
  const Remote place = Pushed("file", "base");
  const Key key = *layers_->AddRemote(place.descriptor.digest, place);
  const std::string folder = layers_->LowerDirs(ctx_, {key}, {}).value().front();
  layers_.reset();
  {
    const auto records = *Records::Open(temp_.path() + "/registry-layers/layers.db");
    ASSERT_TRUE(records->AddUnpacked(key, "", folder, "another boot").ok());
  }
  Open();
  EXPECT_FALSE(fs::Exists(folder)) << "it is swept";
  const std::string again = layers_->LowerDirs(ctx_, {key}, {}).value().front();
  EXPECT_NE(again, folder);
  EXPECT_EQ(*fs::ReadFile(again + "/file"), "text");
}

TEST_F(RegistryLayersTest, EntriesAreAtHandOnceTheyWereReadAndAfterARestart) {
  const Remote place = Pushed("file", "base");
  const Key key = *layers_->AddRemote(place.descriptor.digest, place);
  const Key recipe = Recipe({File("f")});
  EXPECT_TRUE(layers_->IndexesAtHand({recipe}));
  EXPECT_FALSE(layers_->IndexesAtHand({recipe, key}));
  EXPECT_FALSE(layers_->IndexesAtHand({"sha256:unknown"}));
  EXPECT_EQ(IndexOf(key), "f 0644 0:0 file 4\n");
  EXPECT_TRUE(layers_->IndexesAtHand({recipe, key}));
  Open();  // what was to be saved later is saved
  EXPECT_TRUE(layers_->IndexesAtHand({recipe, key}));
}

TEST_F(RegistryLayersTest, ALayerThatCannotBeHadIsLostUntilItCan) {
  const Remote here = Pushed("file", "base"), gone = Pushed("other", "base"), over = Pushed("third", "base");
  const Key base = *layers_->AddRemote(here.descriptor.digest, here);
  const Key lost = *layers_->AddRemote(gone.descriptor.digest, gone);
  const Key top = *layers_->AddRemote(over.descriptor.digest, over);
  const std::string bytes = blobs_.extract(gone.descriptor.digest).mapped();
  EXPECT_FALSE(layers_->Lost(lost)) << "nobody has asked for it";
  EXPECT_EQ(layers_->LowerDirs(ctx_, {base, lost, top}, {}).code(), Code::kNotFound);
  EXPECT_TRUE(layers_->Lost(lost));
  EXPECT_FALSE(layers_->Lost(base));
  EXPECT_FALSE(layers_->Lost(top));
  blobs_[gone.descriptor.digest] = bytes;
  ASSERT_TRUE(layers_->LowerDirs(ctx_, {base, lost, top}, {}).ok());
  EXPECT_FALSE(layers_->Lost(lost));
}

TEST_F(RegistryLayersTest, ALayerThatIsAnotherThanItsDiffIdSaysIsLost) {
  const Remote place = Pushed("file", "evil");
  const Key key = *layers_->AddRemote(Digest::Of("claim"), place);
  ASSERT_TRUE(layers_->Index(ctx_, key, {}).ok());
  EXPECT_FALSE(layers_->Lost(key));
  View view(*layers_, {key}, {});
  EXPECT_EQ(view.ReadFile(ctx_, "file", *store_, 100).code(), Code::kDataLoss);
  EXPECT_TRUE(layers_->Lost(key));
}

class Collect : public BlobSink {
 public:
  Status Write(std::string_view part) override {
    bytes += part;
    return Status();
  }
  std::string bytes;
};

TEST_F(StoreTest, AStepsBlobThatIsStreamedIsNotKeptAndCanBeMadeAgain) {
  const Key key = Upper(*layers_).File("f", SomeText(1'000'000)).Add();
  Collect sink;
  const auto streamed = layers_->Blob(ctx_, key, {}, nullptr, &sink, {});
  ASSERT_TRUE(streamed.ok()) << streamed.status().ToString();
  EXPECT_EQ(Digest::Of(sink.bytes), streamed->descriptor.digest);
  EXPECT_FALSE(store_->Has(streamed->descriptor.digest));
  EXPECT_EQ(layers_->KnownBlob(key, {})->descriptor, streamed->descriptor);
  const auto stored = layers_->Blob(ctx_, key, {}, nullptr, nullptr, {});
  EXPECT_EQ(stored->descriptor, streamed->descriptor);
  EXPECT_TRUE(Get(streamed->descriptor.digest) == sink.bytes);
}

TEST_F(StoreTest, ACopysBlobThatIsStreamedIsKept) {
  const Key key = Recipe({Stored("f", SomeText(100'000))});
  Collect sink;
  const auto streamed = layers_->Blob(ctx_, key, {}, nullptr, &sink, {});
  EXPECT_TRUE(Get(streamed->descriptor.digest) == sink.bytes);
}

TEST_F(StoreTest, AChainIsUsableWhileAllItsLayersAreKnown) {
  const Key one = Recipe({Stored("one", "1")});
  EXPECT_TRUE(layers_->Usable({one}));
  EXPECT_FALSE(layers_->Usable({one, "recipe:sha256:none"}));
  EXPECT_EQ(layers_->Index(ctx_, "upper:none", {}).code(), Code::kNotFound);
}

}  // namespace
}  // namespace slipway::layer
