#include "cli/connection.h"

#include <gmock/gmock.h>
#include <grpc/grpc.h>
#include <gtest/gtest.h>

#include <optional>

#include "cli/channel.h"
#include "tests/testing/fake_server.h"

namespace slipway::cli {
namespace {

using ::testing::HasSubstr;

TEST(GrpcTarget, NamesSocketsAndAddresses) {
  EXPECT_EQ(*GrpcTarget("unix:/run/s.sock"), "unix:/run/s.sock");
  EXPECT_EQ(*GrpcTarget("unix:///run/s.sock"), "unix:/run/s.sock");
  EXPECT_EQ(*GrpcTarget("unix:s.sock"), "unix:s.sock");
  EXPECT_EQ(*GrpcTarget("/run/s.sock"), "unix:/run/s.sock");
  EXPECT_EQ(*GrpcTarget("127.0.0.1:50051"), "ipv4:127.0.0.1:50051");
  EXPECT_EQ(*GrpcTarget("[::1]:50051"), "ipv6:[::1]:50051");
  EXPECT_EQ(*GrpcTarget("build.local:50051"), "dns:build.local:50051");
}

TEST(GrpcTarget, RefusesWhatIsNeither) {
  for (const char* text : {"", "host", "host:", ":80", "host:http", "http://host:80", "unix:", "host:123456"}) {
    EXPECT_EQ(GrpcTarget(text).code(), Code::kInvalidArgument) << text;
  }
}

// nullopt where the argument is not set.
std::optional<int> NumberIn(const grpc::ChannelArguments& arguments, std::string_view name) {
  const grpc_channel_args all = arguments.c_channel_args();
  for (size_t i = 0; i < all.num_args; ++i) {
    if (all.args[i].key == name && all.args[i].type == GRPC_ARG_INTEGER) return all.args[i].value.integer;
  }
  return std::nullopt;
}

TEST(ChannelArguments, PeersOnANetworkAreAskedWhetherTheyLive) {
  for (const char* target : {"ipv4:127.0.0.1:50051", "ipv6:[::1]:50051", "dns:build.local:50051"}) {
    const grpc::ChannelArguments arguments = ChannelArgumentsFor(target);
    EXPECT_EQ(NumberIn(arguments, GRPC_ARG_KEEPALIVE_TIME_MS), 30'000) << target;
    EXPECT_EQ(NumberIn(arguments, GRPC_ARG_KEEPALIVE_TIMEOUT_MS), 20'000) << target;
    EXPECT_EQ(NumberIn(arguments, GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS), 0) << target;
    EXPECT_EQ(NumberIn(arguments, GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA), 0) << "as many as it takes";
  }
}

TEST(ChannelArguments, SocketsNeedNoPings) {
  EXPECT_EQ(NumberIn(ChannelArgumentsFor("unix:/run/s.sock"), GRPC_ARG_KEEPALIVE_TIME_MS), std::nullopt);
}

TEST(ConnectionFailure, NamesTheFieldsThatWereRefused) {
  const auto connection = Connection::Open("unix:/nowhere");
  ASSERT_TRUE(connection.ok());
  std::string reason;
  const Status status =
      (*connection)
          ->Failure(testing::FakeServer::Failure(
                        grpc::StatusCode::INVALID_ARGUMENT, "bad request", "",
                        {{"docker_build.image_names[0]", "'A/b' has upper-case letters"}, {"", "and more"}}),
                    "schedule run", &reason);
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_EQ(status.message(), "schedule run: image_names[0]: 'A/b' has upper-case letters; and more");
  EXPECT_EQ(reason, "");
}

TEST(ConnectionFailure, GivesTheReason) {
  const auto connection = Connection::Open("unix:/nowhere");
  std::string reason;
  const Status status =
      (*connection)
          ->Failure(testing::FakeServer::Failure(grpc::StatusCode::NOT_FOUND, "no run 'x'", "RUN_NOT_FOUND"), "show",
                    &reason);
  EXPECT_EQ(status.message(), "show: no run 'x'");
  EXPECT_EQ(reason, "RUN_NOT_FOUND");
}

TEST(ConnectionFailure, BrokenDetailsAreIgnored) {
  const auto connection = Connection::Open("unix:/nowhere");
  const Status status =
      (*connection)->Failure(grpc::Status(grpc::StatusCode::INTERNAL, "oops", "\xff\xff\xff"), "list runs");
  EXPECT_EQ(status.message(), "list runs: oops");
}

TEST(ConnectionFailure, UnreachableDaemonComesWithWhatToDo) {
  const auto connection = Connection::Open("unix:/nowhere/s.sock");
  const Status status =
      (*connection)->Failure(grpc::Status(grpc::StatusCode::UNAVAILABLE, "failed to connect"), "list runs");
  EXPECT_EQ(status.code(), Code::kUnavailable);
  for (const char* part :
       {"'unix:/nowhere/s.sock'", "No such file or directory", "slipwayd", "--server", "SLIPWAY_SERVER"}) {
    EXPECT_THAT(status.message(), HasSubstr(part));
  }
}

}  // namespace
}  // namespace slipway::cli
