// What the client does when a registry, or the way to it, fails.
#include <gmock/gmock.h>

#include <atomic>
#include <latch>
#include <thread>

#include "tests/executor/registry/fake_registry.h"
#include "tests/executor/registry/harness.h"

namespace slipway::registry {
namespace {

using ::slipway::testing::ScriptedHttpServer;
using ::slipway::testing::ScriptedReply;
using ::slipway::testing::ScriptedRequest;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using Ms = std::chrono::milliseconds;

const Context kContext = Context::Background();

bool IsBlobGet(const ScriptedRequest& request) {
  return request.method == "GET" && request.target.find("/blobs/sha256:") != std::string::npos;
}

Status Fetch(const Client& client, const FakeRegistry& fake, const std::string& bytes, std::string& out) {
  return client.session().FetchBlob(kContext, {fake.host(), "app"}, DescriptorOf(bytes, ""), Into(out));
}

// --- downloads

TEST(Download, ADroppedConnectionIsResumedWhereItStopped) {
  const std::string bytes = SomeBytes(1'000'000);
  std::atomic<int> dropped = 0;
  FakeRegistry fake({.instead = [&](const ScriptedRequest& request) -> std::optional<ScriptedReply> {
    if (!IsBlobGet(request) || dropped >= 2) return std::nullopt;
    if (dropped++ == 0) return ScriptedReply{.body = bytes, .drop_after = 400'000};
    return ScriptedReply{.status = 206,
                         .headers = {{"Content-Range", "bytes 400000-999999/1000000"}},
                         .body = bytes.substr(400'000),
                         .drop_after = 100'000};
  }});
  fake.PutBlob(bytes);
  const Client client;
  std::string out;
  const Status fetched = Fetch(client, fake, bytes, out);
  ASSERT_TRUE(fetched.ok()) << fetched.message();
  EXPECT_EQ(out, bytes);
  std::vector<std::string> ranges;
  for (const auto& request : fake.server().requests()) {
    if (IsBlobGet(request)) ranges.emplace_back(request.headers.Get("Range"));
  }
  EXPECT_THAT(ranges, ElementsAre("", "bytes=400000-", "bytes=500000-"));
  EXPECT_THAT(client.waits.delays(), SizeIs(2));
}

TEST(Download, AServerWithoutRangesIsReadAgainFromTheStart) {
  const std::string bytes = SomeBytes(1'000'000);
  std::atomic<int> gets = 0;
  FakeRegistry fake({.instead = [&](const ScriptedRequest& request) -> std::optional<ScriptedReply> {
                       if (!IsBlobGet(request) || gets++ > 0) return std::nullopt;
                       return ScriptedReply{.body = bytes, .drop_after = 400'000};
                     },
                     .no_ranges = true});
  fake.PutBlob(bytes);
  const Client client;
  std::string out;
  const Status fetched = Fetch(client, fake, bytes, out);
  ASSERT_TRUE(fetched.ok()) << fetched.message();
  EXPECT_EQ(out, bytes);
}

// An answer in one chunk whose end (the chunk of no bytes) does not come.
ScriptedReply WithoutItsEnd(const std::string& bytes) {
  return ScriptedReply{
      .raw = fmt::format("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{}\r\n", bytes.size(), bytes)};
}

TEST(Download, AConnectionThatDropsAfterTheLastByteLosesNothing) {
  const std::string bytes = SomeBytes(100'000);
  for (const bool damaged : {false, true}) {
    FakeRegistry fake({.instead = [&](const ScriptedRequest& request) -> std::optional<ScriptedReply> {
      if (!IsBlobGet(request)) return std::nullopt;
      if (request.headers.Has("Range")) return ScriptedReply{.status = 416};
      return WithoutItsEnd(damaged ? std::string(bytes.size(), 'x') : bytes);
    }});
    const Client client;
    std::string out;
    const Status fetched = Fetch(client, fake, bytes, out);
    EXPECT_EQ(fetched.code(), damaged ? Code::kDataLoss : Code::kOk) << fetched.message();
    EXPECT_EQ(out == bytes, !damaged);
    EXPECT_EQ(fake.Count("GET /v2/app/blobs/"), 1U);
    EXPECT_THAT(client.waits.delays(), IsEmpty());
  }
}

TEST(Download, OtherBytesThanTheDigestNamesAreDataLoss) {
  const std::string bytes = SomeBytes(100'000);
  std::string damaged = bytes;
  damaged[50'000] ^= 1;
  for (const std::string& sent : {damaged, bytes + "x", bytes.substr(1)}) {
    FakeRegistry fake({.instead = [&](const ScriptedRequest& request) -> std::optional<ScriptedReply> {
      return IsBlobGet(request) ? std::optional(ScriptedReply{.body = sent}) : std::nullopt;
    }});
    const Client client;
    std::string out;
    const Status fetched = Fetch(client, fake, bytes, out);
    EXPECT_EQ(fetched.code(), Code::kDataLoss) << fetched.message();
    EXPECT_THAT(fetched.message(), HasSubstr(Digest::Of(bytes).ToString()));
    EXPECT_THAT(client.waits.delays(), IsEmpty());
  }
}

TEST(Download, AServerThatAlwaysDropsIsGivenUp) {
  const std::string bytes = SomeBytes(100'000);
  FakeRegistry fake({.instead = [&](const ScriptedRequest& request) -> std::optional<ScriptedReply> {
    return IsBlobGet(request) ? std::optional(ScriptedReply{.drop = true}) : std::nullopt;
  }});
  const Client client;
  std::string out;
  const Status fetched = Fetch(client, fake, bytes, out);
  EXPECT_EQ(fetched.code(), Code::kUnavailable);
  EXPECT_THAT(fetched.message(), AllOf(HasSubstr("after 5 attempts"), HasSubstr(fake.host() + "/app@sha256:")));
}

TEST(Download, WhatTheSinkReturnsIsFinal) {
  const std::string bytes = SomeBytes(100'000);
  FakeRegistry fake;
  fake.PutBlob(bytes);
  const Client client;
  const Status fetched = client.session().FetchBlob(kContext, {fake.host(), "app"}, DescriptorOf(bytes, ""),
                                                    [](std::string_view) { return Unavailable("the disk is gone"); });
  EXPECT_EQ(fetched.message(), "the disk is gone");
  EXPECT_THAT(client.waits.delays(), IsEmpty());
}

TEST(Download, ARedirectToAnotherHostCarriesNoCredentials) {
  const std::string bytes = SomeBytes(1000);
  ScriptedHttpServer storage([&](const ScriptedRequest&) { return ScriptedReply{.body = bytes}; });
  ScriptedHttpServer registry([&](const ScriptedRequest& request) {
    if (!request.headers.Has("Authorization")) {
      return ScriptedReply{.status = 401, .headers = {{"WWW-Authenticate", "Basic realm=\"r\""}}};
    }
    return ScriptedReply{.status = 307, .headers = {{"Location", storage.Url("/blob?sig=x")}}};
  });
  const Client client({.credentials = StaticCredentials({{registry.host(), {.username = "u", .password = "p"}}})});
  std::string out;
  const Status fetched =
      client.session().FetchBlob(kContext, {registry.host(), "app"}, DescriptorOf(bytes, ""), Into(out));
  ASSERT_TRUE(fetched.ok()) << fetched.message();
  EXPECT_EQ(out, bytes);
  EXPECT_TRUE(registry.requests().back().headers.Has("Authorization"));
  ASSERT_THAT(storage.requests(), SizeIs(1));
  EXPECT_FALSE(storage.requests()[0].headers.Has("Authorization"));
}

TEST(Download, AStorageThatRefusesAnOldAddressIsAskedAgainThroughTheRegistry) {
  const std::string bytes = SomeBytes(1000);
  ScriptedHttpServer storage([&](const ScriptedRequest& request) {
    if (request.index == 0) return ScriptedReply{.status = 403, .body = "expired"};
    return ScriptedReply{.body = bytes};
  });
  ScriptedHttpServer registry([&](const ScriptedRequest& request) {
    if (request.target == "/v2/") return ScriptedReply{};
    return ScriptedReply{.status = 307, .headers = {{"Location", storage.Url("/blob")}}};
  });
  const Client client;
  std::string out;
  const Status fetched =
      client.session().FetchBlob(kContext, {registry.host(), "app"}, DescriptorOf(bytes, ""), Into(out));
  ASSERT_TRUE(fetched.ok()) << fetched.message();
  EXPECT_THAT(storage.requests(), SizeIs(2));
}

TEST(Download, NoMoreTransfersThanAllowedRunAtOnce) {
  const std::string bytes = SomeBytes(1000);
  std::atomic<int> now = 0;
  std::atomic<int> most = 0;
  FakeRegistry fake({.instead = [&](const ScriptedRequest& request) -> std::optional<ScriptedReply> {
    if (!IsBlobGet(request)) return std::nullopt;
    const int count = ++now;
    int seen = most;
    while (count > seen && !most.compare_exchange_weak(seen, count)) {
    }
    std::this_thread::yield();
    --now;
    return std::nullopt;
  }});
  fake.PutBlob(bytes);
  const Client client({.max_transfers = 2});
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      std::string out;
      EXPECT_TRUE(Fetch(client, fake, bytes, out).ok());
    });
  }
  threads.clear();
  EXPECT_LE(most, 2);
}

// --- waits

TEST(Retry, RetryAfterIsHonouredAndCapped) {
  const std::string bytes = SomeBytes(1000);
  std::atomic<int> gets = 0;
  FakeRegistry fake({.instead = [&](const ScriptedRequest& request) -> std::optional<ScriptedReply> {
    if (!IsBlobGet(request)) return std::nullopt;
    switch (gets++) {
      case 0: return ScriptedReply{.status = 429, .headers = {{"Retry-After", "7"}}};
      case 1: return ScriptedReply{.status = 503, .headers = {{"Retry-After", "100000"}}};
      default: return std::nullopt;
    }
  }});
  fake.PutBlob(bytes);
  const Client client;
  std::string out;
  ASSERT_TRUE(Fetch(client, fake, bytes, out).ok());
  EXPECT_THAT(client.waits.delays(), ElementsAre(Ms(7000), Ms(60'000)));
}

TEST(Retry, ARateLimitThatStaysIsResourceExhausted) {
  FakeRegistry fake({.instead = [&](const ScriptedRequest& request) -> std::optional<ScriptedReply> {
    if (request.target == "/v2/") return std::nullopt;
    return ScriptedReply{.status = 429, .body = R"({"errors":[{"code":"TOOMANYREQUESTS","message":"slow\ndown"}]})"};
  }});
  const Client client;
  const auto resolved = client.session().Resolve(kContext, Ref(fake.host() + "/app:v1"), true);
  EXPECT_EQ(resolved.code(), Code::kResourceExhausted);
  EXPECT_THAT(resolved.status().message(), AllOf(HasSubstr("TOOMANYREQUESTS: slow down"), HasSubstr("after 5 attempts"),
                                                 HasSubstr("try again later")));
}

TEST(Retry, TroubleThatStaysIsUnavailable) {
  FakeRegistry fake({.instead = [&](const ScriptedRequest& request) -> std::optional<ScriptedReply> {
    if (request.target == "/v2/") return std::nullopt;
    return ScriptedReply{.status = 503};
  }});
  const Client client;
  const auto there = client.session().Exists(kContext, {fake.host(), "app"}, Digest::Of("x"));
  EXPECT_EQ(there.code(), Code::kUnavailable);
  EXPECT_EQ(fake.Count("HEAD"), 5U);
  const auto delays = client.waits.delays();
  ASSERT_THAT(delays, SizeIs(4));
  for (size_t i = 0; i < delays.size(); ++i) {
    EXPECT_GE(delays[i], Ms(150) * (1 << i));
    EXPECT_LE(delays[i], Ms(200) * (1 << i));
  }
}

TEST(Retry, CancelEndsTheWaiting) {
  const Context ctx = kContext.Child();
  FakeRegistry fake({.instead = [&](const ScriptedRequest& request) -> std::optional<ScriptedReply> {
    if (request.target == "/v2/") return std::nullopt;
    ctx.Cancel(Cancelled("the user asked for it"));
    return ScriptedReply{.status = 503, .headers = {{"Retry-After", "60"}}};
  }});
  const auto there = Client().session().Exists(ctx, {fake.host(), "app"}, Digest::Of("x"));
  EXPECT_EQ(there.code(), Code::kCancelled);
  EXPECT_THAT(there.status().message(), HasSubstr("the user asked for it"));
}

TEST(Retry, AnUnknownHostIsAskedForOnceMoreOnly) {
  const Client client;
  const auto resolved = client.session().Resolve(kContext, Ref("registry.invalid/app:v1"));
  EXPECT_EQ(resolved.code(), Code::kUnavailable);
  EXPECT_THAT(resolved.status().message(),
              AllOf(HasSubstr("resolve 'registry.invalid/app:v1'"), HasSubstr("host 'registry.invalid' is unknown")));
  EXPECT_THAT(client.waits.delays(), SizeIs(1));
}

TEST(Retry, ARefusedConnectionIsUnavailable) {
  std::string host;
  { host = FakeRegistry().host(); }
  const Client client;
  const auto resolved = client.session().Resolve(kContext, Ref(host + "/app:v1"));
  EXPECT_EQ(resolved.code(), Code::kUnavailable);
  EXPECT_THAT(resolved.status().message(), AllOf(HasSubstr("Connection refused"), HasSubstr("is the server running")));
  EXPECT_THAT(client.waits.delays(), SizeIs(4));
}

// --- documents

ScriptedReply ManifestReply(const std::string& body, const std::string& type) {
  return ScriptedReply{.headers = {{"Content-Type", type}}, .body = body};
}

TEST(Resolve, ARegistryThatTellsNoDigestIsReadInstead) {
  const std::string manifest = R"({"schemaVersion":2,"config":{},"layers":[]})";
  for (const int head_status : {200, 405}) {
    ScriptedHttpServer server([&](const ScriptedRequest& request) {
      ScriptedReply reply = ManifestReply(manifest, "application/vnd.oci.image.manifest.v1+json; charset=utf-8");
      if (request.method == "HEAD") reply.status = head_status;
      return reply;
    });
    const auto resolved = Client().session().Resolve(kContext, Ref(server.host() + "/app:v1"));
    ASSERT_TRUE(resolved.ok()) << resolved.status().message();
    EXPECT_EQ(resolved->descriptor.digest, Digest::Of(manifest));
    EXPECT_EQ(resolved->descriptor.media_type, oci::media_type::kManifest);
    EXPECT_EQ(resolved->bytes, manifest);
  }
}

TEST(Resolve, ADigestThatDoesNotMatchIsDataLoss) {
  const std::string manifest = R"({"schemaVersion":2,"config":{},"layers":[]})";
  ScriptedHttpServer server([&](const ScriptedRequest&) {
    ScriptedReply reply = ManifestReply(manifest, std::string(oci::media_type::kManifest));
    reply.headers.Add("Docker-Content-Digest", Digest::Of("other").ToString());
    return reply;
  });
  const Client client;
  const Session session = client.session();
  EXPECT_EQ(session.Resolve(kContext, Ref(server.host() + "/app:v1"), true).code(), Code::kDataLoss);
  const auto pinned = Ref(server.host() + "/app@" + Digest::Of(manifest).ToString());
  EXPECT_EQ(session.Resolve(kContext, pinned).code(), Code::kDataLoss);
}

TEST(Resolve, DocumentsOfTwoMindsAreRefused) {
  const std::string both = R"({"schemaVersion":2,"config":{},"layers":[],"manifests":[]})";
  const std::string index = R"({"schemaVersion":2,"manifests":[]})";
  for (const std::string& body : {both, index}) {
    ScriptedHttpServer server(
        [&](const ScriptedRequest&) { return ManifestReply(body, std::string(oci::media_type::kManifest)); });
    const auto resolved = Client().session().Resolve(kContext, Ref(server.host() + "/app:v1"), true);
    EXPECT_EQ(resolved.code(), Code::kInvalidArgument) << resolved.status().message();
  }
}

TEST(Resolve, OldSchemasAndJunkAreToldClearly) {
  const std::vector<std::pair<std::string, Code>> cases = {
      {R"({"schemaVersion":1,"fsLayers":[]})", Code::kUnimplemented},
      {"<html>", Code::kInvalidArgument},
      {"[1]", Code::kInvalidArgument}};
  for (const auto& [body, code] : cases) {
    ScriptedHttpServer server([&, text = body](const ScriptedRequest&) { return ManifestReply(text, "text/plain"); });
    const auto resolved = Client().session().Resolve(kContext, Ref(server.host() + "/app:v1"), true);
    EXPECT_EQ(resolved.code(), code) << resolved.status().message();
  }
}

TEST(Resolve, AHugeManifestIsRefused) {
  ScriptedHttpServer server([&](const ScriptedRequest&) {
    return ManifestReply(std::string(5U << 20, ' '), std::string(oci::media_type::kManifest));
  });
  const auto resolved = Client().session().Resolve(kContext, Ref(server.host() + "/app:v1"), true);
  EXPECT_EQ(resolved.code(), Code::kResourceExhausted);
}

// --- uploads

constexpr size_t kLarge = 12U << 20;

// Cuts the first request of that method after some bytes of its body.
ScriptedHttpServer::Interrupter CutOnce(const std::string& method, size_t after) {
  auto cut = std::make_shared<std::atomic<bool>>(false);
  return [=](const ScriptedRequest& request) -> std::optional<ScriptedHttpServer::Interruption> {
    if (request.method != method || cut->exchange(true)) return std::nullopt;
    return ScriptedHttpServer::Interruption{.after = after};
  };
}

TEST(PushBlob, ADroppedUploadIsContinuedWhereTheRegistryStopped) {
  FakeRegistry fake({.interrupt = CutOnce("PATCH", 5'000'000)});
  const Client client;
  const std::string bytes = SomeBytes(kLarge);
  const TestStore store;
  const auto outcome = client.session().PushBlob(kContext, {fake.host(), "app"}, Digest::Of(bytes), store.Put(bytes));
  ASSERT_TRUE(outcome.ok()) << outcome.status().message();
  EXPECT_EQ(fake.Blob(Digest::Of(bytes)), bytes);
  EXPECT_EQ(fake.Count("POST"), 1U);
  EXPECT_EQ(fake.BytesReceived(), bytes.size());
}

TEST(PushBlob, AnUploadTheRegistryHasLostIsBegunAgain) {
  FakeRegistry fake({.interrupt = CutOnce("PATCH", 5'000'000), .forget_uploads = true});
  const Client client;
  const std::string bytes = SomeBytes(kLarge);
  const TestStore store;
  const auto outcome = client.session().PushBlob(kContext, {fake.host(), "app"}, Digest::Of(bytes), store.Put(bytes));
  ASSERT_TRUE(outcome.ok()) << outcome.status().message();
  EXPECT_EQ(fake.Blob(Digest::Of(bytes)), bytes);
  EXPECT_EQ(fake.Count("POST"), 2U);
}

TEST(PushBlob, ASmallBlobIsSentAgainWhole) {
  FakeRegistry fake({.interrupt = CutOnce("PUT", 50'000)});
  const Client client;
  const std::string bytes = SomeBytes(100'000);
  ASSERT_TRUE(client.session().PushBytes(kContext, {fake.host(), "app"}, bytes).ok());
  EXPECT_EQ(fake.Blob(Digest::Of(bytes)), bytes);
  EXPECT_EQ(fake.Count("PUT"), 2U);
}

TEST(PushBlob, ALostAnswerDoesNotMakeItSendAgain) {
  std::atomic<bool> lost = false;
  FakeRegistry fake(
      {.lose_answer = [&](const ScriptedRequest& request) { return request.method == "PUT" && !lost.exchange(true); }});
  const Client client;
  const std::string bytes = SomeBytes(100'000);
  ASSERT_TRUE(client.session().PushBytes(kContext, {fake.host(), "app"}, bytes).ok());
  EXPECT_EQ(fake.Count("PUT"), 1U);
  EXPECT_EQ(fake.BytesReceived(), bytes.size());
}

TEST(PushBlob, ARegistryThatNeverTakesItIsUnavailable) {
  FakeRegistry fake({.instead = [](const ScriptedRequest& request) -> std::optional<ScriptedReply> {
    return request.method == "PUT" ? std::optional(ScriptedReply{.status = 500}) : std::nullopt;
  }});
  const Client client;
  const auto outcome = client.session().PushBytes(kContext, {fake.host(), "app"}, SomeBytes(1000));
  EXPECT_EQ(outcome.code(), Code::kUnavailable);
  EXPECT_THAT(outcome.status().message(), AllOf(HasSubstr("HTTP 500"), HasSubstr("after 5 attempts"),
                                                HasSubstr(fake.host() + "/app@sha256:"), Not(HasSubstr("secret"))));
  EXPECT_EQ(fake.Count("DELETE"), 1U) << "the last upload is given up";
}

TEST(PushBlob, AContentOtherThanItsDigestIsDataLoss) {
  FakeRegistry fake;
  const Client client;
  const TestStore store;
  const auto outcome = client.session().PushBlob(kContext, {fake.host(), "app"}, Digest::Of("x"), store.Put("y"));
  EXPECT_EQ(outcome.code(), Code::kDataLoss) << outcome.status().message();
}

TEST(PushBlob, AMountThatIsForbiddenFallsBackToSending) {
  FakeRegistry fake({.instead = [](const ScriptedRequest& request) -> std::optional<ScriptedReply> {
    if (request.target.find("mount=") == std::string::npos) return std::nullopt;
    return ScriptedReply{.status = 403, .body = R"({"errors":[{"code":"DENIED"}]})"};
  }});
  const Client client;
  const TestStore store;
  const Repository app{fake.host(), "app"};
  const auto outcome =
      client.session().PushBlob(kContext, app, Digest::Of("layer"), store.Put("layer"),
                                {.mount_from = {{fake.host(), "private"}, {"elsewhere.invalid", "x"}}});
  ASSERT_TRUE(outcome.ok()) << outcome.status().message();
  EXPECT_EQ(*outcome, BlobOutcome::kUploaded);
}

TEST(PushBlob, ForbiddenIsPermissionDenied) {
  FakeRegistry fake({.instead = [](const ScriptedRequest& request) -> std::optional<ScriptedReply> {
    if (request.method != "POST") return std::nullopt;
    return ScriptedReply{.status = 403, .body = R"({"errors":[{"code":"DENIED","message":"read only"}]})"};
  }});
  const auto outcome = Client().session().PushBytes(kContext, {fake.host(), "app"}, "x");
  EXPECT_EQ(outcome.code(), Code::kPermissionDenied);
  EXPECT_THAT(outcome.status().message(), HasSubstr("DENIED: read only"));
}

TEST(PushBlob, AnUploadAddressOnAnotherHostGetsNoCredentials) {
  ScriptedHttpServer storage([](const ScriptedRequest&) { return ScriptedReply{.status = 201}; });
  ScriptedHttpServer registry([&](const ScriptedRequest& request) {
    if (!request.headers.Has("Authorization")) {
      return ScriptedReply{.status = 401, .headers = {{"WWW-Authenticate", "Basic realm=\"r\""}}};
    }
    if (request.method == "HEAD") return ScriptedReply{.status = 404};
    return ScriptedReply{.status = 202, .headers = {{"Location", storage.Url("/put?sig=1")}}};
  });
  const Client client({.credentials = StaticCredentials({{registry.host(), {.username = "u", .password = "p"}}})});
  const auto outcome = client.session().PushBytes(kContext, {registry.host(), "app"}, "bytes");
  ASSERT_TRUE(outcome.ok()) << outcome.status().message();
  ASSERT_THAT(storage.requests(), SizeIs(1));
  EXPECT_EQ(storage.requests()[0].body, "bytes");
  EXPECT_FALSE(storage.requests()[0].headers.Has("Authorization"));
}

TEST(PushBlob, ARedirectedUploadGoesWhereItIsSent) {
  ScriptedHttpServer storage([](const ScriptedRequest&) { return ScriptedReply{.status = 201}; });
  ScriptedHttpServer registry([&](const ScriptedRequest& request) {
    if (request.method == "HEAD") return ScriptedReply{.status = 404};
    if (request.method == "PUT") return ScriptedReply{.status = 307, .headers = {{"Location", storage.Url("/put")}}};
    return ScriptedReply{.status = 202, .headers = {{"Location", "/v2/app/blobs/uploads/1"}}};
  });
  const std::string bytes = SomeBytes(200'000);
  const auto outcome = Client().session().PushBytes(kContext, {registry.host(), "app"}, bytes);
  ASSERT_TRUE(outcome.ok()) << outcome.status().message();
  EXPECT_EQ(storage.requests().at(0).body, bytes);
}

TEST(StreamedUpload, TroubleIsKeptForCommitWhichSendsAgainFromTheStore) {
  FakeRegistry fake({.interrupt = CutOnce("PATCH", 2'000'000)});
  const Client client;
  const std::string bytes = SomeBytes(24U << 20);
  const TestStore store;
  const auto blob = store.Put(bytes);
  auto upload = client.session().StartUpload(kContext, {fake.host(), "app"});
  for (size_t at = 0; at < bytes.size(); at += 1'000'000) {
    ASSERT_TRUE((*upload)->Write(kContext, std::string_view(bytes).substr(at, 1'000'000)).ok());
  }
  EXPECT_TRUE((*upload)->broken());
  const Status without = (*upload)->Commit(kContext, Digest::Of(bytes));
  EXPECT_EQ(without.code(), Code::kUnavailable);
  EXPECT_THAT(without.message(), AllOf(HasSubstr("push a new blob to '" + fake.host()), Not(HasSubstr("secret"))));
  const Status with = (*upload)->Commit(kContext, Digest::Of(bytes), &blob);
  ASSERT_TRUE(with.ok()) << with.message();
  EXPECT_EQ(fake.Blob(Digest::Of(bytes)), bytes);
}

TEST(StreamedUpload, ForbiddenIsNotTriedTwice) {
  FakeRegistry fake({.instead = [](const ScriptedRequest& request) -> std::optional<ScriptedReply> {
    return request.method == "POST" ? std::optional(ScriptedReply{.status = 403}) : std::nullopt;
  }});
  const Client client;
  const std::string bytes = SomeBytes(2U << 20);
  const TestStore store;
  const auto blob = store.Put(bytes);
  auto upload = client.session().StartUpload(kContext, {fake.host(), "app"});
  ASSERT_TRUE((*upload)->Write(kContext, bytes).ok());
  EXPECT_EQ((*upload)->Commit(kContext, Digest::Of(bytes), &blob).code(), Code::kPermissionDenied);
  EXPECT_EQ(fake.Count("POST"), 1U);
}

TEST(StreamedUpload, AShortOneThatIsThereIsNotSent) {
  FakeRegistry fake;
  fake.PutBlob("layer");
  const Client client;
  auto upload = client.session().StartUpload(kContext, {fake.host(), "app"});
  ASSERT_TRUE((*upload)->Write(kContext, "lay").ok());
  ASSERT_TRUE((*upload)->Write(kContext, "er").ok());
  ASSERT_TRUE((*upload)->Commit(kContext, Digest::Of("layer")).ok());
  EXPECT_EQ(fake.Count("POST"), 0U);
  EXPECT_EQ(fake.BytesReceived(), 0U);
}

TEST(StreamedUpload, CancelIsToldAtOnceAndTheUploadGivenUp) {
  FakeRegistry fake;
  const Client client;
  const Context ctx = kContext.Child();
  auto upload = client.session().StartUpload(ctx, {fake.host(), "app"});
  ASSERT_TRUE((*upload)->Write(ctx, SomeBytes(2U << 20)).ok());
  ctx.Cancel(Cancelled("the user asked for it"));
  EXPECT_EQ((*upload)->Write(ctx, "more").code(), Code::kCancelled);
  EXPECT_EQ((*upload)->Commit(ctx, Digest::Of("x")).code(), Code::kCancelled);
  upload->reset();
  EXPECT_EQ(fake.Count("DELETE"), 1U);
}

}  // namespace
}  // namespace slipway::registry
