// What the containers of a task's steps ask of the runner beyond those of a build: files in memory, ports, a word at
// the start, names on a network.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <optional>
#include <thread>

#include "executor/base/digest.h"
#include "executor/runtime/netavark.h"
#include "executor/runtime/oci_runner.h"
#include "tests/executor/runtime/runner_fixture.h"

namespace slipway::runtime {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string MountTable() { return fs::ReadFile("/proc/self/mountinfo").ValueOr(""); }

class OciRunnerServicesTest : public RunnerFixture {
 protected:
  // A container in a thread of its own, until it is stopped.
  class Service {
   public:
    Service(OciRunner& runner, ContainerSpec spec) {
      spec.on_started = [this](const StartedContainer& started) { *started_.Lock() = started; };
      thread_ = std::thread([this, &runner, spec] {
        runner.Run(ctx_, spec, [this](Stream, std::string_view bytes) { output_.Lock()->append(bytes); })
            .status()
            .Ignore();
      });
    }
    ~Service() { Stop(); }
    void Stop() {
      ctx_.Cancel(Cancelled("stopped"));
      if (thread_.joinable()) thread_.join();
    }
    StartedContainer WaitStarted() {
      EXPECT_TRUE(Eventually([this] { return started_.Lock()->has_value(); }));
      return started_.Lock()->value_or(StartedContainer());
    }
    bool WaitSays(const std::string& text) {
      return Eventually([&] { return output_.Lock()->find(text) != std::string::npos; });
    }

   private:
    const Context ctx_ = Context::Background().Child();
    Guarded<std::optional<StartedContainer>> started_;
    Guarded<std::string> output_;
    std::thread thread_;
  };

  // With a network "tasks"; false where this host cannot.
  bool StartWithNetwork() {
    RunnerOptions options = Options();
    options.default_network = NetworkMode::kDefault;
    Start(options);
    auto network = runner_->CreateNetwork(Context::Background(), "tasks");
    if (!network.ok()) return false;
    network_ = std::move(network).value();
    return true;
  }
  ContainerSpec InTasks(const std::string& name, const std::string& script) const {
    ContainerSpec spec = Shell(script);
    spec.hostname = name;
    spec.network_group = {.name = "tasks", .aliases = {name}};
    return spec;
  }
  void TearDown() override { network_.Run(); }

  Cleanup network_;
};

Mount Files(std::map<std::string, std::string> files, const std::string& at) {
  Mount mount;
  mount.type = Mount::Type::kFiles;
  mount.destination = at;
  mount.files = std::move(files);
  return mount;
}

TEST_F(OciRunnerServicesTest, FilesAreInMemoryExactAndReadOnly) {
  ContainerSpec spec = Shell(
      "cat /run/v/key; stat -c '%a %u %g %s' /run/v/key /run/v/bin; touch /run/v/new || echo read-only;"
      " grep ' /run/v ' /proc/mounts");
  spec.user = {.uid = 1234, .gid = 55};
  spec.mounts = {Files({{"key", "a$b `c` \\d\n"}, {"bin", std::string("\0\xff\n", 3)}}, "/run/v")};
  const std::string text = Output(spec);
  EXPECT_THAT(text, HasSubstr("a$b `c` \\d\n400 1234 55 11\n400 1234 55 3\nread-only\n"));
  EXPECT_THAT(text, HasSubstr(" /run/v tmpfs ro,"));
  EXPECT_THAT(MountTable(), Not(HasSubstr(dir_.path())));
  EXPECT_EQ(fs::ListDir(fs::Join(dir_.path(), "run/mounts/files")).value().size(), 0U);
}

TEST_F(OciRunnerServicesTest, ANameOfAFileIsNoPath) {
  ContainerSpec spec = Shell("true");
  spec.mounts = {Files({{"../key", "x"}}, "/run/v")};
  EXPECT_EQ(Run(spec).code(), Code::kInvalidArgument);
  EXPECT_THAT(MountTable(), Not(HasSubstr(dir_.path())));
}

TEST_F(OciRunnerServicesTest, TellsWhenTheProgramRuns) {
  Start(Options());
  const std::string script = "sleep 1000; echo " + daemon_id_;
  Service service(*runner_, Shell(script));
  EXPECT_EQ(service.WaitStarted().address, "");
  EXPECT_FALSE(ProcessesWith(script).empty());
}

TEST_F(OciRunnerServicesTest, APortIsReachedOnLoopbackWhileItRuns) {
  if (!StartWithNetwork()) GTEST_SKIP() << "needs netavark and aardvark-dns";
  ContainerSpec spec = InTasks("web", "echo ready; nc -l -p 7777 -e echo hello; sleep 1000");
  spec.ports = {{.container_port = 7777}};
  Service service(*runner_, spec);
  const StartedContainer started = service.WaitStarted();
  ASSERT_EQ(started.ports.size(), 1U);
  EXPECT_TRUE(service.WaitSays("ready"));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(started.ports[0].host_port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  // It listens a moment after it has said so.
  std::string text;
  EXPECT_TRUE(Eventually([&] {
    const UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::connect(client.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) return false;
    std::array<char, 64> bytes{};
    const ssize_t n = ::recv(client.get(), bytes.data(), bytes.size(), 0);
    text.assign(bytes.data(), static_cast<size_t>(std::max<ssize_t>(n, 0)));
    return !text.empty();
  }));
  EXPECT_EQ(text, "hello\n");
  service.Stop();
  const UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_NE(::connect(client.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
}

TEST_F(OciRunnerServicesTest, AContainerFindsAnotherFromItsFirstMomentOn) {
  if (!StartWithNetwork()) GTEST_SKIP() << "needs netavark and aardvark-dns";
  Service db(*runner_, InTasks("db", "sleep 1000"));
  const std::string address = db.WaitStarted().address;
  EXPECT_THAT(Output(InTasks("client", "ping -c 1 -w 5 db; cat /etc/hosts")), HasSubstr(fmt::format("({})", address)));
}

TEST_F(OciRunnerServicesTest, NamesAreAnsweredWhileOthersComeAndGo) {
  if (!StartWithNetwork()) GTEST_SKIP() << "needs netavark and aardvark-dns";
  Service db(*runner_, InTasks("db", "sleep 1000"));
  db.WaitStarted();
  // Looks the name up again and again and says how often that failed.
  Service client(*runner_, InTasks("client",
                                   "echo begun; n=0; bad=0; while [ ! -e /tmp/end ]; do n=$((n+1));"
                                   " ping -c 1 -w 2 db > /dev/null 2>&1 || bad=$((bad+1)); done;"
                                   " [ $n -gt 3 ] && echo failed $bad; sleep 1000"));
  EXPECT_TRUE(client.WaitSays("begun"));
  for (int i = 0; i < 6; ++i) {
    EXPECT_THAT(Output(InTasks(fmt::format("other{}", i), "echo here")), HasSubstr("here"));
  }
  ASSERT_TRUE(fs::WriteFileAtomic(InRoot("tmp/end"), "").ok());
  EXPECT_TRUE(client.WaitSays("failed 0\n"));
}

TEST_F(OciRunnerServicesTest, ANameThatIsGoneIsNotAnsweredAnyMore) {
  if (!StartWithNetwork()) GTEST_SKIP() << "needs netavark and aardvark-dns";
  Service other(*runner_, InTasks("other", "sleep 1000"));
  other.WaitStarted();
  {
    Service db(*runner_, InTasks("db", "sleep 1000"));
    db.WaitStarted();
  }
  EXPECT_TRUE(Eventually([&] { return Run(InTasks("client", "ping -c 1 -w 2 db")).value().exit.code != 0; }));
}

}  // namespace
}  // namespace slipway::runtime
