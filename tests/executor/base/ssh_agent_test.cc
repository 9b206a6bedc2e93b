#include "executor/base/ssh_agent.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "executor/base/unique_fd.h"

namespace slipway {
namespace {

struct Pair {
  Pair() {
    int fds[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    a.Reset(fds[0]);
    b.Reset(fds[1]);
  }
  void Send(std::string_view bytes) {
    ASSERT_EQ(::send(a.get(), bytes.data(), bytes.size(), 0), ssize_t(bytes.size()));
  }
  UniqueFd a, b;
};

Context Soon() { return Context::Background().WithTimeout(std::chrono::seconds(20), "the test"); }

TEST(SshAgent, WhatIsWrittenIsRead) {
  Pair pair;
  const std::string long_message(kMaxAgentMessage, 'x');
  ASSERT_TRUE(WriteAgentMessage(Soon(), pair.a.get(), "\x0b").ok());
  EXPECT_EQ(*ReadAgentMessage(Soon(), pair.b.get()), "\x0b");
  ASSERT_TRUE(WriteAgentMessage(Soon(), pair.a.get(), std::string("\0\1", 2)).ok());
  EXPECT_EQ(*ReadAgentMessage(Soon(), pair.b.get()), std::string("\0\1", 2));
}

TEST(SshAgent, TheLengthIsFourBytesBigEndian) {
  Pair pair;
  pair.Send(std::string("\0\0\0\3abc\0\0\0\1d", 12));
  EXPECT_EQ(*ReadAgentMessage(Soon(), pair.b.get()), "abc");
  EXPECT_EQ(*ReadAgentMessage(Soon(), pair.b.get()), "d");
}

TEST(SshAgent, TheEndIsNoMessage) {
  Pair pair;
  pair.a.Reset();
  EXPECT_EQ(*ReadAgentMessage(Soon(), pair.b.get()), "");
}

TEST(SshAgent, BadLengthsAndBrokenMessagesAreRefused) {
  for (const std::string& bytes : {std::string("\0\0\0\0", 4), std::string("\xff\xff\xff\xff", 4),
                                   std::string("\0\4\0\1", 4), std::string("\0\0\0\3ab", 6), std::string("\0\0", 2)}) {
    Pair pair;
    pair.Send(bytes);
    pair.a.Reset();
    EXPECT_EQ(ReadAgentMessage(Soon(), pair.b.get()).code(), Code::kInvalidArgument);
  }
  Pair pair;
  EXPECT_FALSE(WriteAgentMessage(Soon(), pair.a.get(), "").ok());
  EXPECT_FALSE(WriteAgentMessage(Soon(), pair.a.get(), std::string(kMaxAgentMessage + 1, 'x')).ok());
}

TEST(SshAgent, ACancelledReadEnds) {
  Pair pair;
  const Context ctx = Context::Background().Child();
  ctx.Cancel(Cancelled("enough"));
  EXPECT_EQ(ReadAgentMessage(ctx, pair.b.get()).status().message(), "enough");
}

TEST(SshAgent, OnlyListingAndSigningAreUse) {
  EXPECT_TRUE(IsAgentUse("\x0b"));
  EXPECT_TRUE(IsAgentUse("\x0d and a blob"));
  EXPECT_FALSE(IsAgentUse(""));
  for (const int type : {1, 9, 17, 18, 19, 20, 21, 22, 23, 25, 26, 27}) {
    EXPECT_FALSE(IsAgentUse(std::string(1, static_cast<char>(type)))) << type;
  }
  EXPECT_EQ(AgentFailure(), "\5");
}

}  // namespace
}  // namespace slipway
