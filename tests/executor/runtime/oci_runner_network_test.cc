#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "executor/base/digest.h"
#include "executor/runtime/oci_runner.h"
#include "tests/executor/runtime/runner_fixture.h"

namespace slipway::runtime {
namespace {

using ::testing::HasSubstr;

// Answers each connection with one line, on a free port of all addresses.
class LineServer {
 public:
  LineServer() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{.sin_family = AF_INET};
    socklen_t size = sizeof(address);
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(socket_.get(), 8), 0);
    EXPECT_EQ(::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] {
      while (true) {
        const UniqueFd client(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (!client.valid()) return;
        fs::WriteAll(client.get(), "hello from the host\n").Ignore();
      }
    });
  }
  ~LineServer() {
    ::shutdown(socket_.get(), SHUT_RDWR);
    thread_.join();
  }
  int port() const { return port_; }

 private:
  UniqueFd socket_;
  int port_ = 0;
  std::thread thread_;
};

class OciRunnerNetworkTest : public RunnerFixture {
 protected:
  void SetUp() override {
    RunnerFixture::SetUp();
    if (IsSkipped()) return;
    options_ = Options();
    options_.default_network = NetworkMode::kDefault;
    Start(options_);
    if (!runner_) return;
    const Status state = runner_->NetworkState(Context::Background());
    if (!state.ok()) GTEST_SKIP() << "needs a bridge: " << state.message();
  }

  std::string Device() const { return FindBridges("slw" + Digest::Of(daemon_id_).hex().substr(0, 8)).at(0); }

  RunnerOptions options_;
};

TEST_F(OciRunnerNetworkTest, ReachesTheHostByTheGateway) {
  const LineServer server;
  EXPECT_EQ(Output(Shell(fmt::format("nc -w 5 {} {} < /dev/null", runner_->gateway(), server.port()))),
            "hello from the host\n");
}

TEST_F(OciRunnerNetworkTest, HasADefaultRouteAndResolvers) {
  const std::string text = Output(Shell("ip route; cat /etc/resolv.conf"));
  EXPECT_THAT(text, HasSubstr("default via " + runner_->gateway()));
  EXPECT_THAT(text, HasSubstr("nameserver "));
}

TEST_F(OciRunnerNetworkTest, LaterContainersUseTheNamespaceAgain) {
  const std::string first = Output(Shell("stat -L -c %i /proc/self/ns/net"));
  for (int i = 0; i < 5; ++i) Output(Shell("true"));
  EXPECT_TRUE(Eventually([this] { return BridgePorts(Device()).size() >= 2; }));
  EXPECT_LE(BridgePorts(Device()).size(), 2U);  // the one in use and the spare
}

TEST_F(OciRunnerNetworkTest, NamespaceOfAnInsecureContainerIsNotUsedAgain) {
  ContainerSpec spec = Shell("stat -L -c %i /proc/self/ns/net");
  spec.security = SecurityMode::kInsecure;
  const std::string insecure = Output(spec);
  spec.security = SecurityMode::kSandbox;
  for (int i = 0; i < 3; ++i) EXPECT_NE(Output(spec), insecure);
}

TEST_F(OciRunnerNetworkTest, ContainersDoNotReachEachOther) {
  const Context ctx = Context::Background().Child();
  Guarded<std::string> address;
  std::thread server([&] {
    runner_
        ->Run(ctx, Shell("ip -4 -o addr show eth0 | awk '{print $4}'; nc -l -p 7777 -e echo reached; sleep 60"),
              [&](Stream, std::string_view bytes) { address.Lock()->append(bytes); })
        .status()
        .Ignore();
  });
  EXPECT_TRUE(Eventually([&] { return address.Lock()->find('/') != std::string::npos; }));
  const std::string text = *address.Lock();
  const std::string ip = text.substr(0, text.find('/'));
  EXPECT_NE(Run(Shell(fmt::format("nc -w 1 {} 7777 < /dev/null", ip))).value().exit.code, 0);
  EXPECT_EQ(out(), "");
  ctx.Cancel(Cancelled("done"));
  server.join();
}

TEST_F(OciRunnerNetworkTest, BridgeGoesWithTheDaemon) {
  Output(Shell("true"));
  const std::string device = Device();
  runner_.reset();
  EXPECT_FALSE(BridgeExists(device));
}

TEST_F(OciRunnerNetworkTest, TwoDaemonsHaveTwoSubnets) {
  RunnerOptions other = options_;
  other.daemon_id += "-2";
  other.run_root += "-2";
  const auto second = OciRunner::Make(Context::Background(), other);
  ASSERT_TRUE(second.ok());
  EXPECT_TRUE((*second)->NetworkState(Context::Background()).ok());
  EXPECT_NE((*second)->gateway(), runner_->gateway());
}

TEST_F(OciRunnerNetworkTest, ContainersOfAGroupReachEachOtherByAlias) {
  auto network = runner_->CreateNetwork(Context::Background(), "tasks");
  if (network.code() == Code::kFailedPrecondition) GTEST_SKIP() << network.status().message();
  ASSERT_TRUE(network.ok()) << network.status().ToString();
  EXPECT_EQ(runner_->CreateNetwork(Context::Background(), "tasks").code(), Code::kAlreadyExists);

  const Context ctx = Context::Background().Child();
  std::atomic<bool> listening = false;
  std::thread server([&] {
    ContainerSpec spec = Shell("echo ready; nc -l -p 7777 -e echo reached; sleep 60");
    spec.network_group = {.name = "tasks", .aliases = {"db"}};
    runner_->Run(ctx, spec, [&](Stream, std::string_view) { listening = true; }).status().Ignore();
  });
  EXPECT_TRUE(Eventually([&] { return listening.load(); }));
  ContainerSpec client = Shell("for i in 1 2 3 4 5 6 7 8 9; do nc -w 5 db 7777 < /dev/null && break; sleep 0.1; done");
  client.network_group = {.name = "tasks", .aliases = {"client"}};
  EXPECT_EQ(Output(client), "reached\n") << err();
  ctx.Cancel(Cancelled("done"));
  server.join();
}

TEST_F(OciRunnerNetworkTest, GroupThatWasNotCreatedIsNotFound) {
  ContainerSpec spec = Shell("true");
  spec.network_group = {.name = "nobody", .aliases = {"x"}};
  EXPECT_EQ(Run(spec).code(), Code::kNotFound);
}

// With a program in the place of netavark, which plugs nothing in.
class OciRunnerNoNetworkTest : public RunnerFixture {
 protected:
  void StartWithStub() {
    RunnerOptions options = Options();
    options.default_network = NetworkMode::kDefault;
    options.netavark = Stub();
    Start(options);
  }
  std::string Stub() const { return fs::Join(dir_.path(), "netavark-stub"); }
  std::string Broken() const { return fs::Join(dir_.path(), "broken"); }
  // Fails as long as the file `Broken` is there.
  void InstallStub() const {
    const std::string script = fmt::format(
        "#!/bin/sh\ncat >/dev/null\n[ ! -e {} ] || {{ echo '{{\"error\":\"no rules today\"}}'; exit 1; }}\n", Broken());
    ASSERT_TRUE(fs::WriteFileAtomic(Stub(), script, 0755).ok());
  }
};

TEST_F(OciRunnerNoNetworkTest, WithoutNetavarkAStepFailsAndSaysWhatToInstall) {
  StartWithStub();
  const Status failed = Run(Shell("true")).status();
  EXPECT_EQ(failed.code(), Code::kFailedPrecondition);
  EXPECT_THAT(failed.message(), HasSubstr(fmt::format("find netavark at '{}': install the netavark package", Stub())));
  EXPECT_THAT(failed.message(), HasSubstr("--network=none"));
  ContainerSpec alone = Shell("grep -c : /proc/net/dev");
  alone.network = NetworkMode::kNone;
  EXPECT_EQ(Output(alone), "1\n");
}

TEST_F(OciRunnerNoNetworkTest, NetavarkThatIsInstalledLaterIsUsed) {
  StartWithStub();
  EXPECT_FALSE(Run(Shell("true")).ok());
  InstallStub();
  Output(Shell("true"));
}

TEST_F(OciRunnerNoNetworkTest, AFailedSetUpFailsTheStepAndIsTriedAgainForTheNext) {
  InstallStub();
  ASSERT_TRUE(fs::WriteFileAtomic(Broken(), "").ok());
  StartWithStub();
  for (int i = 0; i < 2; ++i) {
    const Status failed = Run(Shell("true")).status();
    EXPECT_EQ(failed.code(), Code::kUnavailable);
    EXPECT_THAT(failed.message(), HasSubstr("no rules today"));
  }
  ASSERT_TRUE(fs::RemoveAll(Broken()).ok());
  Output(Shell("true"));
}

TEST_F(OciRunnerNoNetworkTest, OfflineIsWhatTheOperatorAskedFor) {
  Start(Options());
  EXPECT_TRUE(runner_->offline());
  EXPECT_EQ(Output(Shell("grep -c : /proc/net/dev")), "1\n");
}

}  // namespace
}  // namespace slipway::runtime
