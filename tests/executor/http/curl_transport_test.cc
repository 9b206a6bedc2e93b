#include "executor/http/curl_transport.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <latch>
#include <thread>

#include "executor/base/fs.h"
#include "tests/testing/scripted_http_server.h"

namespace slipway::http {
namespace {

using ::slipway::testing::ScriptedHttpServer;
using ::slipway::testing::ScriptedReply;
using ::slipway::testing::ScriptedRequest;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::unique_ptr<Transport> NewTransport(CurlOptions options = {}) {
  options.proxy = {};
  auto transport = NewCurlTransport(std::move(options));
  EXPECT_TRUE(transport.ok()) << transport.status().message();
  return std::move(transport).value();
}

// Blocks handlers until the test lets them go.
class Gate {
 public:
  void Open() {
    std::lock_guard lock(mutex_);
    open_ = true;
    cv_.notify_all();
  }
  void Pass() {
    std::unique_lock lock(mutex_);
    cv_.wait(lock, [this] { return open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable cv_;
  bool open_ = false;
};

const Context kContext = Context::Background();

TEST(CurlTransport, AnswersComeWithStatusHeadersAndBody) {
  ScriptedHttpServer server([](const ScriptedRequest&) {
    return ScriptedReply{.status = 404, .headers = {{"X-Reason", " none "}}, .body = "no such thing"};
  });
  const auto response = NewTransport()->Do(kContext, {.url = server.Url("/x?y=1"), .headers = {{"X-Ask", "1"}}});
  ASSERT_TRUE(response.ok()) << response.status().message();
  EXPECT_EQ(response->status, 404);
  EXPECT_EQ(response->headers.Get("x-reason"), "none");
  EXPECT_EQ(response->body, "no such thing");
  EXPECT_EQ(response->url, server.Url("/x?y=1"));
  ASSERT_THAT(server.lines(), ElementsAre("GET /x?y=1"));
  EXPECT_EQ(server.requests()[0].headers.Get("X-Ask"), "1");
  EXPECT_EQ(server.requests()[0].headers.Get("User-Agent"), "slipway");
}

TEST(CurlTransport, HeadHasNoBodyAndKeepsTheLength) {
  ScriptedHttpServer server([](const ScriptedRequest&) { return ScriptedReply{.body = std::string(1000, 'x')}; });
  const auto response = NewTransport()->Do(kContext, {.method = "HEAD", .url = server.Url("/")});
  ASSERT_TRUE(response.ok()) << response.status().message();
  EXPECT_EQ(response->headers.GetNumber("Content-Length"), 1000U);
  EXPECT_EQ(response->body, "");
}

TEST(CurlTransport, ConnectionsAreReusedAlsoByOtherThreads) {
  ScriptedHttpServer server([](const ScriptedRequest&) { return ScriptedReply{.body = "hi"}; });
  const auto transport = NewTransport();
  for (int i = 0; i < 5; ++i) {
    std::thread([&] { EXPECT_TRUE(transport->Do(kContext, {.url = server.Url("/")}).ok()); }).join();
  }
  EXPECT_EQ(server.connections(), 1U);
}

TEST(CurlTransport, AConnectionClosedWhileIdleIsReplaced) {
  ScriptedHttpServer server([](const ScriptedRequest& request) {
    ScriptedReply reply{.body = "hi"};
    // Promises to keep the connection and closes it all the same.
    if (request.index == 0) reply.raw = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
    return reply;
  });
  const auto transport = NewTransport();
  ASSERT_TRUE(transport->Do(kContext, {.url = server.Url("/")}).ok());
  const auto again = transport->Do(kContext, {.method = "PUT", .url = server.Url("/"), .body = "body"});
  ASSERT_TRUE(again.ok()) << again.status().message();
  EXPECT_EQ(server.requests().back().body, "body");
}

TEST(CurlTransport, ABodyIsNotSentTwiceBehindTheCallersBack) {
  ScriptedHttpServer server([](const ScriptedRequest& request) { return ScriptedReply{.drop = request.index == 1}; });
  const auto transport = NewTransport();
  // On a connection that was good before, a break looks like one that was closed while idle.
  ASSERT_TRUE(transport->Do(kContext, {.url = server.Url("/")}).ok());
  EXPECT_EQ(transport->Do(kContext, {.method = "PATCH", .url = server.Url("/"), .body = "more"}).code(),
            Code::kUnavailable);
  EXPECT_THAT(server.lines(), ElementsAre("GET /", "PATCH /"));
}

TEST(CurlTransport, BodiesStreamThroughTheSinkAfterTheHeader) {
  const std::string body(3'000'000, 'b');
  ScriptedHttpServer server([&](const ScriptedRequest&) { return ScriptedReply{.body = body}; });
  std::string got;
  bool announced = false;
  const auto response = NewTransport()->Do(kContext, {.url = server.Url("/"),
                                                      .on_response =
                                                          [&](const Response& r) {
                                                            EXPECT_EQ(r.status, 200);
                                                            EXPECT_TRUE(got.empty());
                                                            announced = true;
                                                            return Status();
                                                          },
                                                      .sink =
                                                          [&](std::string_view bytes) {
                                                            got += bytes;
                                                            return Status();
                                                          }});
  ASSERT_TRUE(response.ok()) << response.status().message();
  EXPECT_TRUE(announced);
  EXPECT_EQ(got, body);
  EXPECT_EQ(response->body, "");
}

TEST(CurlTransport, AnEmptyAnswerIsAnnouncedToo) {
  ScriptedHttpServer server([](const ScriptedRequest&) { return ScriptedReply{.status = 204}; });
  int announced = 0;
  ASSERT_TRUE(NewTransport()
                  ->Do(kContext, {.url = server.Url("/"),
                                  .on_response =
                                      [&](const Response&) {
                                        ++announced;
                                        return Status();
                                      }})
                  .ok());
  EXPECT_EQ(announced, 1);
}

TEST(CurlTransport, AnErrorAnswerDoesNotReachTheSink) {
  ScriptedHttpServer server(
      [](const ScriptedRequest&) { return ScriptedReply{.status = 500, .body = std::string(1'000'000, 'e')}; });
  const auto response = NewTransport()->Do(kContext, {.url = server.Url("/"), .sink = [](std::string_view) {
                                                        ADD_FAILURE() << "called";
                                                        return Status();
                                                      }});
  ASSERT_TRUE(response.ok()) << response.status().message();
  EXPECT_EQ(response->status, 500);
  EXPECT_EQ(response->body.size(), 64U << 10);
}

TEST(CurlTransport, WhatTheSinkReturnsEndsTheTransfer) {
  ScriptedHttpServer server([](const ScriptedRequest&) { return ScriptedReply{.body = std::string(100'000, 'x')}; });
  const auto response = NewTransport()->Do(
      kContext, {.url = server.Url("/"), .sink = [](std::string_view) { return ResourceExhausted("disk full"); }});
  EXPECT_EQ(response.code(), Code::kResourceExhausted);
  EXPECT_EQ(response.status().message(), "disk full");
}

TEST(CurlTransport, AnExceptionOfTheSinkIsAFailure) {
  ScriptedHttpServer server([](const ScriptedRequest&) { return ScriptedReply{.body = "x"}; });
  const auto transport = NewTransport();
  const auto response = transport->Do(
      kContext, {.url = server.Url("/"), .sink = [](std::string_view) -> Status { throw std::runtime_error("boom"); }});
  EXPECT_EQ(response.code(), Code::kInternal);
  EXPECT_TRUE(transport->Do(kContext, {.url = server.Url("/")}).ok());
}

TEST(CurlTransport, BodiesKeptInMemoryAreBounded) {
  ScriptedHttpServer server([](const ScriptedRequest&) { return ScriptedReply{.body = std::string(100'000, 'x')}; });
  const auto response = NewTransport()->Do(kContext, {.url = server.Url("/"), .max_body = 99'999});
  EXPECT_EQ(response.code(), Code::kResourceExhausted);
  EXPECT_THAT(response.status().message(), HasSubstr("larger than 99999 bytes"));
}

TEST(CurlTransport, AHugeHeaderIsRefused) {
  ScriptedHttpServer server([](const ScriptedRequest&) {
    ScriptedReply reply;
    for (int i = 0; i < 40; ++i) reply.headers.Add("X-Fill", std::string(10'000, 'x'));
    return reply;
  });
  EXPECT_EQ(NewTransport()->Do(kContext, {.url = server.Url("/")}).code(), Code::kResourceExhausted);
}

TEST(CurlTransport, BodiesAreSentFromMemoryAndFromSources) {
  ScriptedHttpServer server([](const ScriptedRequest&) { return ScriptedReply{.status = 201}; });
  const auto transport = NewTransport();
  const std::string big(2'000'000, 'u');
  for (const bool sized : {true, false}) {
    size_t at = 0;
    BodySource source{.read = [&](std::span<char> buffer) -> Result<size_t> {
      const size_t n = std::min(buffer.size(), big.size() - at);
      std::copy_n(big.data() + at, n, buffer.data());
      at += n;
      return n;
    }};
    if (sized) source.size = big.size();
    const auto response = transport->Do(kContext, {.method = "PUT", .url = server.Url("/s"), .source = source});
    ASSERT_TRUE(response.ok()) << response.status().message();
    EXPECT_EQ(server.requests().back().body, big);
    EXPECT_EQ(server.requests().back().headers.Has("Content-Length"), sized);
    EXPECT_FALSE(server.requests().back().headers.Has("Expect"));
  }
  ASSERT_TRUE(transport->Do(kContext, {.method = "PATCH", .url = server.Url("/b"), .body = "patch"}).ok());
  EXPECT_EQ(server.requests().back().body, "patch");
  ASSERT_TRUE(transport->Do(kContext, {.method = "POST", .url = server.Url("/e")}).ok());
  EXPECT_EQ(server.requests().back().headers.Get("Content-Length"), "0");
  ASSERT_TRUE(transport->Do(kContext, {.method = "DELETE", .url = server.Url("/d")}).ok());
  EXPECT_EQ(server.lines().back(), "DELETE /d");
  EXPECT_EQ(server.connections(), 1U);
}

TEST(CurlTransport, WhatTheSourceReturnsEndsTheTransfer) {
  ScriptedHttpServer server([](const ScriptedRequest&) { return ScriptedReply{}; });
  BodySource source{.read = [](std::span<char>) -> Result<size_t> { return DataLoss("bad sector"); }, .size = 10};
  const auto response = NewTransport()->Do(kContext, {.method = "PUT", .url = server.Url("/"), .source = source});
  EXPECT_EQ(response.status().message(), "bad sector");
}

TEST(CurlTransport, PushedBodiesGoOutAsTheyAreWritten) {
  ScriptedHttpServer server(
      [](const ScriptedRequest& r) { return ScriptedReply{.status = 202, .body = r.body.substr(0, 3)}; });
  const auto transport = NewTransport();
  for (int round = 0; round < 2; ++round) {
    auto push = transport->StartPush(kContext, {.method = "PATCH", .url = server.Url("/up")});
    ASSERT_TRUE(push.ok()) << push.status().message();
    std::string sent;
    for (int i = 0; i < 50; ++i) {
      const std::string piece(static_cast<size_t>(i * 997), static_cast<char>('a' + i % 26));
      ASSERT_TRUE((*push)->Write(kContext, piece).ok());
      sent += piece;
    }
    const auto response = (*push)->Finish(kContext);
    ASSERT_TRUE(response.ok()) << response.status().message();
    EXPECT_EQ(response->status, 202);
    EXPECT_EQ(response->body, "bbb");
    EXPECT_EQ(server.requests().back().body, sent);
    EXPECT_EQ(server.requests().back().headers.Get("Transfer-Encoding"), "chunked");
  }
  EXPECT_EQ(server.connections(), 1U);
}

TEST(CurlTransport, AnEmptyPushIsAnEmptyBody) {
  ScriptedHttpServer server([](const ScriptedRequest&) { return ScriptedReply{.status = 202}; });
  auto push = NewTransport()->StartPush(kContext, {.method = "PATCH", .url = server.Url("/up")});
  const auto response = (*push)->Finish(kContext);
  ASSERT_TRUE(response.ok()) << response.status().message();
  EXPECT_EQ(server.requests().back().body, "");
}

TEST(CurlTransport, APushAnsweredEarlyTellsTheAnswer) {
  ScriptedHttpServer server(
      [](const ScriptedRequest&) { return ScriptedReply{.status = 413, .body = "too much"}; },
      [](const ScriptedRequest&) { return ScriptedHttpServer::Interruption{.after = 10'000, .answer = true}; });
  auto push = NewTransport()->StartPush(kContext, {.method = "PATCH", .url = server.Url("/up")});
  Status status;
  for (int i = 0; i < 2000 && status.ok() && !(*push)->answered(); ++i) {
    status = (*push)->Write(kContext, std::string(50'000, 'x'));
  }
  // A server that closes at once may also reset the connection before its answer is read.
  if (!status.ok()) {
    EXPECT_EQ(status.code(), Code::kUnavailable);
    return;
  }
  const auto response = (*push)->Finish(kContext);
  if (response.ok()) {
    EXPECT_EQ(response->status, 413);
  } else {
    EXPECT_EQ(response.code(), Code::kUnavailable);
  }
}

TEST(CurlTransport, ADroppedPushIsUnavailableFromThenOn) {
  ScriptedHttpServer server([](const ScriptedRequest&) { return ScriptedReply{}; },
                            [](const ScriptedRequest&) { return ScriptedHttpServer::Interruption{.after = 10'000}; });
  auto push = NewTransport()->StartPush(kContext, {.method = "PATCH", .url = server.Url("/up?_state=secret")});
  Status status;
  for (int i = 0; i < 2000 && status.ok(); ++i) status = (*push)->Write(kContext, std::string(50'000, 'x'));
  EXPECT_EQ(status.code(), Code::kUnavailable);
  EXPECT_THAT(status.message(), Not(HasSubstr("secret")));
  EXPECT_EQ((*push)->Write(kContext, "x").code(), Code::kUnavailable);
  EXPECT_EQ((*push)->Finish(kContext).code(), Code::kUnavailable);
}

// --- redirects

TEST(Redirect, ToAnotherHostCarriesNoCredentials) {
  ScriptedHttpServer other([](const ScriptedRequest&) { return ScriptedReply{.body = "blob"}; });
  ScriptedHttpServer server([&](const ScriptedRequest&) {
    return ScriptedReply{.status = 307, .headers = {{"Location", other.Url("/blob?sig=1")}}, .body = "moved"};
  });
  std::string got;
  const auto response = NewTransport()->Do(
      kContext, {.url = server.Url("/"),
                 .headers = {{"Authorization", "Bearer t"}, {"Cookie", "c=1"}, {"Range", "bytes=1-"}},
                 .sink = [&](std::string_view bytes) {
                   got += bytes;
                   return Status();
                 }});
  ASSERT_TRUE(response.ok()) << response.status().message();
  EXPECT_EQ(got, "blob");
  EXPECT_EQ(response->url, other.Url("/blob?sig=1"));
  const auto request = other.requests().at(0);
  EXPECT_FALSE(request.headers.Has("Authorization"));
  EXPECT_FALSE(request.headers.Has("Cookie"));
  EXPECT_EQ(request.headers.Get("Range"), "bytes=1-");
}

TEST(Redirect, OnTheSameHostKeepsCredentials) {
  ScriptedHttpServer server([&](const ScriptedRequest& request) {
    if (request.target == "/") return ScriptedReply{.status = 302, .headers = {{"Location", "/there"}}};
    return ScriptedReply{};
  });
  ASSERT_TRUE(NewTransport()->Do(kContext, {.url = server.Url("/"), .headers = {{"Authorization", "Bearer t"}}}).ok());
  EXPECT_EQ(server.requests().at(1).headers.Get("Authorization"), "Bearer t");
}

TEST(Redirect, KeepsMethodAndBodyFor307AndTurnsIntoGetFor303) {
  ScriptedHttpServer server([&](const ScriptedRequest& request) {
    if (request.target == "/307") return ScriptedReply{.status = 307, .headers = {{"Location", "/end"}}};
    if (request.target == "/303") return ScriptedReply{.status = 303, .headers = {{"Location", "/end"}}};
    return ScriptedReply{};
  });
  const auto transport = NewTransport();
  ASSERT_TRUE(transport->Do(kContext, {.method = "PUT", .url = server.Url("/307"), .body = "b"}).ok());
  ASSERT_TRUE(transport->Do(kContext, {.method = "PUT", .url = server.Url("/303"), .body = "b"}).ok());
  EXPECT_THAT(server.lines(), ElementsAre("PUT /307", "PUT /end", "PUT /303", "GET /end"));
  EXPECT_EQ(server.requests().at(1).body, "b");
}

TEST(Redirect, IsAnAnswerWhereTheBodyCannotBeSentAgain) {
  ScriptedHttpServer server([&](const ScriptedRequest&) {
    return ScriptedReply{.status = 307, .headers = {{"Location", "/end"}}};
  });
  bool sent = false;
  BodySource source{.read = [&](std::span<char> buffer) -> Result<size_t> {
    buffer[0] = 'x';
    return std::exchange(sent, true) ? 0 : 1;
  }};
  const auto response = NewTransport()->Do(kContext, {.method = "PUT", .url = server.Url("/"), .source = source});
  ASSERT_TRUE(response.ok()) << response.status().message();
  EXPECT_EQ(response->status, 307);
}

TEST(Redirect, LoopsEnd) {
  ScriptedHttpServer server([&](const ScriptedRequest&) {
    return ScriptedReply{.status = 302, .headers = {{"Location", "/"}}};
  });
  const auto response = NewTransport()->Do(kContext, {.url = server.Url("/?t=secret"), .max_redirects = 3});
  EXPECT_EQ(response.code(), Code::kUnavailable);
  EXPECT_THAT(response.status().message(), HasSubstr("more than 3 redirects"));
  EXPECT_THAT(response.status().message(), Not(HasSubstr("secret")));
  EXPECT_EQ(server.requests().size(), 4U);
}

TEST(Redirect, ToAnotherSchemeIsRefused) {
  ScriptedHttpServer server([&](const ScriptedRequest&) {
    return ScriptedReply{.status = 302, .headers = {{"Location", "file:///etc/passwd"}}};
  });
  EXPECT_FALSE(NewTransport()->Do(kContext, {.url = server.Url("/")}).ok());
}

TEST(Redirect, ToPlainHttpElsewhereIsRefused) {
  ScriptedHttpServer server([&](const ScriptedRequest&) {
    return ScriptedReply{.status = 302, .headers = {{"Location", "http://registry.invalid/"}}};
  });
  EXPECT_EQ(NewTransport()->Do(kContext, {.url = server.Url("/")}).code(), Code::kPermissionDenied);
}

/// Stands for servers elsewhere, which it answers for as their proxy: with a redirect to what follows "?to=".
ScriptedReply FarAnswer(const ScriptedRequest& request) {
  const size_t to = request.target.find("?to=");
  if (to == std::string::npos) return ScriptedReply{.body = "from afar"};
  return ScriptedReply{.status = 302, .headers = {{"Location", request.target.substr(to + 4)}}};
}

// Resolvers know "….localhost" as this machine; to our own code it is any name.
std::unique_ptr<Transport> NewFarTransport(const ScriptedHttpServer& proxy) {
  CurlOptions options;
  options.proxy = {.http_proxy = proxy.Url(), .https_proxy = "", .no_proxy = "inner.localhost"};
  return NewCurlTransport(options).value();
}

Request Ask(const std::string& url) { return {.url = url, .plain_http = PlainHttp::kAny}; }

TEST(Redirect, FromElsewhereToThisMachineIsRefused) {
  ScriptedHttpServer proxy(FarAnswer);
  ScriptedHttpServer server([](const ScriptedRequest&) { return ScriptedReply{.body = "inside"}; });
  const auto transport = NewFarTransport(proxy);
  const std::string inner = fmt::format("http://inner.localhost:{}/", server.port());
  for (const char* host : {"localhost", "localhost.", "127.0.0.1", "127.1", "2130706433", "0x7f.1", "0.0.0.0", "[::]",
                           "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254", "[fe80::1]", "inner.localhost"}) {
    const auto refused =
        transport->Do(kContext, Ask(fmt::format("http://far.invalid/?to=http://{}:{}/?k=secret", host, server.port())));
    EXPECT_EQ(refused.code(), Code::kPermissionDenied) << host << ": " << refused.status().message();
    EXPECT_THAT(refused.status().message(), HasSubstr("this machine"));
    EXPECT_THAT(refused.status().message(), Not(HasSubstr("secret")));
  }
  EXPECT_EQ(server.connections(), 0U);
  const auto named = transport->Do(kContext, Ask(inner));
  ASSERT_TRUE(named.ok()) << named.status().message();
  EXPECT_EQ(named->body, "inside") << "whom the caller names is asked";
  EXPECT_EQ(transport->Do(kContext, Ask("http://far.invalid/?to=" + inner)).code(), Code::kPermissionDenied)
      << "also where a connection is open already";
}

TEST(Redirect, FromElsewhereToElsewhereMayGoThroughAProxyOnThisMachine) {
  ScriptedHttpServer proxy(FarAnswer);
  const auto response = NewFarTransport(proxy)->Do(kContext, Ask("http://far.invalid/?to=http://further.invalid/"));
  ASSERT_TRUE(response.ok()) << response.status().message();
  EXPECT_EQ(response->body, "from afar");
  EXPECT_THAT(proxy.lines(),
              ElementsAre("GET http://far.invalid/?to=http://further.invalid/", "GET http://further.invalid/"));
}

TEST(Redirect, OnThisMachineIsFollowedByAnyName) {
  ScriptedHttpServer other([](const ScriptedRequest&) { return ScriptedReply{.body = "blob"}; });
  ScriptedHttpServer server([&](const ScriptedRequest&) {
    return ScriptedReply{.status = 307,
                         .headers = {{"Location", fmt::format("http://inner.localhost:{}/", other.port())}}};
  });
  const auto response = NewTransport()->Do(kContext, Ask(server.Url("/")));
  ASSERT_TRUE(response.ok()) << response.status().message();
  EXPECT_EQ(response->body, "blob");
}

// --- failures

TEST(CurlTransport, PlainHttpNeedsANamedHost) {
  CurlOptions options;
  options.plain_http_hosts = {"named.invalid:5000"};
  const auto transport = NewTransport(options);
  const auto refused = transport->Do(kContext, {.url = "http://other.invalid:5000/?k=secret"});
  EXPECT_EQ(refused.code(), Code::kPermissionDenied);
  EXPECT_THAT(refused.status().message(), HasSubstr("'other.invalid:5000'"));
  EXPECT_THAT(refused.status().message(), Not(HasSubstr("secret")));
  EXPECT_NE(transport->Do(kContext, {.url = "http://named.invalid:5000/"}).code(), Code::kPermissionDenied);
  EXPECT_NE(transport->Do(kContext, {.url = "http://other.invalid/", .plain_http = PlainHttp::kAny}).code(),
            Code::kPermissionDenied);
}

TEST(CurlTransport, AnUnknownHostIsNotFound) {
  const auto response = NewTransport()->Do(kContext, {.url = "https://user:secret@nowhere.invalid/x"});
  EXPECT_EQ(response.code(), Code::kNotFound);
  EXPECT_EQ(
      response.status().message(),
      "GET 'https://nowhere.invalid/x': host 'nowhere.invalid' is unknown; check the name and this machine's DNS");
}

TEST(CurlTransport, ARefusedConnectionIsUnavailable) {
  std::string url;
  {
    ScriptedHttpServer server([](const ScriptedRequest&) { return ScriptedReply{}; });
    url = server.Url("/");
  }
  const auto response = NewTransport()->Do(kContext, {.url = url});
  EXPECT_EQ(response.code(), Code::kUnavailable);
  EXPECT_THAT(response.status().message(), HasSubstr("Connection refused"));
}

TEST(CurlTransport, ADroppedAnswerIsUnavailable) {
  ScriptedHttpServer server(
      [](const ScriptedRequest&) { return ScriptedReply{.body = std::string(100'000, 'x'), .drop_after = 50'000}; });
  size_t got = 0;
  const auto response = NewTransport()->Do(kContext, {.url = server.Url("/"), .sink = [&](std::string_view bytes) {
                                                        got += bytes.size();
                                                        return Status();
                                                      }});
  EXPECT_EQ(response.code(), Code::kUnavailable);
  EXPECT_EQ(got, 50'000U);
}

TEST(CurlTransport, WhatIsNotHttpIsUnavailable) {
  ScriptedHttpServer server([](const ScriptedRequest&) { return ScriptedReply{.raw = "SSH-2.0-OpenSSH_9.2\r\n"}; });
  const auto response = NewTransport()->Do(kContext, {.url = server.Url("/")});
  EXPECT_EQ(response.code(), Code::kUnavailable);
  EXPECT_THAT(response.status().message(), HasSubstr("does not answer in HTTP"));
}

TEST(CurlTransport, TlsToAServerWithoutItFails) {
  ScriptedHttpServer server([](const ScriptedRequest&) { return ScriptedReply{}; });
  const auto response = NewTransport()->Do(kContext, {.url = "https://" + server.host() + "/"});
  EXPECT_FALSE(response.ok());
  EXPECT_THAT(response.status().message(), HasSubstr("TLS with '" + server.host() + "'"));
}

TEST(CurlTransport, HeadersWithLineBreaksAreRefusedUnquoted) {
  const auto response = NewTransport()->Do(
      kContext, {.url = "http://127.0.0.1:1/", .headers = {{"Authorization", "secret\r\nX-Evil: 1"}}});
  EXPECT_EQ(response.code(), Code::kInvalidArgument);
  EXPECT_THAT(response.status().message(), Not(HasSubstr("secret")));
}

TEST(CurlTransport, UserinfoBecomesBasicAuthorization) {
  ScriptedHttpServer server([](const ScriptedRequest&) { return ScriptedReply{}; });
  ASSERT_TRUE(NewTransport()->Do(kContext, {.url = "http://u:p%40@" + server.host() + "/"}).ok());
  EXPECT_EQ(server.requests().at(0).headers.Get("Authorization"), "Basic dTpwQA==");
}

TEST(CurlTransport, CancelEndsAWaitAtOnce) {
  Gate gate;
  std::latch arrived(1);
  ScriptedHttpServer server([&](const ScriptedRequest&) {
    arrived.count_down();
    gate.Pass();
    return ScriptedReply{};
  });
  const Context ctx = kContext.Child();
  std::jthread canceller([&] {
    arrived.wait();
    ctx.Cancel(Cancelled("the user asked for it"));
  });
  const auto response = NewTransport()->Do(ctx, {.url = server.Url("/")});
  EXPECT_EQ(response.code(), Code::kCancelled);
  EXPECT_THAT(response.status().message(), HasSubstr("the user asked for it"));
  gate.Open();
}

TEST(CurlTransport, ADeadlineEndsAWait) {
  Gate gate;
  ScriptedHttpServer server([&](const ScriptedRequest&) {
    gate.Pass();
    return ScriptedReply{};
  });
  const Context ctx = kContext.WithTimeout(std::chrono::milliseconds(50), "fetch");
  EXPECT_EQ(NewTransport()->Do(ctx, {.url = server.Url("/")}).code(), Code::kDeadlineExceeded);
  gate.Open();
}

TEST(CurlTransport, CancelEndsABlockedPush) {
  Gate gate;
  ScriptedHttpServer server([](const ScriptedRequest&) { return ScriptedReply{}; },
                            [&](const ScriptedRequest&) -> std::optional<ScriptedHttpServer::Interruption> {
                              gate.Pass();
                              return std::nullopt;
                            });
  const Context ctx = kContext.WithTimeout(std::chrono::milliseconds(100), "push");
  auto push = NewTransport()->StartPush(ctx, {.method = "PATCH", .url = server.Url("/")});
  // More than any socket buffer holds.
  EXPECT_EQ((*push)->Write(ctx, std::string(64U << 20, 'x')).code(), Code::kDeadlineExceeded);
  gate.Open();
}

TEST(CurlTransport, AStalledAnswerIsDropped) {
  Gate gate;
  ScriptedHttpServer server([&](const ScriptedRequest&) {
    gate.Pass();
    return ScriptedReply{};
  });
  const auto response =
      NewTransport()->Do(kContext, {.url = server.Url("/"), .response_timeout = std::chrono::milliseconds(30)});
  EXPECT_EQ(response.code(), Code::kUnavailable);
  EXPECT_THAT(response.status().message(), HasSubstr("gave no answer within 0.03 s"));
  gate.Open();
}

TEST(CurlTransport, AStalledBodyIsDropped) {
  Gate gate;
  ScriptedHttpServer server([](const ScriptedRequest&) { return ScriptedReply{}; },
                            [&](const ScriptedRequest&) -> std::optional<ScriptedHttpServer::Interruption> {
                              gate.Pass();
                              return std::nullopt;
                            });
  CurlOptions options;
  options.low_speed_time = std::chrono::milliseconds(50);
  const std::string body(64U << 20, 'x');
  const auto response = NewTransport(options)->Do(kContext, {.method = "PUT", .url = server.Url("/"), .body = body});
  EXPECT_EQ(response.code(), Code::kUnavailable);
  EXPECT_THAT(response.status().message(), HasSubstr("stalled"));
  gate.Open();
}

TEST(CurlTransport, ManyThreadsShareOneTransport) {
  ScriptedHttpServer server([](const ScriptedRequest& r) { return ScriptedReply{.body = r.target}; });
  const auto transport = NewTransport();
  std::vector<std::jthread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 25; ++i) {
        const std::string path = fmt::format("/{}/{}", t, i);
        const auto response = transport->Do(kContext, {.url = server.Url(path)});
        ASSERT_TRUE(response.ok()) << response.status().message();
        EXPECT_EQ(response->body, path);
      }
    });
  }
  threads.clear();
  EXPECT_LE(server.connections(), 8U);
}

TEST(CurlTransport, AFileWithoutCertificatesIsRefused) {
  const auto dir = fs::TempDir::Make();
  const std::string file = dir->path() + "/ca.pem";
  ASSERT_TRUE(fs::WriteFileAtomic(file, "not a certificate").ok());
  for (const std::string& name : {file, dir->path() + "/absent.pem"}) {
    CurlOptions options;
    options.extra_ca_files = {name};
    const auto transport = NewCurlTransport(options);
    EXPECT_EQ(transport.status().code(), Code::kInvalidArgument);
    EXPECT_THAT(transport.status().message(), HasSubstr(name));
  }
}

TEST(Proxy, IsUsedForOthersAndNotForLoopback) {
  ScriptedHttpServer proxy([](const ScriptedRequest&) { return ScriptedReply{.body = "by proxy"}; });
  ScriptedHttpServer server([](const ScriptedRequest&) { return ScriptedReply{.body = "direct"}; });
  CurlOptions options;
  options.proxy = {.http_proxy = proxy.Url(), .https_proxy = "", .no_proxy = "excluded.invalid"};
  const auto transport = NewCurlTransport(options);
  const auto far = (*transport)->Do(kContext, {.url = "http://far.invalid/x", .plain_http = PlainHttp::kAny});
  ASSERT_TRUE(far.ok()) << far.status().message();
  EXPECT_EQ(far->body, "by proxy");
  EXPECT_THAT(proxy.lines(), ElementsAre("GET http://far.invalid/x"));
  EXPECT_EQ((*transport)->Do(kContext, {.url = server.Url("/")})->body, "direct");
  EXPECT_EQ((*transport)->Do(kContext, {.url = "http://excluded.invalid/", .plain_http = PlainHttp::kAny}).code(),
            Code::kNotFound);
}

}  // namespace
}  // namespace slipway::http
