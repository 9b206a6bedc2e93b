// The client's side of SshAgents, with a real ssh-agent behind it and a server that asks.
#include "cli/agent_forwarder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <latch>

#include "cli/private_agent.h"
#include "executor/base/process.h"
#include "executor/base/ssh_agent.h"
#include "tests/cli/folder.h"

namespace slipway::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const std::string kList = "\x0b";
const std::string kRemoveAll = "\x13";

Context Soon() { return Context::Background().WithTimeout(std::chrono::seconds(60), "the test"); }

bool HasOpenSsh() {
  return RunProgram(Soon(), {.argv = {"ssh-add", "-h"}}).ok() &&
         RunProgram(Soon(), {.argv = {"ssh-keygen", "-h"}}).ok();
}

class PrivateAgentTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!HasOpenSsh()) GTEST_SKIP() << "needs openssh-client";
    MakeKey("key", "the-comment", "");
    agent_ = *PrivateAgent::Start(Soon(), {folder_.At("key")});
  }
  void MakeKey(const std::string& name, const std::string& comment, const std::string& passphrase) {
    auto made = RunProgram(Soon(), {.argv = {"ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-C", comment, "-f",
                                             folder_.At(name)}});
    ASSERT_TRUE(made.ok() && made->exit.ok());
  }

  Folder folder_;
  std::unique_ptr<PrivateAgent> agent_;
};

TEST_F(PrivateAgentTest, ListsItsKeysAndIsNotChanged) {
  EXPECT_THAT(*AskAgent(Soon(), agent_->socket(), kList), HasSubstr("the-comment"));
  EXPECT_EQ(*AskAgent(Soon(), agent_->socket(), kRemoveAll), AgentFailure());
  EXPECT_THAT(*AskAgent(Soon(), agent_->socket(), kList), HasSubstr("the-comment"));
}

TEST_F(PrivateAgentTest, IsGoneWithItsObject) {
  const std::string socket = agent_->socket();
  agent_.reset();
  EXPECT_FALSE(AskAgent(Soon(), socket, kList).ok());
  EXPECT_FALSE(fs::Exists(fs::DirName(socket)));
}

TEST_F(PrivateAgentTest, AKeyThatCannotBeUsedIsTold) {
  MakeKey("locked", "c", "passphrase");
  EXPECT_THAT(PrivateAgent::Start(Soon(), {folder_.At("locked")}).status().message(),
              HasSubstr("one with a passphrase"));
  folder_.Write("no-key", "text");
  EXPECT_EQ(PrivateAgent::Start(Soon(), {folder_.At("no-key")}).code(), Code::kInvalidArgument);
  EXPECT_EQ(PrivateAgent::Start(Soon(), {folder_.At("none")}).code(), Code::kNotFound);
}

// Asks each client that comes its questions, then ends the call with the status of that turn.
class AskingServer : public v1::SshAgents::Service {
 public:
  grpc::Status ForwardAgents(
      grpc::ServerContext*,
      grpc::ServerReaderWriter<v1::ForwardAgentsResponse, v1::ForwardAgentsRequest>* stream) override {
    v1::ForwardAgentsRequest request;
    EXPECT_TRUE(stream->Read(&request));
    EXPECT_EQ(request.offer().run_id(), "ca1");
    v1::ForwardAgentsResponse response;
    response.mutable_accepted();
    stream->Write(response);
    for (const auto& [id, message] : questions) {
      response.mutable_question()->set_number(7);
      response.mutable_question()->set_id(id);
      response.mutable_question()->set_message(message);
      stream->Write(response);
      if (!stream->Read(&request)) break;
      EXPECT_EQ(request.answer().number(), 7U);
      answers.push_back(request.answer().error().empty() ? request.answer().message()
                                                         : "error: " + request.answer().error());
    }
    const size_t turn = calls++;
    if (turn + 1 == ends.size()) done.count_down();
    return ends.at(turn);
  }
  std::vector<std::pair<std::string, std::string>> questions;
  std::vector<std::string> answers;
  std::vector<grpc::Status> ends;
  size_t calls = 0;
  std::latch done{1};
};

class AgentForwarderTest : public PrivateAgentTest {
 protected:
  void Forward() {
    const std::string address = "unix:" + folder_.At("s");
    grpc::ServerBuilder builder;
    builder.AddListeningPort(address, grpc::InsecureServerCredentials());
    builder.RegisterService(&server_);
    const auto server = builder.BuildAndStart();
    const auto connection = *Connection::Open(address);
    {
      const AgentForwarder forwarder(*connection, "ca1", {{"default", agent_->socket()}, {"dead", folder_.At("none")}},
                                     [this](std::string_view text) { notes_ += text; });
      server_.done.wait();
    }
    server->Shutdown();
  }
  AskingServer server_;
  std::string notes_;
};

TEST_F(AgentForwarderTest, QuestionsAreAnsweredByTheAgentsThatWereOffered) {
  server_.questions = {{"default", kList}, {"default", kRemoveAll}, {"dead", kList}, {"other", kList}};
  server_.ends = {grpc::Status::OK};
  Forward();
  ASSERT_EQ(server_.answers.size(), 4U);
  EXPECT_THAT(server_.answers[0], HasSubstr("the-comment"));
  EXPECT_EQ(server_.answers[1], AgentFailure());
  EXPECT_THAT(server_.answers[2], HasSubstr("error: connect to the agent at"));
  EXPECT_EQ(server_.answers[3], "error: there is no agent 'other'");
  EXPECT_EQ(notes_, "");
}

TEST_F(AgentForwarderTest, ABrokenCallIsMadeAnew) {
  server_.questions = {{"default", kList}};
  server_.ends = {grpc::Status(grpc::StatusCode::UNAVAILABLE, "stopping"), grpc::Status::OK};
  Forward();
  EXPECT_EQ(server_.calls, 2U);
}

TEST_F(AgentForwarderTest, ARefusalIsTold) {
  server_.ends = {grpc::Status(grpc::StatusCode::NOT_FOUND, "no such run")};
  Forward();
  EXPECT_EQ(server_.calls, 1U);
}

}  // namespace
}  // namespace slipway::cli
