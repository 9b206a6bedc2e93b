#include "cli/connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
