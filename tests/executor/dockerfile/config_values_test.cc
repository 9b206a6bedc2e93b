#include "executor/dockerfile/config_values.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipway::dockerfile {
namespace {

using ::testing::HasSubstr;

std::string PortsOf(std::string_view text) {
  const auto ports = ParseExposedPorts(text);
  return ports.ok() ? fmt::format("{}", fmt::join(*ports, " ")) : "bad";
}

TEST(ExposedPorts, NumbersRangesAndProtocols) {
  EXPECT_EQ(PortsOf("80"), "80/tcp");
  EXPECT_EQ(PortsOf("80/"), "80/tcp");
  EXPECT_EQ(PortsOf("80/UdP"), "80/udp");
  EXPECT_EQ(PortsOf("8000-8002/sctp"), "8000/sctp 8001/sctp 8002/sctp");
  EXPECT_EQ(PortsOf("7-7"), "7/tcp");
  EXPECT_EQ(PortsOf("+07"), "7/tcp");
  for (const char* bad : {"", "/tcp", "80/icmp", "65536", "-1", "9-8", "8000-", "a", "80/tcp/udp", "++7"}) {
    EXPECT_EQ(PortsOf(bad), "bad") << bad;
  }
  EXPECT_THAT(ParseExposedPorts("80/tpc").status().message(), HasSubstr("did you mean 'tcp'?"));
}

TEST(ExposedPorts, TheHostsPartHasNoEffectButMustBeRight) {
  EXPECT_EQ(PortsOf("8080:80"), "80/tcp");
  EXPECT_EQ(PortsOf(":80"), "80/tcp");
  EXPECT_EQ(PortsOf("127.0.0.1::80/udp"), "80/udp");
  EXPECT_EQ(PortsOf("[::1]:8080:80"), "80/tcp");
  EXPECT_EQ(PortsOf("::1:8080:80"), "80/tcp");
  EXPECT_EQ(PortsOf("8000-8001:80-81"), "80/tcp 81/tcp");
  EXPECT_EQ(PortsOf("8000-8009:80"), "80/tcp");  // any of these
  for (const char* bad : {"x:80", "localhost:1:80", "300.0.0.1:1:80", "8000-8002:80-81", "80:"}) {
    EXPECT_EQ(PortsOf(bad), "bad") << bad;
  }
}

TEST(Signals, NamesAndNumbers) {
  for (const char* good : {"SIGTERM", "term", "sigUsr1", "9", "RTMIN", "SIGRTMIN+15", "rtmax-14", "64"}) {
    EXPECT_TRUE(CheckSignal(good).ok()) << good;
  }
  for (const char* bad :
       {"", "0", "SIGNOPE", "SIGSIGTERM", "RTMIN+16", "RTMIN-1", "RTMAX+1", "RTMAX-0", "TERM+1", "EMT"}) {
    EXPECT_EQ(CheckSignal(bad).code(), Code::kInvalidArgument) << bad;
  }
  EXPECT_THAT(CheckSignal("SIGTREM").message(), HasSubstr("did you mean 'TERM'?"));
}

}  // namespace
}  // namespace slipway::dockerfile
