#include "daemon/services/server.h"

#include <grpcpp/generic/generic_stub.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "tests/testing/api_fixture.h"

namespace slipway::services {
namespace {

class ServerTest : public testing::ApiFixture {
 protected:
  std::string Socket() const { return dir_.path() + "/sub/s.sock"; }
  Result<std::unique_ptr<Server>> Listen(const std::string& address) {
    return Server::Start({*config::ParseAddress(address)}, {system_service_.get()});
  }
  // Whether a daemon answers there.
  static bool GetVersion(const std::string& target) {
    const auto stub = v1::System::NewStub(grpc::CreateChannel(target, grpc::InsecureChannelCredentials()));
    grpc::ClientContext ctx;
    v1::GetVersionResponse response;
    return stub->GetVersion(&ctx, {}, &response).ok();
  }
};

TEST_F(ServerTest, AUnixSocketIsForOwnerAndGroup) {
  const auto server = Listen("unix:" + Socket());
  ASSERT_TRUE(server.ok()) << server.status().message();
  EXPECT_TRUE(GetVersion("unix:" + Socket()));
  struct stat st {};
  ASSERT_EQ(::stat(Socket().c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 0777, 0660U);
  (*server)->Shutdown(std::chrono::milliseconds(10));
  EXPECT_FALSE(fs::Exists(Socket()));
}

TEST_F(ServerTest, ASocketInUseIsNotTaken) {
  const auto server = Listen("unix:" + Socket());
  ASSERT_TRUE(server.ok());
  EXPECT_EQ(Listen("unix:" + Socket()).code(), Code::kAlreadyExists);
  EXPECT_TRUE(GetVersion("unix:" + Socket()));
}

TEST_F(ServerTest, WhatAKilledServerHasLeftIsRemoved) {
  ASSERT_TRUE(fs::MakeDirs(dir_.path() + "/sub").ok());
  for (const std::string& path : {Socket(), Socket() + ".0123456789abcdef"}) {
    const UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    ASSERT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  }
  const auto server = Listen("unix:" + Socket());
  ASSERT_TRUE(server.ok()) << server.status().message();
  EXPECT_EQ(*fs::ListDir(dir_.path() + "/sub"), std::vector<std::string>{"s.sock"});
}

TEST_F(ServerTest, AFileThatIsNoSocketIsNotRemoved) {
  ASSERT_TRUE(fs::MakeDirs(dir_.path() + "/sub").ok());
  ASSERT_TRUE(fs::WriteFileAtomic(Socket(), "precious").ok());
  EXPECT_EQ(Listen("unix:" + Socket()).code(), Code::kAlreadyExists);
  EXPECT_EQ(*fs::ReadFile(Socket()), "precious");
}

TEST_F(ServerTest, APortInUseIsAnError) {
  EXPECT_EQ(Listen(server_->addresses()[0].ToGrpc()).code(), Code::kAlreadyExists);
}

TEST_F(ServerTest, HealthIsServedAndSaysWhenItEnds) {
  const auto check = [this](std::string* answer) {
    // grpc.health.v1: an empty request asks for the server; the answer's field 1 is 1 for SERVING, 2 for NOT_SERVING.
    grpc::GenericStub stub(channel_);
    grpc::ClientContext ctx;
    grpc::CompletionQueue queue;
    grpc::Slice slice;
    grpc::ByteBuffer request(&slice, 1);
    grpc::ByteBuffer response;
    grpc::Status status;
    auto call = stub.PrepareUnaryCall(&ctx, "/grpc.health.v1.Health/Check", request, &queue);
    call->StartCall();
    call->Finish(&response, &status, nullptr);
    void* tag = nullptr;
    bool ok = false;
    queue.Next(&tag, &ok);
    grpc::Slice out;
    if (status.ok() && response.TrySingleSlice(&out).ok()) {
      answer->assign(reinterpret_cast<const char*>(out.begin()), out.size());
    }
    return status.ok();
  };
  std::string answer;
  EXPECT_TRUE(check(&answer));
  EXPECT_EQ(answer, "\x08\x01");
  server_->Drain();
  EXPECT_TRUE(check(&answer));
  EXPECT_EQ(answer, "\x08\x02");
}

TEST_F(ServerTest, AMessageThatIsTooLargeIsRefused) {
  v1::ScheduleRunRequest request = BuildRequest();
  request.mutable_docker_build()->set_target(std::string(5 << 20, 'x'));
  grpc::ClientContext ctx;
  v1::Run run;
  EXPECT_EQ(runs_->ScheduleRun(&ctx, request, &run).error_code(), grpc::RESOURCE_EXHAUSTED);
}

}  // namespace
}  // namespace slipway::services
