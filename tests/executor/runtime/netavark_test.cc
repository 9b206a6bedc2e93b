#include "executor/runtime/netavark.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace slipway::runtime {
namespace {

using nlohmann::json;

TEST(NetavarkRequest, NamesBridgeSubnetAndAddress) {
  const BridgeSpec bridge{.device = "slw01234567", .subnet = Ipv4Net::Parse("10.1.2.0/24").value(), .mtu = 1400};
  const json request = json::parse(NetavarkRequest(bridge, {.container_id = "c1", .address = "10.1.2.7"}));
  const json network = request["network_info"]["slw01234567"];
  EXPECT_EQ(network["network_interface"], "slw01234567");
  EXPECT_EQ(network["subnets"][0]["subnet"], "10.1.2.0/24");
  EXPECT_EQ(network["subnets"][0]["gateway"], "10.1.2.1");
  EXPECT_EQ(network["options"]["mtu"], "1400");
  EXPECT_EQ(network["id"].get<std::string>().size(), 64U);
  EXPECT_EQ(request["networks"]["slw01234567"]["static_ips"], json::array({"10.1.2.7"}));
}

TEST(NetavarkRequest, IsTheSameForALaterProcess) {
  const BridgeSpec bridge{.device = "slw01234567", .subnet = Ipv4Net::Parse("10.1.2.0/24").value()};
  EXPECT_EQ(NetavarkRequest(bridge, {.container_id = "c"}), NetavarkRequest(bridge, {.container_id = "c"}));
}

}  // namespace
}  // namespace slipway::runtime
