// SshAgents over a real channel: a run asks, a client answers.
#include "daemon/services/agents_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "slipway/v1/ssh_agents.grpc.pb.h"
#include "tests/testing/api_fixture.h"

namespace slipway::services {
namespace {

using testing::ApiFixture;
using ::testing::HasSubstr;

class AgentsServiceTest : public ApiFixture {
 protected:
  AgentsServiceTest() {
    service_ = std::make_unique<AgentsService>(agents_, *store_);
    agents_server_ = *Server::Start({*config::ParseAddress("127.0.0.1:0")}, {service_.get()});
    stub_ = v1::SshAgents::NewStub(
        grpc::CreateChannel(agents_server_->addresses()[0].ToGrpc(), grpc::InsecureChannelCredentials()));
  }
  ~AgentsServiceTest() override {
    builder_.OpenGate();
    service_->EndStreams();
    agents_server_.reset();
  }

  // A run with an agent whose build asks `request` once and keeps the answer.
  std::string ScheduleAsking(const std::string& request) {
    // A run may end after the test has.
    builder_.OnBuild(
        [answer = answer_, request](const Context& ctx, const builder::BuildRequest& build, ProgressSink&) -> Status {
          *answer = build.inputs.agents->Ask(ctx, "default", request);
          return Status();
        });
    v1::ScheduleRunRequest schedule = BuildRequest();
    schedule.mutable_docker_build()->add_ssh("default");
    return ScheduleRun(schedule).run_id();
  }

  struct Call {
    explicit Call(v1::SshAgents::Stub& stub) : stream(stub.ForwardAgents(&context)) {}
    ~Call() { context.TryCancel(); }
    void Offer(const std::string& run_id) {
      v1::ForwardAgentsRequest request;
      request.mutable_offer()->set_run_id(run_id);
      stream->Write(request);
    }
    v1::ForwardAgentsResponse Read() {
      v1::ForwardAgentsResponse response;
      EXPECT_TRUE(stream->Read(&response));
      return response;
    }
    grpc::Status End() {
      v1::ForwardAgentsResponse response;
      while (stream->Read(&response)) {
      }
      return stream->Finish();
    }
    grpc::ClientContext context;
    std::unique_ptr<grpc::ClientReaderWriter<v1::ForwardAgentsRequest, v1::ForwardAgentsResponse>> stream;
  };

  std::unique_ptr<AgentsService> service_;
  std::unique_ptr<Server> agents_server_;
  std::unique_ptr<v1::SshAgents::Stub> stub_;
  const std::shared_ptr<Result<std::string>> answer_ = std::make_shared<Result<std::string>>(std::string());
};

TEST_F(AgentsServiceTest, AQuestionGoesToTheClientAndItsAnswerBack) {
  const std::string run = ScheduleAsking("list");
  Call call(*stub_);
  call.Offer(run);
  EXPECT_TRUE(call.Read().has_accepted());
  const v1::ForwardAgentsResponse response = call.Read();
  EXPECT_EQ(response.question().id(), "default");
  EXPECT_EQ(response.question().message(), "list");
  v1::ForwardAgentsRequest request;
  request.mutable_answer()->set_number(response.question().number());
  request.mutable_answer()->set_message("keys");
  call.stream->Write(request);
  EXPECT_TRUE(call.End().ok());  // the run has ended
  EXPECT_EQ(**answer_, "keys");
}

TEST_F(AgentsServiceTest, AnErrorOfTheClientIsTold) {
  const std::string run = ScheduleAsking("list");
  Call call(*stub_);
  call.Offer(run);
  call.Read();
  v1::ForwardAgentsRequest request;
  request.mutable_answer()->set_number(call.Read().question().number());
  request.mutable_answer()->set_error("connect: refused");
  call.stream->Write(request);
  EXPECT_TRUE(call.End().ok());
  EXPECT_EQ(answer_->code(), Code::kUnavailable);
  EXPECT_THAT(answer_->status().message(), HasSubstr("connect: refused"));
}

TEST_F(AgentsServiceTest, AClientThatHangsUpIsMissed) {
  const std::string run = ScheduleAsking("list");
  {
    Call call(*stub_);
    call.Offer(run);
    call.Read();
    call.Read();
    call.context.TryCancel();
    call.End();
  }
  WaitForEnd(run);
  EXPECT_THAT(answer_->status().message(), HasSubstr("has gone"));
}

TEST_F(AgentsServiceTest, OffersAreChecked) {
  {
    Call call(*stub_);
    call.Offer("not a run");
    EXPECT_EQ(call.End().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  }
  {
    Call call(*stub_);
    call.Offer("zz9");
    const grpc::Status status = call.End();
    EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
    EXPECT_EQ(Reason(status), "slipway/RUN_NOT_FOUND");
  }
  const std::string plain = ScheduleRun().run_id();
  Call call(*stub_);
  call.Offer(plain);
  EXPECT_EQ(Reason(call.End()), "slipway/NO_SSH");
}

TEST_F(AgentsServiceTest, ARunThatHasEndedNeedsNoAgent) {
  builder_.OnBuild([](const Context&, const builder::BuildRequest&, ProgressSink&) { return Status(); });
  v1::ScheduleRunRequest schedule = BuildRequest();
  schedule.mutable_docker_build()->add_ssh("default");
  const std::string run = ScheduleRun(schedule).run_id();
  WaitForEnd(run);
  Call call(*stub_);
  call.Offer(run);
  EXPECT_EQ(Reason(call.End()), "slipway/RUN_FINISHED");
}

TEST_F(AgentsServiceTest, AStopTellsTheClientToComeBack) {
  const std::string run = ScheduleAsking("list");
  Call call(*stub_);
  call.Offer(run);
  call.Read();
  service_->EndStreams();
  const grpc::Status status = call.End();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(Reason(status), "slipway/SHUTTING_DOWN");
}

TEST_F(AgentsServiceTest, WhatIsOutOfTurnIsRefused) {
  Call call(*stub_);
  v1::ForwardAgentsRequest request;
  request.mutable_answer()->set_number(1);
  call.stream->Write(request);
  EXPECT_EQ(call.End().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

}  // namespace
}  // namespace slipway::services
