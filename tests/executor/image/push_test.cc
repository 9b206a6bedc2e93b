// Pushing to a real registry: what is sent, what is mounted and what is left alone.
#include <gmock/gmock.h>

#include <atomic>

#include "executor/image/ahead.h"
#include "executor/image/exporter.h"
#include "tests/executor/layer/store_fixture.h"
#include "tests/executor/registry/fake_registry.h"
#include "tests/executor/registry/harness.h"
#include "tests/testing/registry_server.h"

namespace slipway::image {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

class PushTest : public layer::StoreTest {
 protected:
  void SetUp() override {
    if (const auto why = testing::RegistryServer::WhyUnavailable(); !why.empty()) GTEST_SKIP() << why;
    StoreTest::SetUp();
    server_ = *testing::RegistryServer::Start();
    lease_ = *store_->NewLease("the test");
  }

  PlatformImage Image(const std::vector<std::string>& contents, const std::string& architecture = "amd64") {
    PlatformImage image;
    image.platform = image.config.platform = {"linux", architecture, "", ""};
    for (const std::string& content : contents) {
      image.chain.push_back(Recipe({Stored("f", content)}));
      image.config.history.push_back(
          {.created = {}, .created_by = "COPY", .author = "", .comment = "", .empty_layer = false});
    }
    return image;
  }
  oci::Reference Name(const std::string& name) { return registry::Ref(server_->host() + "/" + name); }

  Result<Pushed> Push(const std::vector<PlatformImage>& images, const std::vector<std::string>& names,
                      const ExportOptions& options = {}) {
    std::vector<oci::Reference> references;
    for (const std::string& name : names) references.push_back(Name(name));
    return Exporter(*layers_, pool_).Push(ctx_, client_.session(), images, options, references, &lease_, progress_);
  }
  std::vector<registry::BlobOutcome> OutcomesOf(const Result<Pushed>& pushed) {
    EXPECT_TRUE(pushed.ok()) << pushed.status().ToString();
    std::vector<registry::BlobOutcome> out;
    if (!pushed.ok()) return out;
    for (const PushedBlob& blob : pushed->layers) out.push_back(blob.outcome);
    return out;
  }
  /// The digest that a name stands for in the registry.
  Digest InRegistry(const std::string& name) {
    const auto found = client_.session().Resolve(ctx_, Name(name));
    EXPECT_TRUE(found.ok()) << found.status().ToString();
    return found.ok() ? found->descriptor.digest : Digest();
  }

  class Nobody : public ProgressSink {
    void OnEvent(const ProgressEvent&) override {}
  };
  std::unique_ptr<testing::RegistryServer> server_;
  registry::Client client_;
  content::Lease lease_;
  Nobody progress_;
};

TEST_F(PushTest, LayersAreSentOnceAndTheTagStandsForTheManifest) {
  const PlatformImage image = Image({"1", "2"});
  const auto pushed = Push({image}, {"app:v1", "app:v2"});
  using enum registry::BlobOutcome;
  EXPECT_THAT(OutcomesOf(pushed), ElementsAre(kUploaded, kUploaded));
  EXPECT_EQ(InRegistry("app:v1"), pushed->documents.root.digest);
  EXPECT_EQ(InRegistry("app:v2"), pushed->documents.root.digest);
}

TEST_F(PushTest, AnImageThatIsThereTakesOneRequest) {
  const PlatformImage image = Image({"1"});
  ASSERT_TRUE(Push({image}, {"app:v1"}).ok());
  const size_t before = server_->Requests().size();
  EXPECT_THAT(OutcomesOf(Push({image}, {"app:v1"})), ElementsAre(registry::BlobOutcome::kExisted));
  const size_t asked = server_->AwaitCount("", before + 1) - before;
  EXPECT_EQ(asked, 1U);
}

TEST_F(PushTest, OnlyTheNewLayerOfAChangedImageIsSent) {
  ASSERT_TRUE(Push({Image({"base", "old"})}, {"app:v1"}).ok());
  using enum registry::BlobOutcome;
  EXPECT_THAT(OutcomesOf(Push({Image({"base", "new"})}, {"app:v1"})), ElementsAre(kExisted, kUploaded));
}

TEST_F(PushTest, ALayerOfAnotherRepositoryIsMounted) {
  ASSERT_TRUE(Push({Image({"base"})}, {"lib/base:v1"}).ok());
  using enum registry::BlobOutcome;
  EXPECT_THAT(OutcomesOf(Push({Image({"base", "own"})}, {"app:v1"})), ElementsAre(kMounted, kUploaded));
  EXPECT_EQ(server_->Count("POST /v2/app/blobs/uploads/?mount="), 1U);
}

TEST_F(PushTest, AnIndexIsPushedWithItsImages) {
  const auto pushed = Push({Image({"1"}), Image({"2"}, "arm64")}, {"app:v1"});
  ASSERT_TRUE(pushed.ok()) << pushed.status().ToString();
  EXPECT_EQ(InRegistry("app:v1"), pushed->documents.root.digest);
  for (const Documents::Platform& platform : pushed->documents.platforms) {
    EXPECT_EQ(InRegistry("app@" + platform.descriptor.digest.ToString()), platform.descriptor.digest);
  }
}

TEST_F(PushTest, ALayerThatBothPlatformsHaveIsSentOnce) {
  const auto pushed = Push({Image({"same"}), Image({"same"}, "arm64")}, {"app:v1"});
  EXPECT_THAT(OutcomesOf(pushed), SizeIs(1));
}

TEST_F(PushTest, WhatWasSentAheadIsNotSentAgain) {
  const PlatformImage image = Image({"1", "2", "3"});
  Exporter exporter(*layers_, pool_);
  PushAhead ahead(exporter, pool_, client_.session(), {registry::Repository::Of(Name("app:v1"))}, {}, &lease_);
  ahead.Offer({image.chain[0]});
  ahead.Offer({image.chain[0], image.chain[1]});
  const auto pushed = exporter.Push(ctx_, client_.session(), {image}, {}, {Name("app:v1")}, &lease_, progress_, &ahead);
  using enum registry::BlobOutcome;
  EXPECT_THAT(OutcomesOf(pushed), ElementsAre(kUploaded, kUploaded, kUploaded));
  EXPECT_EQ(InRegistry("app:v1"), pushed->documents.root.digest);
  EXPECT_EQ(server_->Count("PUT /v2/app/blobs/uploads/"), 4U) << "three layers and the config";
}

TEST_F(PushTest, ALayerThatCouldNotBeSentAheadIsSentWithTheImage) {
  const PlatformImage image = Image({"1"});
  Exporter exporter(*layers_, pool_);
  PushAhead ahead(exporter, pool_, client_.session(), {registry::Repository::Of(Name("app:v1"))}, {}, &lease_);
  ahead.Offer({"recipe:sha256:0000000000000000000000000000000000000000000000000000000000000000"});
  ahead.Offer(image.chain);
  const auto pushed = exporter.Push(ctx_, client_.session(), {image}, {}, {Name("app:v1")}, &lease_, progress_, &ahead);
  ASSERT_TRUE(pushed.ok()) << pushed.status().ToString();
  EXPECT_EQ(InRegistry("app:v1"), pushed->documents.root.digest);
}

TEST_F(PushTest, WhatIsSentAheadOfNoPushIsGivenUp) {
  Exporter exporter(*layers_, pool_);
  {
    PushAhead ahead(exporter, pool_, client_.session(), {registry::Repository::Of(registry::Ref("127.0.0.1:1/app:v1"))},
                    {}, &lease_);
    ahead.Offer(Image({"1"}).chain);
  }  // it does not wait for all tries to reach the registry
  EXPECT_TRUE(Push({Image({"1"})}, {"app:v1"}).ok());
}

TEST_F(PushTest, ARegistryThatIsNotThereIsNamed) {
  oci::Reference nowhere = registry::Ref("127.0.0.1:1/app:v1");
  const auto pushed =
      Exporter(*layers_, pool_).Push(ctx_, client_.session(), {Image({"1"})}, {}, {nowhere}, &lease_, progress_);
  ASSERT_FALSE(pushed.ok());
  EXPECT_THAT(pushed.status().message(), ::testing::StartsWith("push '127.0.0.1:1/app': "));
}

// A step's layer is streamed without a copy here.
TEST_F(PushTest, ALayerWhoseUploadBreaksIsMadeAgain) {
  std::atomic<bool> cut = false;
  const registry::FakeRegistry fake(
      {.interrupt =
           [&](const testing::ScriptedRequest& request) -> std::optional<testing::ScriptedHttpServer::Interruption> {
        if (request.method != "PATCH" || cut.exchange(true)) return std::nullopt;
        return testing::ScriptedHttpServer::Interruption{.after = 2'000'000};
      }});
  const layer::Key key = layer::Upper(*layers_).File("noise", layer::Noise(24U << 20)).Add();
  const auto pushed = Exporter(*layers_, pool_)
                          .PushOne(ctx_, client_.session(), {fake.host(), "app"}, key, {}, &lease_, VertexProgress());
  ASSERT_TRUE(pushed.ok()) << pushed.status().ToString();
  EXPECT_TRUE(cut);
  EXPECT_EQ(pushed->outcome, registry::BlobOutcome::kUploaded);
  const std::optional<std::string> blob = fake.Blob(pushed->descriptor.digest);
  ASSERT_TRUE(blob);
  EXPECT_EQ(Digest::Of(*blob), pushed->descriptor.digest);
}

}  // namespace
}  // namespace slipway::image
