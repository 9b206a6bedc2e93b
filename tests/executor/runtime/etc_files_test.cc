#include "executor/runtime/etc_files.h"

#include <gtest/gtest.h>

namespace slipway::runtime {
namespace {

TEST(ResolvConf, LoopbackAndIpv6ResolversAreLeftOutOfAnOwnNetwork) {
  const std::string host =
      "nameserver 127.0.0.53\nnameserver 10.0.0.2\nnameserver ::1\nnameserver 2001:db8::1\nsearch a b\noptions "
      "ndots:2\n";
  EXPECT_EQ(ResolvConf(host, {}, true), "search a b\nnameserver 10.0.0.2\noptions ndots:2\n");
}

TEST(ResolvConf, WithoutAResolverPublicOnesAreNamed) {
  EXPECT_EQ(ResolvConf("nameserver 127.0.0.1\n", {}, true), "nameserver 8.8.8.8\nnameserver 8.8.4.4\n");
}

TEST(ResolvConf, HostNetworkKeepsLoopbackResolvers) {
  EXPECT_EQ(ResolvConf("# by hand\nnameserver 127.0.0.1\n", {}, false), "nameserver 127.0.0.1\n");
}

TEST(ResolvConf, OperatorsServersWin) {
  const DnsOptions dns{.servers = {"127.0.0.9"}, .searches = {"x"}, .options = {"rotate"}};
  EXPECT_EQ(ResolvConf("nameserver 10.0.0.2\nsearch a\n", dns, true),
            "search x\nnameserver 127.0.0.9\noptions rotate\n");
}

TEST(ResolvConf, TheServerOfANetworkComesFirstAndIsAskedSoonAgain) {
  EXPECT_EQ(ResolvConf("nameserver 10.0.0.2\n", {.first = "10.1.2.1"}, true),
            "nameserver 10.1.2.1\nnameserver 10.0.0.2\noptions timeout:1 attempts:5\n");
}

TEST(HostsFile, OwnNameThenExtraHosts) {
  EXPECT_EQ(HostsFile("box", "", {{"10.9.8.7", "somehost"}}),
            "127.0.0.1\tlocalhost box\n::1\tlocalhost ip6-localhost ip6-loopback\n10.9.8.7\tsomehost\n");
}

TEST(HostsFile, OnANetworkTheOwnNameIsTheOwnAddress) {
  EXPECT_EQ(HostsFile("db", "10.1.2.3", {}),
            "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n10.1.2.3\tdb\n");
}

TEST(HostsFile, EntryWithALineEndIsLeftOut) {
  EXPECT_EQ(HostsFile("box", "", {{"10.9.8.7", "a\n1.2.3.4 deb.debian.org"}}), HostsFile("box", "", {}));
}

}  // namespace
}  // namespace slipway::runtime
