#include "executor/runtime/subnet.h"

#include <gtest/gtest.h>

namespace slipway::runtime {
namespace {

TEST(Ipv4Net, ParsesAndClearsHostBits) {
  const Ipv4Net net = Ipv4Net::Parse("10.214.7.9/16").value();
  EXPECT_EQ(net.ToString(), "10.214.0.0/16");
  EXPECT_EQ(net.Host(258), "10.214.1.2");
}

TEST(Ipv4Net, RefusesWhatIsNoSubnet) {
  for (const char* text : {"", "10.0.0.0", "10.0.0/8", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8x", "::/0"}) {
    EXPECT_EQ(Ipv4Net::Parse(text).code(), Code::kInvalidArgument) << text;
  }
}

TEST(Ipv4Net, OverlapsEitherWay) {
  const Ipv4Net wide = Ipv4Net::Parse("10.0.0.0/8").value();
  const Ipv4Net narrow = Ipv4Net::Parse("10.214.3.0/24").value();
  EXPECT_TRUE(wide.Overlaps(narrow));
  EXPECT_TRUE(narrow.Overlaps(wide));
  EXPECT_FALSE(narrow.Overlaps(Ipv4Net::Parse("10.214.4.0/24").value()));
}

TEST(Routes, DefaultRouteIsLeftOut) {
  const auto routes = ParseRoutes(
      "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
      "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
      "eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n");
  ASSERT_EQ(routes.size(), 1U);
  EXPECT_EQ(routes[0].ToString(), "192.0.2.0/24");
}

TEST(SubnetLease, TwoHoldersGetDifferentOnes) {
  const auto locks = fs::TempDir::Make().value();
  const Ipv4Net wide = Ipv4Net::Parse("198.18.0.0/15").value();
  const auto one = SubnetLease::Acquire(wide, locks.path(), 5);
  const auto two = SubnetLease::Acquire(wide, locks.path(), 5);
  ASSERT_TRUE(one.ok() && two.ok());
  EXPECT_EQ(one->net().ToString(), "198.18.5.0/24");
  EXPECT_EQ(two->net().ToString(), "198.18.6.0/24");
}

TEST(SubnetLease, FullPoolIsResourceExhausted) {
  const auto locks = fs::TempDir::Make().value();
  const Ipv4Net pool = Ipv4Net::Parse("198.19.77.0/24").value();
  const auto one = SubnetLease::Acquire(pool, locks.path(), 9);
  ASSERT_TRUE(one.ok());
  EXPECT_EQ(SubnetLease::Acquire(pool, locks.path(), 9).code(), Code::kResourceExhausted);
}

}  // namespace
}  // namespace slipway::runtime
