#include <thread>

#include "executor/runtime/container_process.h"
#include "executor/runtime/oci_runner.h"
#include "tests/executor/runtime/runner_fixture.h"

namespace slipway::runtime {
namespace {

class OciRunnerCancelTest : public RunnerFixture {
 protected:
  // Runs the script, cancels when it has printed "ready", and tells how long the end took from there.
  std::chrono::milliseconds CancelWhenReady(ContainerSpec spec) {
    Start(Options());
    const Context ctx = Context::Background().Child();
    std::chrono::steady_clock::time_point at;
    const auto result = runner_->Run(ctx, spec, [&](Stream stream, std::string_view bytes) {
      (stream == Stream::kStdout ? out_ : err_).Lock()->append(bytes);
      if (out() == "ready\n" && !ctx.Done()) {
        at = std::chrono::steady_clock::now();
        ctx.Cancel(Cancelled("by the test"));
      }
    });
    EXPECT_EQ(result.code(), Code::kCancelled);
    EXPECT_EQ(result.status().message(), "by the test");
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - at);
  }
};

TEST_F(OciRunnerCancelTest, EveryProcessIsKilled) {
  CancelWhenReady(Shell("sleep 4567.25 & (trap '' TERM; sleep 4567.25) & echo ready; sleep 4567.25"));
  EXPECT_TRUE(ProcessesWith("4567.25").empty());
  EXPECT_TRUE(fs::ListDir(fs::Join(dir_.path(), "run/state/" + runner_->probe().runtime.name)).value().empty());
  EXPECT_TRUE(fs::ListDir(fs::Join(dir_.path(), "run/containers")).value().empty());
}

TEST_F(OciRunnerCancelTest, ProgramThatIgnoresItIsKilledAfterTheGrace) {
  ContainerSpec spec = Shell("trap 'echo ignored' TERM; echo ready; while :; do sleep 0.05; done");
  spec.stop_grace = std::chrono::milliseconds(300);
  EXPECT_GE(CancelWhenReady(spec), spec.stop_grace);
}

TEST_F(OciRunnerCancelTest, ProgramThatTidiesUpMayDoSo) {
  CancelWhenReady(Shell("trap 'echo tidied; exit 0' TERM; echo ready; while :; do sleep 0.05; done"));
  EXPECT_EQ(out(), "ready\ntidied\n");
}

TEST_F(OciRunnerCancelTest, FirstProcessThatNeverGetsTheSignalIsNotWaitedFor) {
  ContainerSpec spec = Shell("echo ready; exec sleep 4568.25");
  spec.stop_grace = std::chrono::minutes(10);
  EXPECT_LT(CancelWhenReady(spec), std::chrono::minutes(1));
}

TEST_F(OciRunnerCancelTest, DeadlineEndsIt) {
  const Context ctx = Context::Background().WithTimeout(std::chrono::milliseconds(300), "the step");
  const auto result = Run(Shell("sleep 4569.25"), ctx);
  EXPECT_EQ(result.code(), Code::kDeadlineExceeded);
  EXPECT_TRUE(ProcessesWith("4569.25").empty());
}

TEST_F(OciRunnerCancelTest, CancelDuringTheStartLeavesNothing) {
  Start(Options());
  // From "not begun" to "running", at many points.
  for (int ms = 0; ms <= 60; ms += 4) {
    const Context ctx = Context::Background().Child();
    std::jthread canceller([&ctx, ms] {
      Context::Background().Sleep(std::chrono::milliseconds(ms)).Ignore();
      ctx.Cancel(Cancelled("early"));
    });
    EXPECT_EQ(Run(Shell("exec sleep 4570.25"), ctx).code(), Code::kCancelled);
    EXPECT_TRUE(Eventually([] { return ProcessesWith("4570.25").empty(); })) << ms;
  }
  EXPECT_TRUE(fs::ListDir(fs::Join(dir_.path(), "run/state/" + runner_->probe().runtime.name)).value().empty());
  const CgroupLayout& cgroups = runner_->probe().runtime.cgroups;
  for (const auto& [controller, mount] : cgroups.mounts) {
    const std::string folder = fs::Join(mount, "slipway/" + daemon_id_);
    for (const std::string& name : fs::ListDir(folder).ValueOr({})) {
      EXPECT_FALSE(name.starts_with(daemon_id_)) << fs::Join(folder, name);
    }
  }
}

TEST(ProcessesInNamespaceOf, NoneForOurOwn) {
  EXPECT_TRUE(ProcessesInNamespaceOf(::getpid()).empty());
  EXPECT_TRUE(ProcessesInNamespaceOf(0).empty());
}

}  // namespace
}  // namespace slipway::runtime
