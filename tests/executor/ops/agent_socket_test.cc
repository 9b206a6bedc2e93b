#include "executor/ops/agent_socket.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "executor/base/fs.h"
#include "executor/base/unique_fd.h"
#include "tests/testing/fake_agent.h"

namespace slipway::ops {
namespace {

using ::testing::ElementsAre;
using testing::FakeAgent;

const std::string kList = "\x0b";
const std::string kRemoveAll = "\x13";

Context Soon() { return Context::Background().WithTimeout(std::chrono::seconds(20), "the test"); }

class AgentSocketTest : public ::testing::Test {
 protected:
  void Listen(FakeAgent::Answer answer, mode_t mode = 0600) {
    agent_ = std::make_shared<FakeAgent>(std::move(answer));
    socket_ = *AgentSocket::Listen(Context::Background(), path_,
                                   {.id = "mine", .mode = mode, .uid = ::getuid(), .gid = ::getgid()}, agent_);
  }
  UniqueFd Connect() const {
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof(address.sun_path) - 1);
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    return fd;
  }
  static std::string Exchange(const UniqueFd& fd, const std::string& request) {
    EXPECT_TRUE(WriteAgentMessage(Soon(), fd.get(), request).ok());
    return ReadAgentMessage(Soon(), fd.get()).ValueOr("no answer");
  }

  fs::TempDir dir_ = *fs::TempDir::Make();
  const std::string path_ = dir_.path() + "/s";
  std::shared_ptr<FakeAgent> agent_;
  std::unique_ptr<AgentSocket> socket_;
};

TEST_F(AgentSocketTest, ProgramsAreAnsweredByTheAgent) {
  Listen([](const auto&, const auto& request) { return "answer to " + request; });
  const UniqueFd one = Connect();
  const UniqueFd two = Connect();
  EXPECT_EQ(Exchange(one, kList), "answer to " + kList);
  EXPECT_EQ(Exchange(two, "\x0dsign"), "answer to \x0dsign");
  EXPECT_EQ(Exchange(one, kList), "answer to " + kList);
  EXPECT_THAT(agent_->asked(), ElementsAre("mine:" + kList, "mine:\x0dsign", "mine:" + kList));
  EXPECT_TRUE(socket_->trouble().ok());
}

TEST_F(AgentSocketTest, WhatWouldChangeTheAgentNeverReachesIt) {
  Listen([](const auto&, const auto&) { return std::string("done"); });
  const UniqueFd fd = Connect();
  EXPECT_EQ(Exchange(fd, kRemoveAll), AgentFailure());
  EXPECT_THAT(agent_->asked(), ElementsAre());
}

TEST_F(AgentSocketTest, ATroubleIsAFailureForTheProgramAndKept) {
  Listen([](const auto&, const auto&) { return Result<std::string>(Unavailable("the client has gone")); });
  const UniqueFd fd = Connect();
  EXPECT_EQ(Exchange(fd, kList), AgentFailure());
  EXPECT_EQ(socket_->trouble().message(), "the client has gone");
}

TEST_F(AgentSocketTest, NonsenseEndsTheConnectionOnly) {
  Listen([](const auto&, const auto&) { return std::string("yes"); });
  const UniqueFd bad = Connect();
  ASSERT_EQ(::send(bad.get(), "GET / HTTP/1.1\r\n", 16, 0), 16);
  EXPECT_EQ(ReadAgentMessage(Soon(), bad.get()).ValueOr("error"), "");
  EXPECT_EQ(Exchange(Connect(), kList), "yes");
}

TEST_F(AgentSocketTest, HasItsModeAndGoesWithItsOwner) {
  Listen([](const auto&, const auto&) { return std::string("yes"); }, 0741);
  struct stat st {};
  ASSERT_EQ(::stat(path_.c_str(), &st), 0);
  EXPECT_TRUE(S_ISSOCK(st.st_mode));
  EXPECT_EQ(st.st_mode & 07777U, 0741U);
  const UniqueFd idle = Connect();
  socket_.reset();
  EXPECT_FALSE(fs::Exists(path_));
  EXPECT_EQ(ReadAgentMessage(Soon(), idle.get()).ValueOr("error"), "");
}

TEST_F(AgentSocketTest, APathThatIsTooLongIsAnError) {
  const auto listened = AgentSocket::Listen(Context::Background(), "/" + std::string(200, 'x'), {}, nullptr);
  EXPECT_EQ(listened.code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace slipway::ops
