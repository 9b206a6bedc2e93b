#include "executor/http/nearness.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/un.h>

#include "executor/http/url.h"

namespace slipway::http {
namespace {

Nearness OfSocketAddress(const char* text) {
  sockaddr_storage storage{};
  auto* ipv4 = reinterpret_cast<sockaddr_in*>(&storage);
  auto* ipv6 = reinterpret_cast<sockaddr_in6*>(&storage);
  if (::inet_pton(AF_INET, text, &ipv4->sin_addr) == 1) {
    ipv4->sin_family = AF_INET;
  } else {
    EXPECT_EQ(::inet_pton(AF_INET6, text, &ipv6->sin6_addr), 1) << text;
    ipv6->sin6_family = AF_INET6;
  }
  return NearnessOf(*reinterpret_cast<const sockaddr*>(&storage));
}

TEST(Nearness, OfAddressesThatAreConnectedTo) {
  for (const char* text : {"127.0.0.1", "127.255.1.2", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1", "::ffff:0.0.0.0"}) {
    EXPECT_EQ(OfSocketAddress(text), Nearness::kThisMachine) << text;
  }
  for (const char* text : {"169.254.169.254", "fe80::1", "febf::1", "::ffff:169.254.169.254"}) {
    EXPECT_EQ(OfSocketAddress(text), Nearness::kLink) << text;
  }
  for (const char* text : {"10.0.0.1", "169.253.1.1", "128.0.0.1", "2001:db8::1", "fec0::1", "::ffff:10.0.0.1"}) {
    EXPECT_EQ(OfSocketAddress(text), Nearness::kElsewhere) << text;
  }
  sockaddr_un local{};
  local.sun_family = AF_UNIX;
  EXPECT_EQ(NearnessOf(*reinterpret_cast<const sockaddr*>(&local)), Nearness::kThisMachine);
}

TEST(Nearness, OfHostsAsTheyAreWritten) {
  for (const char* host :
       {"localhost", "LOCALHOST.", "127.0.0.1", "127.0.0.1.", "127.1", "2130706433", "0x7f000001", "0177.0.0.1",
        "0.0.0.0", "0", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:0:0:1]"}) {
    EXPECT_EQ(NearnessOf(host), Nearness::kThisMachine) << host;
    EXPECT_TRUE(Url::Parse(std::string("http://") + host + "/").ok()) << host;
  }
  for (const char* host : {"169.254.169.254", "2852039166", "[fe80::1]", "[fe80::1%25eth0]"}) {
    EXPECT_EQ(NearnessOf(host), Nearness::kLink) << host;
  }
  for (const char* host :
       {"", "example.com", "127.0.0.1.example.com", "localhost.example.com", "10.0.0.1", "[fd00::1]", "256.0.0.1"}) {
    EXPECT_EQ(NearnessOf(host), Nearness::kElsewhere) << host;
  }
}

TEST(Nearness, LeadsOutwardsOrToTheLike) {
  EXPECT_TRUE(MayLead(Nearness::kElsewhere, Nearness::kElsewhere));
  EXPECT_TRUE(MayLead(Nearness::kThisMachine, Nearness::kThisMachine));
  EXPECT_TRUE(MayLead(Nearness::kThisMachine, Nearness::kElsewhere));
  EXPECT_TRUE(MayLead(Nearness::kLink, Nearness::kLink));
  EXPECT_FALSE(MayLead(Nearness::kElsewhere, Nearness::kThisMachine));
  EXPECT_FALSE(MayLead(Nearness::kElsewhere, Nearness::kLink));
  EXPECT_FALSE(MayLead(Nearness::kThisMachine, Nearness::kLink));
  EXPECT_FALSE(MayLead(Nearness::kLink, Nearness::kThisMachine));
}

}  // namespace
}  // namespace slipway::http
