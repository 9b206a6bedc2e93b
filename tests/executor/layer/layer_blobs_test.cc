#include "executor/layer/layer_blobs.h"

#include <gtest/gtest.h>

#include "tests/executor/layer/parts_fixture.h"

namespace slipway::layer {
namespace {

class LayerBlobsTest : public LayerPartsTest {
 protected:
  void SetUp() override {
    LayerPartsTest::SetUp();
    blobs_ = std::make_unique<LayerBlobs>(LayerBlobs::Parts{
        .content = *store_, .pool = pool_, .records = *records_, .downloads = *downloads_, .indexes = *indexes_});
  }
  AssembledLayer Blob(const Key& key, const AssembleOptions& options = {}) {
    auto blob = blobs_->Get(ctx_, key, options, nullptr, nullptr, {});
    EXPECT_TRUE(blob.ok()) << blob.status().ToString();
    return blob.ok() ? *std::move(blob) : AssembledLayer();
  }
  std::unique_ptr<LayerBlobs> blobs_;
};

TEST_F(LayerBlobsTest, ARegistrysIsGivenAsItIs) {
  const std::string tar = TarMaker().Add(File("f"), "text").Bytes();
  const Key key = Registered(tar);
  EXPECT_EQ(blobs_->Known(key, {})->descriptor.digest, Digest::Of(tar));
  EXPECT_EQ(registry_.fetches, 0);
  EXPECT_EQ(Blob(key, {.compression = oci::Compression::kZstd}).descriptor.digest, Digest::Of(tar));
  EXPECT_EQ(Get(Digest::Of(tar)), tar);
  Blob(key);
  EXPECT_EQ(registry_.fetches, 1);
}

TEST_F(LayerBlobsTest, ARegistrysThatIsNowhereIsAnError) {
  const Key key = Registered(TarMaker().Add(File("f"), "text").Bytes());
  registry_.Clear();
  EXPECT_EQ(blobs_->Get(ctx_, key, {}, nullptr, nullptr, {}).code(), Code::kNotFound);
}

TEST_F(LayerBlobsTest, EachFormIsABlobOfItsOwn) {
  const Key key = Recipe({Stored("f", SomeText(10'000))});
  EXPECT_FALSE(blobs_->Known(key, {}).has_value());
  const AssembledLayer gzip = Blob(key), plain = Blob(key, {.compression = oci::Compression::kNone});
  EXPECT_NE(gzip.descriptor.digest, plain.descriptor.digest);
  EXPECT_EQ(gzip.diff_id, plain.diff_id);
  EXPECT_EQ(blobs_->Known(key, {})->descriptor, gzip.descriptor);
  EXPECT_EQ(blobs_->Known(key, {.compression = oci::Compression::kNone})->descriptor, plain.descriptor);
  EXPECT_EQ(records_->Get(key).value().diff_id, gzip.diff_id);
}

TEST_F(LayerBlobsTest, ClampedTimesAreAnotherFormAndNotTheLayersOwnDiffId) {
  tree::Entry file = Stored("f", "text");
  file.mtime.seconds = 2'000'000'000;
  const Key key = Recipe({file});
  const AssembledLayer clamped = Blob(key, {.clamp_mtime = 1'000'000'000});
  EXPECT_TRUE(records_->Get(key).value().diff_id.empty());
  EXPECT_NE(Blob(key).diff_id, clamped.diff_id);
}

TEST_F(LayerBlobsTest, OneThatWasCollectedIsMadeAgain) {
  const Key key = Upper({{"f", "text"}});
  const AssembledLayer first = Blob(key);
  ASSERT_TRUE(store_->Collect(ctx_, {}, {}).ok());
  ASSERT_FALSE(store_->Has(first.descriptor.digest));
  EXPECT_EQ(Blob(key).descriptor, first.descriptor);
  EXPECT_TRUE(store_->Has(first.descriptor.digest));
}

TEST_F(LayerBlobsTest, AnUnchangedFileOfAStepIsLeftOut) {
  const Key key = Upper({{"a", "old"}, {"b", "new"}});
  ASSERT_TRUE(records_->AddUnchanged(key, {"a"}).ok());
  const AssembledLayer blob = Blob(key, {.compression = oci::Compression::kNone});
  EXPECT_EQ(Print(Index(Get(blob.descriptor.digest))), fmt::format("f 0644 {}:{} b 3\n", ::getuid(), ::getgid()));
}

}  // namespace
}  // namespace slipway::layer
