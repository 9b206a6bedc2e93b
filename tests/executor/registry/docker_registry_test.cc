// The client against a real docker-registry; skopeo reads what was pushed, for a second opinion.
#include <gmock/gmock.h>

#include <thread>

#include <nlohmann/json.hpp>

#include "executor/base/process.h"
#include "tests/executor/registry/harness.h"
#include "tests/testing/registry_server.h"

namespace slipway::registry {
namespace {

using ::slipway::testing::RegistryServer;
using ::slipway::testing::RegistryServerOptions;
using ::testing::HasSubstr;
using ::testing::Not;

const Context kContext = Context::Background();
const std::map<std::string, std::string> kUsers = {{"alice", "wonderland"}};

std::unique_ptr<RegistryServer> StartServer(const RegistryServerOptions& options = {}) {
  auto server = RegistryServer::Start(options);
  EXPECT_TRUE(server.ok()) << server.status().message();
  return server.ok() ? std::move(*server) : nullptr;
}

#define START_SERVER_OR_SKIP(name, ...)                                             \
  if (const auto why = RegistryServer::WhyUnavailable(__VA_ARGS__); !why.empty()) { \
    GTEST_SKIP() << why;                                                            \
  }                                                                                 \
  const auto name = StartServer(__VA_ARGS__);                                       \
  ASSERT_NE(name, nullptr)

// A small image: documents and layer.
struct TestImage {
  std::string layer;
  std::string config;
  oci::Manifest manifest;
};

TestImage MakeImage(oci::Family family = oci::Family::kOci, uint32_t seed = 1) {
  TestImage out;
  // Not a real gzip stream; neither the registry nor skopeo's inspect looks inside.
  out.layer = SomeBytes(100'000, seed);
  oci::ImageConfig config;
  config.platform = oci::Platform{.os = "linux", .architecture = "amd64"};
  config.config.env = {"A=1"};
  config.diff_ids = {Digest::Of(out.layer)};
  out.config = config.ToJson();
  const bool oci_family = family == oci::Family::kOci;
  out.manifest.media_type = oci_family ? oci::media_type::kManifest : oci::media_type::kDockerManifest;
  out.manifest.config =
      DescriptorOf(out.config, oci_family ? oci::media_type::kConfig : oci::media_type::kDockerConfig);
  out.manifest.layers = {DescriptorOf(out.layer, oci::LayerMediaType(oci::Compression::kGzip, family))};
  return out;
}

oci::Descriptor PushImage(const Session& session, const oci::Reference& ref, const TestImage& image) {
  const TestStore store;
  const Repository repo = Repository::Of(ref);
  const auto layer = session.PushBlob(kContext, repo, Digest::Of(image.layer), store.Put(image.layer));
  EXPECT_TRUE(layer.ok()) << layer.status().message();
  const auto config = session.PushBytes(kContext, repo, image.config);
  EXPECT_TRUE(config.ok()) << config.status().message();
  const auto manifest = session.PutManifest(kContext, ref, image.manifest.media_type, image.manifest.ToJson());
  EXPECT_TRUE(manifest.ok()) << manifest.status().message();
  return manifest.ok() ? *manifest : oci::Descriptor();
}

// What `skopeo inspect` says; empty and a failure if it fails. nullopt where there is no skopeo.
std::optional<nlohmann::json> Skopeo(const std::string& image, const std::vector<std::string>& flags) {
  std::vector<std::string> argv = {"skopeo", "inspect"};
  argv.insert(argv.end(), flags.begin(), flags.end());
  argv.push_back("docker://" + image);
  const auto run = RunProgram(kContext, {.argv = argv});
  if (run.code() == Code::kNotFound) return std::nullopt;
  EXPECT_TRUE(run.ok() && run->exit.ok()) << (run.ok() ? run->err : run.status().message());
  return nlohmann::json::parse(run->out, nullptr, false);
}

TEST(DockerRegistry, AnImageGoesInAndComesOutWhole) {
  START_SERVER_OR_SKIP(server);
  for (const auto family : {oci::Family::kOci, oci::Family::kDocker}) {
    const Client client;
    const Session session = client.session();
    const oci::Reference ref = Ref(server->host() + "/team/app:v1");
    const TestImage image = MakeImage(family);
    const oci::Descriptor pushed = PushImage(session, ref, image);

    const auto resolved = session.Resolve(kContext, ref);
    ASSERT_TRUE(resolved.ok()) << resolved.status().message();
    EXPECT_EQ(resolved->descriptor.digest, pushed.digest);
    EXPECT_EQ(resolved->descriptor.size, pushed.size);
    EXPECT_EQ(resolved->descriptor.media_type, image.manifest.media_type);
    EXPECT_EQ(resolved->bytes, "");
    EXPECT_EQ(session.Resolve(kContext, ref, /*with_bytes=*/true)->bytes, image.manifest.ToJson());

    const TestStore store;
    auto lease = store.store->NewLease("test");
    const auto got =
        session.ResolveImage(kContext, ref, *oci::Platform::Parse("linux/amd64"), store.store.get(), &*lease);
    ASSERT_TRUE(got.ok()) << got.status().message();
    EXPECT_EQ(got->manifest.digest, pushed.digest);
    EXPECT_EQ(got->config_json, image.config);
    EXPECT_EQ(got->config.config.env, std::vector<std::string>{"A=1"});

    std::string layer;
    const Status fetched = session.FetchBlob(kContext, Repository::Of(ref), got->parsed.layers[0], Into(layer));
    ASSERT_TRUE(fetched.ok()) << fetched.message();
    EXPECT_EQ(layer, image.layer);

    if (const auto seen = Skopeo(ref.ToString(), {"--tls-verify=false"})) {
      EXPECT_EQ((*seen)["Digest"], pushed.digest.ToString());
      EXPECT_EQ((*seen)["Layers"][0], Digest::Of(image.layer).ToString());
      EXPECT_EQ((*seen)["Env"][0], "A=1");
    }
  }
}

TEST(DockerRegistry, WhatTheStoreHasIsNotAskedForAgain) {
  START_SERVER_OR_SKIP(server);
  const Client client;
  const Session session = client.session();
  const oci::Reference ref = Ref(server->host() + "/app:v1");
  const oci::Descriptor pushed = PushImage(session, ref, MakeImage());
  const TestStore store;
  auto lease = store.store->NewLease("test");
  const auto platform = *oci::Platform::Parse("linux/amd64");
  ASSERT_TRUE(session.ResolveImage(kContext, ref, platform, store.store.get(), &*lease).ok());
  const auto before = server->Requests().size();
  ASSERT_TRUE(session.ResolveImage(kContext, ref, platform, store.store.get(), &*lease).ok());
  EXPECT_EQ(server->Requests().size(), before + 1) << "one HEAD";
  // By digest not even that.
  const oci::Reference pinned = Ref(server->host() + "/app@" + pushed.digest.ToString());
  ASSERT_TRUE(session.ResolveImage(kContext, pinned, platform, store.store.get(), &*lease).ok());
  EXPECT_EQ(server->Requests().size(), before + 1);
}

TEST(DockerRegistry, ABlobThatIsThereIsNotSent) {
  START_SERVER_OR_SKIP(server);
  const Client client;
  const Session session = client.session();
  const Repository repo{server->host(), "app"};
  const std::string bytes = SomeBytes(50'000);
  const TestStore store;
  const auto blob = store.Put(bytes);
  EXPECT_FALSE(*session.Exists(kContext, repo, Digest::Of(bytes)));
  EXPECT_EQ(*session.PushBlob(kContext, repo, Digest::Of(bytes), blob), BlobOutcome::kUploaded);
  EXPECT_TRUE(*session.Exists(kContext, repo, Digest::Of(bytes)));
  const size_t puts = server->Count("PUT ");
  EXPECT_EQ(*session.PushBlob(kContext, repo, Digest::Of(bytes), blob), BlobOutcome::kExisted);
  EXPECT_EQ(server->Count("PUT "), puts);
}

TEST(DockerRegistry, ABlobOfAnotherRepositoryIsMounted) {
  START_SERVER_OR_SKIP(server);
  const Client client;
  const Session session = client.session();
  const Repository base{server->host(), "base/image"};
  const Repository app{server->host(), "app"};
  const std::string bytes = SomeBytes(50'000);
  const TestStore store;
  const auto blob = store.Put(bytes);
  const Digest digest = Digest::Of(bytes);
  // Not there yet: the mount is declined, the blob is sent through the upload that was opened instead.
  EXPECT_FALSE(*session.Mount(kContext, app, digest, base));
  EXPECT_EQ(*session.PushBlob(kContext, base, digest, blob, {.mount_from = {app}}), BlobOutcome::kUploaded);
  EXPECT_EQ(*session.PushBlob(kContext, app, digest, blob, {.mount_from = {base}}), BlobOutcome::kMounted);
  EXPECT_TRUE(*session.Mount(kContext, {server->host(), "third"}, digest, base));
  EXPECT_TRUE(*session.Exists(kContext, {server->host(), "third"}, digest));
}

TEST(DockerRegistry, EqualPushesAtOnceShareOneUpload) {
  START_SERVER_OR_SKIP(server);
  const Client client;
  const Repository repo{server->host(), "app"};
  const std::string bytes = SomeBytes(20'000'000);
  const TestStore store;
  const auto blob = store.Put(bytes);
  std::vector<std::jthread> threads;
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([&] {
      const auto outcome = client.session().PushBlob(kContext, repo, Digest::Of(bytes), blob);
      EXPECT_TRUE(outcome.ok()) << outcome.status().message();
    });
  }
  threads.clear();
  EXPECT_EQ(server->Count("PATCH "), 1U);
}

TEST(DockerRegistry, LargeBlobsArriveWholeAndProgressIsTold) {
  START_SERVER_OR_SKIP(server);
  const Client client;
  const Session session = client.session();
  const Repository repo{server->host(), "app"};
  const std::string bytes = SomeBytes(30'000'000);
  const TestStore store;
  std::vector<uint64_t> sent;
  const auto outcome = session.PushBlob(kContext, repo, Digest::Of(bytes), store.Put(bytes),
                                        {.mount_from = {}, .progress = [&](uint64_t done, uint64_t total) {
                                           EXPECT_EQ(total, bytes.size());
                                           sent.push_back(done);
                                         }});
  ASSERT_TRUE(outcome.ok()) << outcome.status().message();
  EXPECT_EQ(sent.back(), bytes.size());

  const TestStore other;
  auto lease = other.store->NewLease("test");
  std::vector<uint64_t> received;
  const auto descriptor = DescriptorOf(bytes, oci::media_type::kLayer);
  const Status pulled = session.PullBlob(kContext, repo, descriptor, *other.store, &*lease,
                                         [&](uint64_t done, uint64_t) { received.push_back(done); });
  ASSERT_TRUE(pulled.ok()) << pulled.message();
  EXPECT_EQ(received.back(), bytes.size());
  EXPECT_TRUE(other.store->Has(descriptor.digest));
}

TEST(DockerRegistry, EqualPullsAtOnceShareOneTransfer) {
  START_SERVER_OR_SKIP(server);
  const Client client;
  const Repository repo{server->host(), "app"};
  const std::string bytes = SomeBytes(20'000'000);
  ASSERT_TRUE(client.session().PushBytes(kContext, repo, bytes).ok());
  const TestStore store;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([&] {
      auto lease = store.store->NewLease("test");
      const Status pulled = client.session().PullBlob(kContext, repo, DescriptorOf(bytes, ""), *store.store, &*lease);
      EXPECT_TRUE(pulled.ok()) << pulled.message();
    });
  }
  threads.clear();
  EXPECT_EQ(server->AwaitCount("GET /v2/app/blobs/", 1), 1U);
}

TEST(DockerRegistry, AStreamOfUnknownDigestBecomesABlob) {
  START_SERVER_OR_SKIP(server);
  const Client client;
  const Session session = client.session();
  const Repository repo{server->host(), "app"};
  // Short enough to be held back, empty, and truly streamed.
  for (const size_t size : {size_t{1000}, size_t{0}, size_t{5'000'000}}) {
    const std::string bytes = SomeBytes(size, 7);
    auto upload = session.StartUpload(kContext, repo);
    ASSERT_TRUE(upload.ok()) << upload.status().message();
    for (size_t at = 0; at < bytes.size(); at += 300'000) {
      ASSERT_TRUE((*upload)->Write(kContext, std::string_view(bytes).substr(at, 300'000)).ok());
    }
    const Status committed = (*upload)->Commit(kContext, Digest::Of(bytes));
    ASSERT_TRUE(committed.ok()) << committed.message();
    EXPECT_FALSE((*upload)->broken());
    upload->reset();
    std::string back;
    const Status fetched = session.FetchBlob(kContext, repo, DescriptorOf(bytes, ""), Into(back));
    EXPECT_TRUE(fetched.ok()) << fetched.message();
    EXPECT_EQ(back, bytes);
  }
  EXPECT_EQ(server->Count("DELETE "), 0U);
}

TEST(DockerRegistry, AnUploadThatIsDroppedIsCancelled) {
  START_SERVER_OR_SKIP(server);
  const Client client;
  const Repository repo{server->host(), "app"};
  {
    auto upload = client.session().StartUpload(kContext, repo);
    ASSERT_TRUE((*upload)->Write(kContext, SomeBytes(3'000'000)).ok());
  }
  EXPECT_EQ(server->Count("POST /v2/app/blobs/uploads/"), 1U);
  EXPECT_EQ(server->Count("DELETE /v2/app/blobs/uploads/"), 1U);
}

TEST(DockerRegistry, AStreamCommittedUnderTheWrongDigestIsDataLoss) {
  START_SERVER_OR_SKIP(server);
  const Client client;
  auto upload = client.session().StartUpload(kContext, {server->host(), "app"});
  ASSERT_TRUE((*upload)->Write(kContext, SomeBytes(3'000'000)).ok());
  const Status committed = (*upload)->Commit(kContext, Digest::Of("something else"));
  EXPECT_EQ(committed.code(), Code::kDataLoss) << committed.message();
}

TEST(DockerRegistry, OneManifestGetsSeveralTags) {
  START_SERVER_OR_SKIP(server);
  const Client client;
  const Session session = client.session();
  const TestImage image = MakeImage();
  PushImage(session, Ref(server->host() + "/app:v1"), image);
  const Repository repo{server->host(), "app"};
  const std::vector<std::string> tags = {"v2", "latest"};
  const auto put = session.PutManifests(kContext, repo, tags, image.manifest.media_type, image.manifest.ToJson());
  ASSERT_TRUE(put.ok()) << put.status().message();
  for (const std::string& tag : tags) {
    EXPECT_EQ(session.Resolve(kContext, Ref(server->host() + "/app:" + tag))->descriptor.digest, put->digest);
  }
}

TEST(DockerRegistry, AnIndexIsResolvedForAPlatform) {
  START_SERVER_OR_SKIP(server);
  const Client client;
  const Session session = client.session();
  oci::Index index;
  for (const char* platform : {"linux/amd64", "linux/arm64"}) {
    const TestImage image = MakeImage(oci::Family::kOci, index.manifests.empty() ? 1 : 2);
    const Digest digest = Digest::Of(image.manifest.ToJson());
    oci::Descriptor entry = PushImage(session, Ref(server->host() + "/app@" + digest.ToString()), image);
    entry.platform = *oci::Platform::Parse(platform);
    index.manifests.push_back(entry);
  }
  const oci::Reference ref = Ref(server->host() + "/app:multi");
  ASSERT_TRUE(session.PutManifest(kContext, ref, index.media_type, index.ToJson()).ok());

  const auto image = session.ResolveImage(kContext, ref, *oci::Platform::Parse("linux/arm64"), nullptr, nullptr);
  ASSERT_TRUE(image.ok()) << image.status().message();
  EXPECT_EQ(image->root.digest, Digest::Of(index.ToJson()));
  EXPECT_EQ(image->manifest.digest, index.manifests[1].digest);

  const auto absent = session.ResolveImage(kContext, ref, *oci::Platform::Parse("linux/s390x"), nullptr, nullptr);
  EXPECT_EQ(absent.code(), Code::kNotFound);
  EXPECT_THAT(absent.status().message(), HasSubstr("linux/amd64, linux/arm64"));
}

TEST(DockerRegistry, WhatIsNotThereIsNotFoundWithItsName) {
  START_SERVER_OR_SKIP(server);
  const Client client;
  const Session session = client.session();
  const auto missing = session.Resolve(kContext, Ref(server->host() + "/app:nope"), /*with_bytes=*/true);
  EXPECT_EQ(missing.code(), Code::kNotFound);
  EXPECT_THAT(missing.status().message(), HasSubstr(server->host() + "/app:nope"));
  EXPECT_THAT(missing.status().message(), HasSubstr("MANIFEST_UNKNOWN"));
  EXPECT_EQ(session.Resolve(kContext, Ref(server->host() + "/app:nope")).code(), Code::kNotFound);
  std::string out;
  const Status blob = session.FetchBlob(kContext, {server->host(), "app"}, DescriptorOf("absent", ""), Into(out));
  EXPECT_EQ(blob.code(), Code::kNotFound) << blob.message();
}

TEST(DockerRegistry, AManifestWithoutItsBlobsIsRefused) {
  START_SERVER_OR_SKIP(server);
  const Client client;
  const TestImage image = MakeImage();
  const auto put = client.session().PutManifest(kContext, Ref(server->host() + "/app:v1"), image.manifest.media_type,
                                                image.manifest.ToJson());
  EXPECT_FALSE(put.ok());
  EXPECT_THAT(put.status().message(), HasSubstr("MANIFEST_BLOB_UNKNOWN"));
}

// --- credentials and TLS

TEST(DockerRegistryAuth, RightCredentialsPushAndPull) {
  START_SERVER_OR_SKIP(server, {.users = kUsers});
  const Client client(
      {.credentials = StaticCredentials({{server->host(), {.username = "alice", .password = "wonderland"}}})});
  const oci::Reference ref = Ref(server->host() + "/app:v1");
  const oci::Descriptor pushed = PushImage(client.session(), ref, MakeImage());
  EXPECT_EQ(client.session().Resolve(kContext, ref)->descriptor.digest, pushed.digest);
  if (const auto seen = Skopeo(ref.ToString(), {"--tls-verify=false", "--creds=alice:wonderland"})) {
    EXPECT_EQ((*seen)["Digest"], pushed.digest.ToString());
  }
}

TEST(DockerRegistryAuth, NoneAndWrongCredentialsAreToldApart) {
  START_SERVER_OR_SKIP(server, {.users = kUsers});
  const oci::Reference ref = Ref(server->host() + "/app:v1");
  const auto none = Client().session().Resolve(kContext, ref);
  EXPECT_EQ(none.code(), Code::kUnauthenticated);
  EXPECT_THAT(none.status().message(), HasSubstr("asks for credentials and none are known"));

  const Client wrong(
      {.credentials = StaticCredentials({{server->host(), {.username = "alice", .password = "looking-glass"}}})});
  const auto refused = wrong.session().Resolve(kContext, ref);
  EXPECT_EQ(refused.code(), Code::kUnauthenticated);
  EXPECT_THAT(refused.status().message(), HasSubstr("refused the credentials"));
  EXPECT_THAT(refused.status().message(), Not(HasSubstr("looking-glass")));
}

TEST(DockerRegistryAuth, ARunsOwnCredentialsComeBeforeTheDaemons) {
  START_SERVER_OR_SKIP(server, {.users = kUsers});
  const Client client(
      {.credentials = StaticCredentials({{server->host(), {.username = "alice", .password = "wrong"}}})});
  const auto right = StaticCredentials({{server->host(), {.username = "alice", .password = "wonderland"}}});
  const Repository repo{server->host(), "app"};
  EXPECT_EQ(client.session().Exists(kContext, repo, Digest::Of("x")).code(), Code::kUnauthenticated);
  EXPECT_TRUE(client.registry->NewSession(right).Exists(kContext, repo, Digest::Of("x")).ok());
  EXPECT_TRUE(client.registry->NewIsolatedSession(right).Exists(kContext, repo, Digest::Of("x")).ok());
  EXPECT_EQ(client.registry->NewIsolatedSession(nullptr).Exists(kContext, repo, Digest::Of("x")).code(),
            Code::kUnauthenticated);
}

TEST(DockerRegistryTls, AnExtraAuthorityIsTrusted) {
  START_SERVER_OR_SKIP(server, {.users = kUsers, .tls = true});
  const Client client(
      {.credentials = StaticCredentials({{server->host(), {.username = "alice", .password = "wonderland"}}}),
       .ca_file = server->ca_file()});
  const oci::Reference ref = Ref(server->host() + "/app:v1");
  const oci::Descriptor pushed = PushImage(client.session(), ref, MakeImage());
  EXPECT_EQ(client.session().Resolve(kContext, ref)->descriptor.digest, pushed.digest);
  if (const auto seen = Skopeo(ref.ToString(), {"--tls-verify=false", "--creds=alice:wonderland"})) {
    EXPECT_EQ((*seen)["Digest"], pushed.digest.ToString());
  }
}

TEST(DockerRegistryTls, AnUnknownAuthorityIsNot) {
  START_SERVER_OR_SKIP(server, {.tls = true});
  const Client client;
  const auto resolved = client.session().Resolve(kContext, Ref(server->host() + "/app:v1"));
  EXPECT_EQ(resolved.code(), Code::kFailedPrecondition);
  EXPECT_THAT(resolved.status().message(), HasSubstr("certificate"));
  EXPECT_THAT(resolved.status().message(), HasSubstr(server->host()));
  EXPECT_TRUE(client.waits.delays().empty()) << "trying again would not help";
}

}  // namespace
}  // namespace slipway::registry
