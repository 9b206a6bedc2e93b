#include "daemon/http/listener.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <future>
#include <thread>
#include <vector>

#include "executor/base/unique_fd.h"

namespace slipway::web {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

Router Routes() {
  Router router;
  router.Add("POST", "/hooks/{kind}/{task}", 1000, [](const Request& request) {
    return TextResponse(202, fmt::format("{} {} {} {}", request.params.at("kind"), request.params.at("task"),
                                         request.header("X-Name"), request.body.size()));
  });
  router.Add("GET", "/query", 0, [](const Request& request) {
    const auto found = request.query.find("a");
    return TextResponse(200, found == request.query.end() ? "none" : found->second);
  });
  router.Add(
      "POST", "/checked/{name}", 1000, [](const Request&) { return TextResponse(202, "taken"); },
      [](const Request& request) -> std::optional<Response> {
        if (request.params.at("name") == "known") return std::nullopt;
        return TextResponse(404, "nobody has that name");
      });
  return router;
}

std::unique_ptr<Listener> Serve(ListenerOptions options = {}) {
  auto listener = Listener::Start(options, Routes());
  EXPECT_TRUE(listener.ok()) << listener.status().message();
  return *std::move(listener);
}

UniqueFd Connect(const Listener& listener) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(listener.port()));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  return fd;
}

void Send(const UniqueFd& fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t sent = ::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;
    text.remove_prefix(static_cast<size_t>(sent));
  }
}

// All that comes until the server closes.
std::string ReadAll(const UniqueFd& fd) {
  std::string out;
  char buffer[4096];
  ssize_t got = 0;
  while ((got = ::recv(fd.get(), buffer, sizeof(buffer), 0)) > 0) out.append(buffer, static_cast<size_t>(got));
  return out;
}

std::string Exchange(const Listener& listener, std::string_view request) {
  const UniqueFd fd = Connect(listener);
  Send(fd, request);
  return ReadAll(fd);
}

std::string Post(std::string_view path, std::string_view body) {
  return fmt::format("POST {} HTTP/1.1\r\nHost: h\r\nx-NAME: n\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{}",
                     path, body.size(), body);
}

TEST(Listener, HandlersGetParametersHeadersAndBody) {
  const auto listener = Serve();
  const std::string answer = Exchange(*listener, Post("/hooks/git/my%20task", "12345"));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 202"));
  EXPECT_THAT(answer, HasSubstr("git my task n 5\n"));
  EXPECT_THAT(Exchange(*listener, "GET /query?a=b%2Fc HTTP/1.0\r\n\r\n"), HasSubstr("b/c\n"));
}

TEST(Listener, WhatIsNotThereAndWhatIsNotTaken) {
  const auto listener = Serve();
  EXPECT_THAT(Exchange(*listener, Post("/nothing", "")), StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(Exchange(*listener, Post("/hooks/git/", "")), StartsWith("HTTP/1.1 404"));
  const std::string wrong = Exchange(*listener, "GET /hooks/git/x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(wrong, StartsWith("HTTP/1.1 405"));
  EXPECT_THAT(wrong, HasSubstr("Allow: POST"));
}

TEST(Listener, LargeBodiesAreRefusedBeforeTheyAreRead) {
  const auto listener = Serve();
  // Only announced: the answer does not wait for it.
  EXPECT_THAT(Exchange(*listener, "POST /hooks/git/x HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000000\r\n\r\n"),
              StartsWith("HTTP/1.1 413"));
  EXPECT_THAT(Exchange(*listener, Post("/hooks/git/x", std::string(1000, 'x'))), StartsWith("HTTP/1.1 202"));
}

TEST(Listener, BodiesThatGrowPastTheBoundEndTheConnection) {
  const auto listener = Serve();
  std::string request = "POST /hooks/git/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 20; ++i) request += "64\r\n" + std::string(100, 'x') + "\r\n";
  EXPECT_EQ(Exchange(*listener, request + "0\r\n\r\n"), "");
}

TEST(Listener, WhatACheckRefusesIsAnsweredBeforeTheBodyIsRead) {
  const auto listener = Serve();
  // Only announced: the answer does not wait for it.
  const std::string answer =
      Exchange(*listener, "POST /checked/other HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(answer, HasSubstr("nobody has that name"));
  EXPECT_THAT(Exchange(*listener, Post("/checked/known", "body")), StartsWith("HTTP/1.1 202"));
}

TEST(Listener, ABodyThatThereIsNoMemoryForIsToldToComeLater) {
  ListenerOptions options;
  options.max_body_memory = 500;
  const auto listener = Serve(options);
  for (int i = 0; i < 10; ++i) {
    const std::string answer = Exchange(*listener, Post("/hooks/git/x", std::string(600, 'x')));
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 503"));
    EXPECT_THAT(answer, HasSubstr("Retry-After: "));
    EXPECT_THAT(Exchange(*listener, Post("/hooks/git/x", std::string(200, 'x'))), StartsWith("HTTP/1.1 202"))
        << "what has ended takes nothing any more";
  }
}

TEST(Listener, BodiesOfAllRequestsShareTheirMemory) {
  std::promise<void> entered;
  std::promise<void> leave;
  Router router = Routes();
  router.Add("POST", "/slow", 1000, [&entered, left = leave.get_future().share()](const Request&) {
    entered.set_value();
    left.wait();
    return TextResponse(202, "at last");
  });
  ListenerOptions options;
  options.max_body_memory = 1999;  // the memory of one may be up to twice what is in it
  const auto listener = *Listener::Start(options, std::move(router));
  const UniqueFd first = Connect(*listener);
  Send(first, Post("/slow", std::string(1000, 'x')));
  entered.get_future().wait();
  EXPECT_THAT(Exchange(*listener, Post("/hooks/git/x", std::string(1000, 'x'))), StartsWith("HTTP/1.1 503"));
  leave.set_value();
  EXPECT_THAT(ReadAll(first), StartsWith("HTTP/1.1 202"));
  EXPECT_THAT(Exchange(*listener, Post("/hooks/git/x", std::string(1000, 'x'))), StartsWith("HTTP/1.1 202"));
}

TEST(Listener, AClientThatLeavesGivesItsMemoryBack) {
  ListenerOptions options;
  options.max_body_memory = 1000;
  options.idle_timeout = std::chrono::seconds(1);
  const auto listener = Serve(options);
  for (int i = 0; i < 2; ++i) {
    Send(Connect(*listener),
         "POST /hooks/git/x HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n" + std::string(600, 'x'));
    // Its end is seen a moment later, or when it has been silent for too long.
    while (!Exchange(*listener, Post("/hooks/git/x", std::string(450, 'x'))).starts_with("HTTP/1.1 202")) {
      std::this_thread::yield();
    }
  }
}

TEST(Listener, NonsenseIsAnsweredOrCutOff) {
  ListenerOptions options;
  options.idle_timeout = std::chrono::seconds(1);
  const auto listener = Serve(options);
  for (const std::string& text :
       {std::string("\r\n\r\n\r\n\r\n"), std::string("GET\r\n\r\n"),
        "GET /" + std::string(100'000, 'a') + " HTTP/1.1\r\n\r\n",
        std::string("POST /hooks/git/x HTTP/1.1\r\nContent-Length: -5\r\n\r\n"), std::string(300, '\0')}) {
    const UniqueFd fd = Connect(*listener);
    Send(fd, text);
    ::shutdown(fd.get(), SHUT_WR);
    EXPECT_THAT(ReadAll(fd), ::testing::Not(HasSubstr("HTTP/1.1 2")));
  }
  EXPECT_THAT(Exchange(*listener, "GET /query HTTP/1.0\r\n\r\n"), StartsWith("HTTP/1.1 200")) << "it still serves";
}

TEST(Listener, AClientThatGoesSilentIsToldSoAndCutOff) {
  ListenerOptions options;
  options.idle_timeout = std::chrono::seconds(1);
  const auto listener = Serve(options);
  for (const std::string_view text : {"", "POST /hooks/git/x HTTP/1.1\r\nHost:",
                                      "POST /hooks/git/x HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n12345"}) {
    const UniqueFd fd = Connect(*listener);
    Send(fd, text);
    const std::string answer = ReadAll(fd);
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 408")) << text;
    EXPECT_THAT(answer, HasSubstr("Connection: close")) << text;
  }
}

// Sends a byte now and then until the server has had enough; what it said.
std::string Trickle(const Listener& listener, std::string_view begin) {
  const UniqueFd fd = Connect(listener);
  Send(fd, begin);
  pollfd poller{.fd = fd.get(), .events = POLLIN, .revents = 0};
  while (::poll(&poller, 1, 50) == 0) Send(fd, "x");
  return ReadAll(fd);
}

TEST(Listener, AClientThatSendsByteByByteIsCutOffToo) {
  ListenerOptions options;
  options.idle_timeout = std::chrono::seconds(1);
  options.request_timeout = std::chrono::seconds(2);
  const auto listener = Serve(options);
  EXPECT_THAT(Trickle(*listener, "POST /hooks/git/x HTTP/1.1\r\nHost:"), StartsWith("HTTP/1.1 408"));
  EXPECT_THAT(Trickle(*listener, "POST /hooks/git/x HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n"),
              StartsWith("HTTP/1.1 408"));
}

TEST(Listener, AConnectionThatRestsIsClosedWithoutAWord) {
  ListenerOptions options;
  options.idle_timeout = std::chrono::seconds(1);
  const auto listener = Serve(options);
  const UniqueFd fd = Connect(*listener);
  Send(fd, "GET /query HTTP/1.1\r\nHost: h\r\n\r\n");
  const std::string answer = ReadAll(fd);
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(answer, ::testing::Not(HasSubstr("408")));
}

TEST(Listener, ManyAtOnce) {
  const auto listener = Serve();
  std::atomic<int> good{0};
  {
    std::vector<std::jthread> clients;
    for (int i = 0; i < 8; ++i) {
      clients.emplace_back([&] {
        for (int n = 0; n < 50; ++n) {
          if (Exchange(*listener, Post("/hooks/git/x", "b")).starts_with("HTTP/1.1 202")) ++good;
        }
      });
    }
  }
  EXPECT_EQ(good, 400);
}

TEST(Listener, AnAddressBelongsToOne) {
  const auto listener = Serve();
  ListenerOptions same;
  same.port = listener->port();
  EXPECT_EQ(Listener::Start(same, Routes()).code(), Code::kAlreadyExists);
  ListenerOptions nowhere;
  nowhere.host = "no-such-host.invalid";
  EXPECT_FALSE(Listener::Start(nowhere, Routes()).ok());
}

}  // namespace
}  // namespace slipway::web
