// Caches through a real registry: exported by one daemon's stores, imported into another's; and what is refused.
#include "executor/cache/importer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "executor/base/fs.h"
#include "executor/cache/exporter.h"
#include "executor/http/curl_transport.h"
#include "tests/testing/registry_server.h"

namespace slipway::cache {
namespace {

using ::testing::HasSubstr;

class IgnoreEvents : public ProgressSink {
 public:
  void OnEvent(const ProgressEvent&) override {}
};

/// The stores of one daemon.
struct Daemon {
  explicit Daemon(registry::Session with) : session(std::move(with)) {
    dir = *fs::TempDir::Make();
    content = *content::Store::Open(dir.path() + "/content");
    const auto fetch = [this](const Context& ctx, const layer::Remote& remote, const auto& sink,
                              const VertexProgress&) {
      ++fetched;
      return session.FetchBlob(ctx, {remote.host, remote.repository}, remote.descriptor, sink);
    };
    layers = *layer::Store::Open({.root = dir.path() + "/layers", .limits = {}}, *content, pool, fetch);
    images = std::make_unique<image::Exporter>(*layers, pool);
    lease = *content->NewLease("the test");
  }
  layer::Key Layer(const std::string& file, const std::string& text) {
    tree::Entry entry;
    entry.path = file;
    entry.mode = 0644;
    entry.size = text.size();
    entry.digest = *content->Put(text, &lease);
    return *layers->AddRecipe(tree::Tree({entry}));
  }

  registry::Session session;
  fs::TempDir dir;
  ThreadPool pool{2};
  std::unique_ptr<content::Store> content;
  std::unique_ptr<layer::Store> layers;
  std::unique_ptr<image::Exporter> images;
  content::Lease lease;
  int fetched = 0;
};

graph::VertexPtr Step(const std::string& name, std::vector<graph::VertexPtr> inputs) {
  graph::ExecOp op;
  op.args = {name};
  return graph::Make(std::move(op), std::move(inputs), {.name = name});
}

class CacheImportTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const std::string why = testing::RegistryServer::WhyUnavailable(); !why.empty()) GTEST_SKIP() << why;
    server_ = *testing::RegistryServer::Start();
    http::CurlOptions curl;
    curl.proxy = {};
    registry_ = std::make_unique<registry::Registry>(registry::Options(), *http::NewCurlTransport(curl), nullptr);
    first_ = std::make_unique<Daemon>(registry_->NewSession());
    second_ = std::make_unique<Daemon>(registry_->NewSession());
    ref_ = *oci::Reference::Parse(server_->host() + "/cache:main");
    // A stage of its own, and an image of two steps.
    stage_ = {first_->Layer("stage", "of the stage")};
    image_ = {first_->Layer("one", "1"), first_->Layer("two", "2")};
    const auto add = [this](const std::string& name, layer::Chain chain, Digest link) {
      results_.push_back(
          {.vertex = Step(name, {}), .key = Digest::Of(name), .link = link, .chain = std::move(chain), .pin = {}});
    };
    add("stage", stage_, Digest());
    add("one", {image_[0]}, Digest());
    add("two", image_, Digest::Of("link of two"));
  }

  Status Export(bool all_steps) {
    Exporter exporter(*first_->layers, *first_->images, first_->pool);
    const ExportRequest request{.ref = ref_, .all_steps = all_steps, .layers = {}, .images = {image_}};
    return exporter.Export(ctx_, first_->session, request, results_, &first_->lease, events_);
  }
  Result<std::shared_ptr<solver::CacheSource>> ImportInto(Daemon& daemon) {
    return Import(ctx_, daemon.session, ref_, {oci::Platform::Host()}, *daemon.layers);
  }
  /// Puts a manifest with this config under the reference.
  void PutCache(const std::string& config, std::string_view config_type, const std::string& layers = "[]") {
    const registry::Repository repository = registry::Repository::Of(ref_);
    ASSERT_TRUE(first_->session.PushBytes(ctx_, repository, config).ok());
    const std::string manifest = fmt::format(
        R"({{"schemaVersion":2,"mediaType":"{}","config":{{"mediaType":"{}","digest":"{}","size":{}}},"layers":{}}})",
        oci::media_type::kManifest, config_type, Digest::Of(config), config.size(), layers);
    const auto put = first_->session.PutManifest(ctx_, ref_, oci::media_type::kManifest, manifest);
    ASSERT_TRUE(put.ok()) << put.status().message();
  }
  std::string WhyNot() {
    const auto source = ImportInto(*second_);
    return source.ok() ? "it is taken" : source.status().message();
  }

  const Context ctx_ = Context::Background();
  IgnoreEvents events_;
  std::unique_ptr<testing::RegistryServer> server_;
  std::unique_ptr<registry::Registry> registry_;
  std::unique_ptr<Daemon> first_;
  std::unique_ptr<Daemon> second_;
  oci::Reference ref_;
  layer::Chain stage_;
  layer::Chain image_;
  std::vector<solver::VertexResult> results_;
};

TEST_F(CacheImportTest, WhatIsExportedIsFoundElsewhereAndNothingIsFetchedUntilItIsNeeded) {
  ASSERT_TRUE(Export(/*all_steps=*/true).ok());
  const auto source = ImportInto(*second_);
  ASSERT_TRUE(source.ok()) << source.status().message();
  EXPECT_EQ((*source)->FindLink(Digest::Of("link of two")), Digest::Of("two"));
  const auto chain = (*source)->Find(Digest::Of("two"));
  ASSERT_TRUE(chain.has_value());
  EXPECT_TRUE(second_->layers->Usable(*chain));
  EXPECT_TRUE((*source)->Find(Digest::Of("stage")).has_value());
  EXPECT_EQ((*source)->Find(Digest::Of("unknown")), std::nullopt);
  EXPECT_EQ(second_->fetched, 0);
  const auto index = second_->layers->Index(ctx_, chain->back(), {});
  ASSERT_TRUE(index.ok()) << index.status().message();
  EXPECT_NE((*index)->Find("two"), nullptr);
  EXPECT_EQ(second_->fetched, 1);
}

TEST_F(CacheImportTest, ModeMinHasTheLayersOfTheImageOnly) {
  ASSERT_TRUE(Export(/*all_steps=*/false).ok());
  const auto source = ImportInto(*second_);
  ASSERT_TRUE(source.ok()) << source.status().message();
  EXPECT_TRUE((*source)->Find(Digest::Of("one")).has_value());
  EXPECT_TRUE((*source)->Find(Digest::Of("two")).has_value());
  EXPECT_EQ((*source)->Find(Digest::Of("stage")), std::nullopt);
}

TEST_F(CacheImportTest, ExportAgainSendsNothing) {
  ASSERT_TRUE(Export(true).ok());
  const size_t blobs = server_->AwaitCount("PUT /v2/cache/blobs/", 4);
  EXPECT_EQ(blobs, 4U) << "three layers and the records";
  const size_t manifests = server_->Count("PUT /v2/cache/manifests/");
  ASSERT_TRUE(Export(true).ok());
  EXPECT_EQ(server_->Count("PUT /v2/cache/blobs/"), blobs);
  EXPECT_EQ(server_->Count("PUT /v2/cache/manifests/"), manifests);
}

TEST_F(CacheImportTest, ExportWithAnotherStepSendsThatLayerOnly) {
  ASSERT_TRUE(Export(true).ok());
  const size_t before = server_->AwaitCount("PUT /v2/cache/blobs/", 4);
  image_.push_back(first_->Layer("three", "3"));
  results_.push_back({.vertex = Step("three", {}), .key = Digest::Of("three"), .link = {}, .chain = image_, .pin = {}});
  ASSERT_TRUE(Export(true).ok());
  EXPECT_EQ(server_->AwaitCount("PUT /v2/cache/blobs/", before + 2), before + 2) << "a layer and the records";
}

TEST_F(CacheImportTest, LayersOfTheBaseAreNotSentAndMustBeKnown) {
  // The base stands in another repository.
  results_.clear();
  image::Exporter& images = *first_->images;
  const registry::Repository elsewhere{server_->host(), "base"};
  const auto pushed = images.PushOne(ctx_, first_->session, elsewhere, image_[0], {}, &first_->lease, {});
  ASSERT_TRUE(pushed.ok()) << pushed.status().message();
  const Digest diff_id = first_->layers->DiffId(image_[0]);
  const layer::Remote place{.descriptor = pushed->descriptor, .host = elsewhere.host, .repository = elsewhere.name};
  const layer::Key base = *first_->layers->AddRemote(diff_id, place);
  const graph::VertexPtr from =
      graph::Make(graph::SourceOp{.chain = {base}, .identity = Digest::Of("base"), .origin = {}}, {}, {.name = "base"});
  image_ = {base, image_[1]};
  results_.push_back(
      {.vertex = Step("on base", {from}), .key = Digest::Of("on base"), .link = {}, .chain = image_, .pin = {}});
  ASSERT_TRUE(Export(true).ok());
  EXPECT_EQ(server_->AwaitCount("PUT /v2/cache/blobs/", 2), 2U) << "a layer and the records";

  const auto source = ImportInto(*second_);
  ASSERT_TRUE(source.ok()) << source.status().message();
  EXPECT_EQ((*source)->Find(Digest::Of("on base")), std::nullopt) << "its base is not known";
  ASSERT_TRUE(second_->layers->AddRemote(diff_id, place).ok());
  EXPECT_TRUE((*source)->Find(Digest::Of("on base")).has_value());
}

TEST_F(CacheImportTest, NoCacheOrOneOfAnotherBuilderIsSaid) {
  EXPECT_EQ(ImportInto(*second_).code(), Code::kNotFound);
  PutCache("[]", "application/vnd.buildkit.cacheconfig.v0");
  EXPECT_THAT(WhyNot(), HasSubstr("BuildKit wrote"));
  PutCache("{}", oci::media_type::kConfig);
  EXPECT_THAT(WhyNot(), HasSubstr("without an inline cache"));
  PutCache(R"({"moby.buildkit.cache.v0": "eyJ9"})", oci::media_type::kConfig);
  EXPECT_THAT(WhyNot(), HasSubstr("BuildKit wrote"));
  PutCache("{}", "application/vnd.example.other+json");
  EXPECT_THAT(WhyNot(), HasSubstr("neither a build cache nor an image"));
}

TEST_F(CacheImportTest, MalformedCachesAreRefused) {
  PutCache("not json", kConfigType);
  EXPECT_EQ(ImportInto(*second_).code(), Code::kInvalidArgument);
  PutCache(R"({"records": [{"key": "sha256:1"}]})", kConfigType);
  EXPECT_EQ(ImportInto(*second_).code(), Code::kInvalidArgument);
  PutCache(fmt::format(R"({{"layers": [{{"diffID": "{}", "blob": 3}}]}})", Digest::Of("x")), kConfigType);
  EXPECT_THAT(WhyNot(), HasSubstr("no number below 0"));
}

TEST_F(CacheImportTest, LayerThatIsNotWhatTheRecordSaysIsNoticedWhenItIsUnpacked) {
  ASSERT_TRUE(Export(true).ok());
  const auto image = first_->layers->KnownBlob(image_[0], {});
  ASSERT_TRUE(image.has_value());
  PutCache(fmt::format(R"({{"layers": [{{"diffID": "{}", "blob": 0}}], "records": [{{"key": "{}", "layers": [0]}}]}})",
                       Digest::Of("something else"), Digest::Of("k")),
           kConfigType,
           fmt::format(R"([{{"mediaType":"{}","digest":"{}","size":{}}}])", image->descriptor.media_type,
                       image->descriptor.digest, image->descriptor.size));
  const auto source = ImportInto(*second_);
  ASSERT_TRUE(source.ok()) << source.status().message();
  const auto chain = (*source)->Find(Digest::Of("k"));
  ASSERT_TRUE(chain.has_value());
  EXPECT_EQ(second_->layers->LowerDirs(ctx_, {chain->back()}, {}).code(), Code::kDataLoss);
}

TEST(InlineRecords, HasWhatTheImageStandsOnAndKeysOfTheRest) {
  std::vector<solver::VertexResult> results;
  const auto add = [&](const std::string& name, layer::Chain chain, Digest link) {
    results.push_back(
        {.vertex = Step(name, {}), .key = Digest::Of(name), .link = link, .chain = std::move(chain), .pin = {}});
  };
  add("stage", {"s"}, Digest());
  add("copy in the stage", {"s", "t"}, Digest::Of("link"));
  add("one", {"a"}, Digest());
  add("two", {"a", "b"}, Digest());
  const Config config = InlineRecords({"a", "b"}, {Digest::Of("A"), Digest::Of("B")}, results);
  ASSERT_EQ(config.records.size(), 3U);
  EXPECT_EQ(config.records[0].key, Digest::Of("copy in the stage"));
  EXPECT_FALSE(config.records[0].has_result);
  EXPECT_EQ(config.records[1].chain, std::vector<size_t>{0});
  EXPECT_EQ(config.records[2].chain, (std::vector<size_t>{0, 1}));
}

}  // namespace
}  // namespace slipway::cache
