#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "executor/base/digest.h"
#include "executor/base/process.h"
#include "executor/runtime/oci_runner.h"
#include "tests/executor/runtime/runner_fixture.h"

namespace slipway::runtime {
namespace {

class OciRunnerRecoverTest : public RunnerFixture {
 protected:
  // A daemon of its own: runs a container that stays, and is killed when the container prints.
  void RunAndKillDaemon(const RunnerOptions& options, const std::string& script) {
    const std::string mark = fs::Join(dir_.path(), "ready");
    const pid_t daemon = ::fork();
    ASSERT_GE(daemon, 0);
    if (daemon == 0) {
      auto runner = OciRunner::Make(Context::Background(), options);
      if (!runner.ok()) ::_exit(1);
      (*runner)
          ->Run(Context::Background(), Shell(script),
                [&mark](Stream, std::string_view) { fs::WriteFileAtomic(mark, "").Ignore(); })
          .status()
          .Ignore();
      ::_exit(2);
    }
    EXPECT_TRUE(Eventually([&mark] { return fs::Exists(mark); }));
    ASSERT_EQ(::kill(daemon, SIGKILL), 0);
    int status = 0;
    ASSERT_EQ(::waitpid(daemon, &status, 0), daemon);
    ASSERT_TRUE(WIFSIGNALED(status));
  }

  std::string BridgeName() const { return "slw" + Digest::Of(daemon_id_).hex().substr(0, 8); }
};

TEST_F(OciRunnerRecoverTest, ContainersOfAKilledDaemonEndAtTheNextStart) {
  RunAndKillDaemon(Options(), "echo ready; sleep 5671.5 & exec sleep 5671.5");
  Start(Options());
  EXPECT_TRUE(Eventually([] { return ProcessesWith("5671.5").empty(); }));
  EXPECT_TRUE(fs::ListDir(fs::Join(dir_.path(), "run/containers")).value().empty());
  const CgroupLayout& cgroups = runner_->probe().runtime.cgroups;
  for (const auto& [controller, mount] : cgroups.mounts) {
    EXPECT_FALSE(fs::Exists(fs::Join(mount, "slipway/" + daemon_id_))) << mount;
  }
}

TEST_F(OciRunnerRecoverTest, ContainersEndEvenWhenTheRunRootIsLost) {
  RunAndKillDaemon(Options(), "echo ready; exec sleep 5672.5");
  const auto probe = ProbeRuntime(Context::Background(), Options().runtimes, dir_.path(), "/slipway/" + daemon_id_);
  if (probe->runtime.cgroups.mode == CgroupMode::kNone) GTEST_SKIP() << "needs cgroups";
  ASSERT_TRUE(fs::RemoveAll(Options().run_root).ok());
  Start(Options());
  EXPECT_TRUE(Eventually([] { return ProcessesWith("5672.5").empty(); }));
}

TEST_F(OciRunnerRecoverTest, BridgeOfAKilledDaemonIsRemoved) {
  RunnerOptions options = Options();
  options.default_network = NetworkMode::kDefault;
  RunAndKillDaemon(options, "echo ready; exec sleep 5673.5");
  if (!BridgeExists(BridgeName())) GTEST_SKIP() << "needs a bridge";
  const auto before =
      RunProgram(Context::Background(), {.argv = {"/usr/sbin/ip", "-4", "-o", "addr", "show", BridgeName()}});
  ASSERT_TRUE(before.ok());
  const size_t at = before->out.find("10.213.");
  ASSERT_NE(at, std::string::npos) << before->out;
  const std::string subnet = before->out.substr(at, before->out.find('/', at) - at - 1);  // "10.213.7."
  Start(Options());                                                                       // the new one wants none
  EXPECT_FALSE(BridgeExists(BridgeName()));
  const auto rules = RunProgram(Context::Background(), {.argv = {"/usr/sbin/iptables", "-t", "nat", "-S"}});
  if (rules.ok()) {
    EXPECT_EQ(rules->out.find(subnet), std::string::npos);
  }
}

TEST_F(OciRunnerRecoverTest, NothingToRecoverIsFine) {
  Start(Options());
  EXPECT_TRUE(RecoverRunRoot(Context::Background(), Options(), runner_->probe().runtime).ok());
}

}  // namespace
}  // namespace slipway::runtime
