// The token flow against a registry and a token service that are scripted.
#include <gmock/gmock.h>

#include <atomic>
#include <mutex>
#include <set>
#include <thread>

#include "executor/http/base64.h"
#include "executor/http/url.h"
#include "tests/executor/registry/harness.h"
#include "tests/testing/scripted_http_server.h"

namespace slipway::registry {
namespace {

using ::slipway::testing::ScriptedHttpServer;
using ::slipway::testing::ScriptedReply;
using ::slipway::testing::ScriptedRequest;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

const Context kContext = Context::Background();
const Digest kDigest = Digest::Of("blob");

// A registry that takes tokens of its token service only. Every blob is there.
class TokenWorld {
 public:
  TokenWorld()
      : service([this](const ScriptedRequest& r) { return Issue(r); }),
        registry([this](const ScriptedRequest& r) { return Answer(r); }) {}

  ScriptedReply Issue(const ScriptedRequest&) {
    if (refuse_with != 0) {
      return ScriptedReply{.status = refuse_with, .body = R"({"details":"incorrect username or password"})"};
    }
    std::lock_guard lock(mutex);
    const std::string token = fmt::format("token{}", ++issued);
    good.insert("Bearer " + token);
    return ScriptedReply{.body = fmt::format(R"({{"{}":"{}","expires_in":{}}})", field, token, lifetime)};
  }

  ScriptedReply Answer(const ScriptedRequest& request) {
    std::lock_guard lock(mutex);
    if (good.contains(std::string(request.headers.Get("Authorization")))) return ScriptedReply{};
    const std::string asked =
        fmt::format(R"(Bearer realm="{}",service="reg.example.com",scope="repository:app:pull",error="invalid_token")",
                    service.Url("/token"));
    return ScriptedReply{.status = 401, .headers = {{"WWW-Authenticate", asked}}};
  }

  void Revoke() {
    std::lock_guard lock(mutex);
    good.clear();
  }

  std::mutex mutex;
  std::set<std::string> good;
  int issued = 0;
  std::atomic<int> refuse_with = 0;
  std::string field = "token";
  int lifetime = 300;
  ScriptedHttpServer service;
  ScriptedHttpServer registry;
};

TEST(Token, IsFetchedOnceAndKept) {
  TokenWorld world;
  const Client client;
  const Repository repo{world.registry.host(), "app"};
  for (int i = 0; i < 3; ++i) {
    const auto there = client.session().Exists(kContext, repo, kDigest);
    ASSERT_TRUE(there.ok()) << there.status().message();
  }
  ASSERT_THAT(world.service.requests(), SizeIs(1));
  const auto asked = world.service.requests()[0];
  EXPECT_EQ(asked.Line(), "GET /token?service=reg.example.com&scope=repository%3Aapp%3Apull");
  EXPECT_FALSE(asked.headers.Has("Authorization")) << "anonymous";
}

TEST(Token, TheOtherFieldNameServesToo) {
  TokenWorld world;
  world.field = "access_token";
  EXPECT_TRUE(Client().session().Exists(kContext, {world.registry.host(), "app"}, kDigest).ok());
}

TEST(Token, CredentialsGoToTheServiceAndNotToTheRegistry) {
  TokenWorld world;
  const Client client(
      {.credentials = StaticCredentials({{world.registry.host(), {.username = "u ser", .password = "pass"}}})});
  ASSERT_TRUE(client.session().Exists(kContext, {world.registry.host(), "app"}, kDigest).ok());
  const auto asked = world.service.requests().at(0);
  EXPECT_EQ(asked.headers.Get("Authorization"), http::BasicAuthorization("u ser", "pass"));
  EXPECT_THAT(asked.target, HasSubstr("&account=u%20ser"));
  for (const auto& request : world.registry.requests()) {
    EXPECT_THAT(std::string(request.headers.Get("Authorization")), Not(HasSubstr("Basic")));
  }
}

TEST(Token, AnIdentityTokenIsExchangedByPost) {
  TokenWorld world;
  const Client client({.credentials = StaticCredentials(
                           {{world.registry.host(), {.username = "", .password = "", .identity_token = "ref/resh"}}})});
  ASSERT_TRUE(client.session().Exists(kContext, {world.registry.host(), "app"}, kDigest).ok());
  const auto asked = world.service.requests().at(0);
  EXPECT_EQ(asked.Line(), "POST /token");
  EXPECT_THAT(asked.body, AllOf(HasSubstr("grant_type=refresh_token"), HasSubstr("refresh_token=ref%2Fresh"),
                                HasSubstr("scope=repository%3Aapp%3Apull")));
}

TEST(Token, AWiderTokenServesNarrowerRequests) {
  TokenWorld world;
  const Client client;
  const Repository repo{world.registry.host(), "app"};
  ASSERT_TRUE(client.session().PushBytes(kContext, repo, "blob").ok());
  EXPECT_THAT(world.service.requests().back().target, HasSubstr("repository%3Aapp%3Apull%2Cpush"));
  const size_t before = world.service.requests().size();
  ASSERT_TRUE(client.session().Exists(kContext, repo, kDigest).ok());
  EXPECT_EQ(world.service.requests().size(), before);
}

TEST(Token, AMountAsksForBothRepositories) {
  TokenWorld world;
  const Client client;
  const std::string host = world.registry.host();
  ASSERT_TRUE(client.session().Mount(kContext, {host, "app"}, kDigest, {host, "base/image"}).ok());
  EXPECT_THAT(world.service.requests().back().target, AllOf(HasSubstr("scope=repository%3Aapp%3Apull%2Cpush"),
                                                            HasSubstr("scope=repository%3Abase%2Fimage%3Apull")));
}

TEST(Token, ARevokedTokenIsReplacedOnce) {
  TokenWorld world;
  const Client client;
  const Repository repo{world.registry.host(), "app"};
  ASSERT_TRUE(client.session().Exists(kContext, repo, kDigest).ok());
  world.Revoke();
  const auto there = client.session().Exists(kContext, repo, kDigest);
  ASSERT_TRUE(there.ok()) << there.status().message();
  EXPECT_THAT(world.service.requests(), SizeIs(2));
}

TEST(Token, OneRunsTokenIsNotUsedForAnother) {
  TokenWorld world;
  const Client client;
  const std::string host = world.registry.host();
  const auto a = StaticCredentials({{host, {.username = "a", .password = "1"}}});
  const auto b = StaticCredentials({{host, {.username = "b", .password = "2"}}});
  ASSERT_TRUE(client.registry->NewSession(a).Exists(kContext, {host, "app"}, kDigest).ok());
  ASSERT_TRUE(client.registry->NewSession(b).Exists(kContext, {host, "app"}, kDigest).ok());
  EXPECT_THAT(world.service.requests(), SizeIs(2));
}

TEST(Token, RequestsAtOnceFetchOne) {
  TokenWorld world;
  const Client client;
  const Repository repo{world.registry.host(), "app"};
  // The first learns where tokens come from.
  ASSERT_TRUE(client.session().Exists(kContext, repo, kDigest).ok());
  world.Revoke();
  const Repository other{world.registry.host(), "other"};
  std::vector<std::jthread> threads;
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([&] { EXPECT_TRUE(client.session().Exists(kContext, other, kDigest).ok()); });
  }
  threads.clear();
  EXPECT_THAT(world.service.requests(), SizeIs(2));
}

TEST(Token, RefusedCredentialsAreUnauthenticatedAndNotShown) {
  for (const int status : {401, 403}) {
    TokenWorld world;
    world.refuse_with = status;
    const Client client(
        {.credentials = StaticCredentials({{world.registry.host(), {.username = "user", .password = "hunter2"}}})});
    const auto there = client.session().Exists(kContext, {world.registry.host(), "app"}, kDigest);
    EXPECT_EQ(there.code(), Code::kUnauthenticated);
    EXPECT_THAT(there.status().message(),
                AllOf(HasSubstr("refused the credentials"), HasSubstr(world.registry.host()),
                      HasSubstr("incorrect username or password"), Not(HasSubstr("hunter2"))));
    EXPECT_THAT(world.service.requests(), SizeIs(1)) << "trying again would lock accounts";
  }
}

TEST(Token, ATokenThatDoesNotSufficeIsPermissionDenied) {
  TokenWorld world;
  ScriptedHttpServer registry([&](const ScriptedRequest&) {
    return ScriptedReply{.status = 401,
                         .headers = {{"WWW-Authenticate", fmt::format(R"(Bearer realm="{}",error="insufficient_scope")",
                                                                      world.service.Url("/token"))}}};
  });
  const Client client({.credentials = StaticCredentials({{registry.host(), {.username = "u", .password = "p"}}})});
  const auto denied = client.session().Exists(kContext, {registry.host(), "app"}, kDigest);
  EXPECT_EQ(denied.code(), Code::kPermissionDenied) << denied.status().message();
  const auto anonymous = Client().session().Exists(kContext, {registry.host(), "app"}, kDigest);
  EXPECT_EQ(anonymous.code(), Code::kUnauthenticated) << anonymous.status().message();
}

TEST(Token, AServiceInTroubleIsAskedAgainAndThenUnavailable) {
  TokenWorld world;
  world.refuse_with = 503;
  const Client client;
  const auto there = client.session().Exists(kContext, {world.registry.host(), "app"}, kDigest);
  EXPECT_EQ(there.code(), Code::kUnavailable);
  EXPECT_THAT(world.service.requests(), SizeIs(5));
}

TEST(Token, ARegistryFarAwayCannotSendUsToThisMachine) {
  ScriptedHttpServer local([](const ScriptedRequest&) { return ScriptedReply{.body = R"({"token":"t"})"}; });
  // A proxy plays the registry far away.
  ScriptedHttpServer proxy([&](const ScriptedRequest&) {
    return ScriptedReply{.status = 401,
                         .headers = {{"WWW-Authenticate", fmt::format("Bearer realm=\"{}\"", local.Url("/admin"))}}};
  });
  http::CurlOptions curl;
  curl.proxy = {.http_proxy = proxy.Url(), .https_proxy = "", .no_proxy = ""};
  curl.plain_http_hosts = {"far.invalid"};
  Options options;
  options.insecure_hosts = {"far.invalid"};
  const Registry registry(options, *http::NewCurlTransport(curl), nullptr);
  const auto there = registry.NewSession().Exists(kContext, {"far.invalid", "app"}, kDigest);
  EXPECT_EQ(there.code(), Code::kPermissionDenied) << there.status().message();
  EXPECT_THAT(local.requests(), SizeIs(0));
}

// A registry that is set up anew while we know it as it was.
class ChangingRegistry {
 public:
  /// From now on takes only this Authorization ("": none is asked for), and challenges all else.
  void Want(const std::string& authorization, const std::string& challenge) {
    std::lock_guard lock(mutex_);
    authorization_ = authorization;
    challenge_ = challenge;
  }
  void WantTokenOf(const ScriptedHttpServer& service) {
    Want("Bearer token", fmt::format(R"(Bearer realm="{}",service="reg")", service.Url("/token")));
  }
  std::string host() const { return server_.host(); }
  size_t asked() const { return server_.requests().size(); }
  Result<bool> Ask(const Client& client, const std::string& name) const {
    return client.session().Exists(kContext, {host(), name}, kDigest);
  }

 private:
  ScriptedReply Answer(const ScriptedRequest& request) {
    std::lock_guard lock(mutex_);
    if (authorization_.empty() || request.headers.Get("Authorization") == authorization_) return ScriptedReply{};
    return ScriptedReply{.status = 401, .headers = {{"WWW-Authenticate", challenge_}}};
  }

  std::mutex mutex_;
  std::string authorization_;  // guarded by mutex_
  std::string challenge_;      // guarded by mutex_
  ScriptedHttpServer server_{[this](const ScriptedRequest& r) { return Answer(r); }};
};

// Issues "token" until it is gone.
struct TokenServer {
  std::atomic<bool> gone = false;
  ScriptedHttpServer server{[this](const ScriptedRequest&) {
    return gone ? ScriptedReply{.status = 404} : ScriptedReply{.body = R"({"token":"token"})"};
  }};
};

Client ClientWithPassword(const std::string& host) {
  return Client({.credentials = StaticCredentials({{host, {.username = "u", .password = "p"}}})});
}

TEST(Scheme, ATokenServiceThatMovedIsFound) {
  TokenServer before;
  TokenServer after;
  ChangingRegistry registry;
  registry.WantTokenOf(before.server);
  const Client client;
  ASSERT_TRUE(registry.Ask(client, "app").ok());
  before.gone = true;
  registry.WantTokenOf(after.server);
  const size_t asked = registry.asked();
  const auto there = registry.Ask(client, "other");
  ASSERT_TRUE(there.ok()) << there.status().message();
  EXPECT_EQ(registry.asked(), asked + 2) << "once for the challenge, once with the token";
  ASSERT_TRUE(registry.Ask(client, "third").ok());
  EXPECT_EQ(registry.asked(), asked + 3) << "the new place is remembered";
  EXPECT_THAT(before.server.requests(), SizeIs(2));
}

TEST(Scheme, ATokenServiceThatIsAsItWasIsNotAskedTwice) {
  TokenServer service;
  ChangingRegistry registry;
  registry.WantTokenOf(service.server);
  const Client client;
  ASSERT_TRUE(registry.Ask(client, "app").ok());
  service.gone = true;
  const size_t asked = registry.asked();
  const auto there = registry.Ask(client, "other");
  EXPECT_FALSE(there.ok());
  EXPECT_THAT(there.status().message(), HasSubstr("get a token for"));
  EXPECT_EQ(registry.asked(), asked + 1);
  EXPECT_THAT(service.server.requests(), SizeIs(2));
  service.gone = false;
  ASSERT_TRUE(registry.Ask(client, "other").ok()) << "and it is still known";
  EXPECT_EQ(registry.asked(), asked + 2);
}

TEST(Scheme, ARegistryThatWantsNoTokensAnyMoreIsServed) {
  TokenServer service;
  ChangingRegistry registry;
  registry.WantTokenOf(service.server);
  const Client client;
  ASSERT_TRUE(registry.Ask(client, "app").ok());
  service.gone = true;
  registry.Want("", "");
  for (const char* name : {"other", "third"}) {
    const auto there = registry.Ask(client, name);
    ASSERT_TRUE(there.ok()) << there.status().message();
  }
  EXPECT_THAT(service.server.requests(), SizeIs(2)) << "the second time nobody asks for a token";
}

TEST(Scheme, ARegistryThatWantsAPasswordInsteadOfATokenGetsIt) {
  for (const bool gone : {false, true}) {
    TokenServer service;
    ChangingRegistry registry;
    registry.WantTokenOf(service.server);
    const Client client = ClientWithPassword(registry.host());
    ASSERT_TRUE(registry.Ask(client, "app").ok());
    service.gone = gone;
    registry.Want(http::BasicAuthorization("u", "p"), "Basic realm=\"r\"");
    const size_t asked = registry.asked();
    for (const char* name : {"other", "third"}) {
      const auto there = registry.Ask(client, name);
      ASSERT_TRUE(there.ok()) << there.status().message();
    }
    EXPECT_EQ(registry.asked(), asked + 3);
  }
}

TEST(Scheme, APasswordThatIsRefusedInsteadOfATokenIsToldAsThat) {
  TokenServer service;
  ChangingRegistry registry;
  registry.WantTokenOf(service.server);
  const Client client = ClientWithPassword(registry.host());
  ASSERT_TRUE(registry.Ask(client, "app").ok());
  registry.Want(http::BasicAuthorization("u", "other"), "Basic realm=\"r\"");
  const size_t asked = registry.asked();
  const auto there = registry.Ask(client, "app");
  EXPECT_EQ(there.code(), Code::kUnauthenticated) << there.status().message();
  EXPECT_EQ(registry.asked(), asked + 2) << "a password is not tried twice";
}

TEST(Scheme, ARegistryThatWantsATokenInsteadOfAPasswordGetsIt) {
  TokenServer service;
  ChangingRegistry registry;
  registry.Want(http::BasicAuthorization("u", "p"), "Basic realm=\"r\"");
  const Client client = ClientWithPassword(registry.host());
  ASSERT_TRUE(registry.Ask(client, "app").ok());
  registry.WantTokenOf(service.server);
  const auto there = registry.Ask(client, "app");
  ASSERT_TRUE(there.ok()) << there.status().message();
}

// Moved by hand.
class ManualClock : public Clock {
 public:
  std::chrono::steady_clock::time_point Steady() const override { return std::chrono::steady_clock::time_point(now); }
  SystemTime System() const override { return SystemTime(std::chrono::duration_cast<SystemTime::duration>(now)); }
  std::chrono::seconds now{1'000'000};
};

TEST(Token, IsReplacedWhenItRunsOut) {
  TokenWorld world;
  ManualClock clock;
  Options options;
  options.clock = &clock;
  http::CurlOptions curl;
  curl.proxy = {};
  const Registry registry(options, *http::NewCurlTransport(curl), nullptr);
  const Repository repo{world.registry.host(), "app"};
  ASSERT_TRUE(registry.NewSession().Exists(kContext, repo, kDigest).ok());
  clock.now += std::chrono::seconds(200);
  ASSERT_TRUE(registry.NewSession().Exists(kContext, repo, kDigest).ok());
  EXPECT_THAT(world.service.requests(), SizeIs(1));
  clock.now += std::chrono::seconds(100);
  ASSERT_TRUE(registry.NewSession().Exists(kContext, repo, kDigest).ok());
  EXPECT_THAT(world.service.requests(), SizeIs(2));
}

}  // namespace
}  // namespace slipway::registry
