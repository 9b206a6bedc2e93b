#include "executor/runtime/oci_runner.h"

#include <gmock/gmock.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "tests/executor/runtime/runner_fixture.h"

namespace slipway::runtime {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class OciRunnerTest : public RunnerFixture {};

TEST_F(OciRunnerTest, ExitCodeIsTheProgramsOwn) {
  EXPECT_EQ(Run(Shell("exit 0")).value().exit.code, 0);
  EXPECT_EQ(Run(Shell("exit 42")).value().exit.code, 42);
}

TEST_F(OciRunnerTest, SignalIs128AndItsNumber) {
  EXPECT_EQ(Run(Shell("sh -c 'kill -9 $$'; exit $?")).value().exit.code, 137);
}

TEST_F(OciRunnerTest, StreamsAreKeptApart) {
  ASSERT_TRUE(Run(Shell("echo to-out; echo to-err >&2")).ok());
  EXPECT_EQ(out(), "to-out\n");
  EXPECT_EQ(err(), "to-err\n");
}

TEST_F(OciRunnerTest, OutputComesWhileItRuns) {
  // The program goes on only when the sink, having seen its first line, makes a file.
  if (!runner_) Start(Options());
  const std::string go = InRoot("tmp/go");
  const ContainerSpec spec = Shell("echo first >&2; until [ -e /tmp/go ]; do sleep 0.02; done; echo second");
  std::string all;
  const auto result = runner_->Run(Context::Background().WithTimeout(std::chrono::seconds(20), "the test"), spec,
                                   [&](Stream, std::string_view bytes) {
                                     all += bytes;
                                     if (all == "first\n") fs::WriteFileAtomic(go, "").Ignore();
                                   });
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  EXPECT_EQ(all, "first\nsecond\n");
}

TEST_F(OciRunnerTest, MuchOutputArrivesWhole) {
  const std::string text = Output(Shell("seq 200000"));
  EXPECT_EQ(text.size(), 1288895U);
  EXPECT_TRUE(text.ends_with("\n200000\n"));
}

TEST_F(OciRunnerTest, BinaryOutputIsUntouched) {
  EXPECT_TRUE(Output(Shell("head -c 100000 /bin/busybox")) == fs::ReadFile("/bin/busybox").value().substr(0, 100000));
}

TEST_F(OciRunnerTest, InputIsEmpty) { EXPECT_EQ(Output(Shell("cat; echo done")), "done\n"); }

TEST_F(OciRunnerTest, BackgroundProcessesEndWithTheFirst) {
  EXPECT_EQ(Output(Shell("sleep 3456.75 & echo started")), "started\n");
  EXPECT_TRUE(Eventually([] { return ProcessesWith("3456.75").empty(); }));
}

TEST_F(OciRunnerTest, ProgramThatClosesItsOutputIsWaitedFor) {
  EXPECT_EQ(Run(Shell("exec >&- 2>&-; sleep 0.2; exit 5")).value().exit.code, 5);
}

TEST_F(OciRunnerTest, MissingProgramIsNotFound) {
  ContainerSpec spec = Shell("");
  spec.args = {"/nonexistent"};
  const auto absolute = Run(spec);
  EXPECT_EQ(absolute.code(), Code::kNotFound);
  EXPECT_THAT(absolute.status().message(), HasSubstr("/nonexistent"));
  spec.args = {"nonexistent"};
  EXPECT_EQ(Run(spec).code(), Code::kNotFound);
  EXPECT_EQ(err(), "");  // the runtime's words are in the error only
}

TEST_F(OciRunnerTest, ProgramIsLookedUpInThePathOfItsEnvironment) {
  ContainerSpec spec = Shell("");
  spec.args = {"pwd"};
  EXPECT_EQ(Output(spec), "/\n");
  spec.env = {"PATH=/sbin"};
  EXPECT_EQ(Run(spec).code(), Code::kNotFound);
}

TEST_F(OciRunnerTest, EnvironmentIsWhatIsGivenAndHome) {
  ContainerSpec spec = Shell("");
  spec.args = {"/bin/env"};
  spec.env = {"PATH=/bin", "A=b c", "LATIN=\xe9t\xe9"};
  const std::string text = Output(spec);
  EXPECT_THAT(text, HasSubstr("A=b c\n"));
  EXPECT_THAT(text, HasSubstr("HOME=/root\n"));
  EXPECT_THAT(text, Not(HasSubstr("container=")));
}

TEST_F(OciRunnerTest, UserGroupsAndUmask) {
  ContainerSpec spec = Shell("id -u; id -g; id -G; umask; grep CapEff /proc/self/status");
  spec.user = {.uid = 1234, .gid = 55, .additional_gids = {7, 8}};
  EXPECT_EQ(Output(spec), "1234\n55\n55 7 8\n0022\nCapEff:\t0000000000000000\n");
}

TEST_F(OciRunnerTest, SandboxHasDockersCapabilities) {
  EXPECT_EQ(Output(Shell("grep CapEff /proc/self/status")), "CapEff:\t00000000a80425fb\n");
}

TEST_F(OciRunnerTest, ForbiddenCallsAreRefused) {
  EXPECT_NE(Run(Shell("unshare -m true")).value().exit.code, 0);
  EXPECT_NE(Run(Shell("mount -t tmpfs t /tmp")).value().exit.code, 0);
  EXPECT_EQ(Output(Shell("grep -E '^Seccomp:' /proc/self/status")), "Seccomp:\t2\n");
}

TEST_F(OciRunnerTest, SystemPathsAreReadOnlyOrHidden) {
  EXPECT_NE(Run(Shell("echo 1 > /proc/sys/kernel/sysrq")).value().exit.code, 0);
  EXPECT_NE(Run(Shell("cd /sys/fs/cgroup; [ -d pids ] && cd pids; mkdir x")).value().exit.code, 0);
  EXPECT_EQ(Output(Shell("cat /proc/keys; ls /sys/firmware")), "");
}

TEST_F(OciRunnerTest, InsecureMayMount) {
  ContainerSpec spec = Shell("mount -t tmpfs t /tmp && grep -E '^Seccomp:' /proc/self/status");
  spec.security = SecurityMode::kInsecure;
  EXPECT_EQ(Output(spec), "Seccomp:\t0\n");
}

TEST_F(OciRunnerTest, InsecureHasLoopDevices) {
  if (!fs::Exists("/dev/loop-control")) GTEST_SKIP() << "needs loop devices";
  ContainerSpec spec = Shell("ls /dev/loop-control /dev/loop0");
  EXPECT_NE(Run(spec).value().exit.code, 0);
  spec.security = SecurityMode::kInsecure;
  Output(spec);
}

TEST_F(OciRunnerTest, DevicesCanBeMadeButNotOpened) {
  EXPECT_EQ(Run(Shell("mknod /tmp/loop b 7 9 && mknod /tmp/null c 1 3 && chmod 640 /tmp/null")).value().exit.code, 0);
  struct stat st {};
  ASSERT_EQ(::stat(InRoot("tmp/loop").c_str(), &st), 0);
  EXPECT_TRUE(S_ISBLK(st.st_mode));
  EXPECT_EQ(st.st_rdev, makedev(7, 9));
  if (runner_->probe().runtime.cgroups.mode == CgroupMode::kNone) GTEST_SKIP() << "no device cgroup here";
  EXPECT_NE(Run(Shell("dd if=/tmp/loop of=/dev/null count=1")).value().exit.code, 0);
}

TEST_F(OciRunnerTest, SetuidProgramsOfTheImageWork) {
  ASSERT_EQ(Run(Shell("cat /bin/busybox > /bin/suid && chmod 4755 /bin/suid")).value().exit.code, 0);
  ContainerSpec spec = Shell("");
  spec.args = {"/bin/grep", "NoNewPrivs", "/proc/self/status"};
  spec.user.uid = 1000;
  EXPECT_EQ(Output(spec), "NoNewPrivs:\t0\n");
}

TEST_F(OciRunnerTest, HostnameIsSetAndResolvable) {
  ContainerSpec spec = Shell("hostname; cat /etc/hosts");
  spec.extra_hosts = {{"10.9.8.7", "somehost"}};
  const std::string text = Output(spec);
  EXPECT_TRUE(text.starts_with("buildkitsandbox\n127.0.0.1\tlocalhost buildkitsandbox\n")) << text;
  EXPECT_THAT(text, HasSubstr("10.9.8.7\tsomehost\n"));
}

TEST_F(OciRunnerTest, FilesOfEtcAreNotTheStepsToWrite) {
  EXPECT_NE(Run(Shell("echo 1.2.3.4 x >> /etc/hosts")).value().exit.code, 0);
}

TEST_F(OciRunnerTest, MountPointsDoNotStay) {
  ContainerSpec spec = Shell("ls -d /new/deep /t");
  spec.mounts = {{.source = "/proc", .destination = "/new/deep", .read_only = true},
                 {.type = Mount::Type::kTmpfs, .destination = "/t"}};
  Output(spec);
  EXPECT_EQ(fs::ListDir(rootfs_).value(), (std::vector<std::string>{"bin", "dev", "etc", "proc", "sys", "tmp"}));
  EXPECT_EQ(fs::ListDir(InRoot("etc")).value(), std::vector<std::string>{"passwd"});
}

TEST_F(OciRunnerTest, ImageWithoutSystemFoldersGetsThem) {
  for (const char* name : {"proc", "sys", "dev", "etc"}) ASSERT_TRUE(fs::RemoveAll(InRoot(name)).ok());
  Output(Shell("ls /proc/self > /dev/null"));
  EXPECT_EQ(fs::ListDir(rootfs_).value(), (std::vector<std::string>{"bin", "dev", "proc", "sys", "tmp"}));
}

TEST_F(OciRunnerTest, ImageWithoutDevHasAPlainOneAfterwards) {
  ASSERT_TRUE(fs::RemoveAll(InRoot("dev")).ok());
  Output(Shell("true"));
  struct stat st {};
  ASSERT_EQ(::stat(InRoot("dev").c_str(), &st), 0);
  EXPECT_EQ(st.st_mode, S_IFDIR | 0755U);
}

TEST_F(OciRunnerTest, BindMounts) {
  const std::string shared = fs::Join(dir_.path(), "shared");
  ASSERT_TRUE(fs::MakeDirs(shared).ok());
  ASSERT_TRUE(fs::WriteFileAtomic(fs::Join(shared, "f"), "content").ok());
  ContainerSpec spec = Shell("cat /m/f /one/file; echo x > /m/made; echo x > /one/file && echo written");
  spec.mounts = {{.source = shared, .destination = "/m"},
                 {.source = fs::Join(shared, "f"), .destination = "/one/file", .read_only = true}};
  EXPECT_NE(Run(spec).value().exit.code, 0);
  EXPECT_EQ(out(), "contentcontent");
  EXPECT_TRUE(fs::Exists(fs::Join(shared, "made")));
}

TEST_F(OciRunnerTest, TmpfsSizeModeAndOwner) {
  ContainerSpec spec = Shell("df -k /t | awk 'NR==2{print $2}'; stat -c '%a %u %g' /t /u");
  spec.mounts = {
      {.type = Mount::Type::kTmpfs, .destination = "/t", .size_bytes = 1 << 20, .mode = 0750, .uid = 3, .gid = 4},
      {.type = Mount::Type::kTmpfs, .destination = "/u"}};
  EXPECT_EQ(Output(spec), "1024\n750 3 4\n1777 0 0\n");
}

TEST_F(OciRunnerTest, NestedMounts) {
  const std::string outer = fs::Join(dir_.path(), "outer");
  ASSERT_TRUE(fs::MakeDirs(fs::Join(outer, "d")).ok());
  ContainerSpec spec = Shell("touch /c/d/x && ls /c/d");
  spec.mounts = {{.source = outer, .destination = "/c", .read_only = true},
                 {.type = Mount::Type::kTmpfs, .destination = "/c/d"}};
  EXPECT_EQ(Output(spec), "x\n");
  EXPECT_FALSE(fs::Exists(InRoot("c")));
}

TEST_F(OciRunnerTest, ReadOnlyRoot) {
  ContainerSpec spec = Shell("touch /x");
  spec.read_only = true;
  EXPECT_NE(Run(spec).value().exit.code, 0);
}

TEST_F(OciRunnerTest, MissingWorkingDirectoryIsMadeForTheUser) {
  ContainerSpec spec = Shell("pwd; stat -c '%u %g %a' .");
  spec.cwd = "/w/deep/";
  spec.user = {.uid = 12, .gid = 13};
  EXPECT_EQ(Output(spec), "/w/deep\n12 13 755\n");
  EXPECT_TRUE(fs::Exists(InRoot("w/deep")));
}

TEST_F(OciRunnerTest, ShmSize) {
  ContainerSpec spec = Shell("df -k /dev/shm | awk 'NR==2{print $2}'");
  EXPECT_EQ(Output(spec), "65536\n");
  spec.shm_size_bytes = 32U << 20;
  EXPECT_EQ(Output(spec), "32768\n");
}

TEST_F(OciRunnerTest, Ulimits) {
  ContainerSpec spec = Shell("ulimit -n; ulimit -Hn");
  spec.ulimits = {{.name = "nofile", .soft = 1062, .hard = 1063}};
  EXPECT_EQ(Output(spec), "1062\n1063\n");
}

TEST_F(OciRunnerTest, NetworkNoneHasLoopbackOnly) {
  ContainerSpec spec = Shell("grep -c : /proc/net/dev; ping -c1 -W2 127.0.0.1 > /dev/null && echo up");
  spec.network = NetworkMode::kNone;
  EXPECT_EQ(Output(spec), "1\nup\n");
}

TEST_F(OciRunnerTest, NetworkHostIsTheHosts) {
  ContainerSpec spec = Shell("stat -L -c %i /proc/self/ns/net");
  spec.network = NetworkMode::kHost;
  struct stat st {};
  ASSERT_EQ(::stat("/proc/self/ns/net", &st), 0);
  EXPECT_EQ(Output(spec), fmt::format("{}\n", st.st_ino));
}

TEST_F(OciRunnerTest, ProcessLimit) {
  Start(Options());
  if (!runner_->probe().runtime.cgroups.Has("pids")) GTEST_SKIP() << "needs the pids controller";
  ContainerSpec spec = Shell("for i in 1 2 3 4 5 6 7 8 9; do sleep 1 & done; wait");
  EXPECT_EQ(Run(spec).value().exit.code, 0);
  spec.limits.pids = 5;
  EXPECT_NE(Run(spec).value().exit.code, 0);
}

TEST_F(OciRunnerTest, OutOfMemoryIsTold) {
  Start(Options());
  const RuntimeProbe& probe = runner_->probe();
  const OciRuntime& runtime = probe.keeping ? *probe.keeping : probe.runtime;
  if (!runtime.cgroups.Has("memory") || !runtime.can_keep)
    GTEST_SKIP() << "needs the memory controller and 'run --keep'";
  ContainerSpec spec = Shell("x=y; while :; do x=$x$x; done");
  spec.limits = {.memory_bytes = 32U << 20, .memory_swap_bytes = 32U << 20};
  const auto result = Run(spec);
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  EXPECT_TRUE(result->oom_killed);
  EXPECT_EQ(result->exit.code, 137);
  EXPECT_FALSE(Run(Shell("exit 1")).value().oom_killed);
  // What was kept to look at is gone.
  EXPECT_TRUE(fs::ListDir(fs::Join(dir_.path(), "run/state/" + runtime.name)).value().empty());
}

TEST_F(OciRunnerTest, NothingIsLeftOfABundle) {
  Output(Shell("true"));
  EXPECT_TRUE(fs::ListDir(fs::Join(dir_.path(), "run/containers")).value().empty());
  EXPECT_TRUE(fs::ListDir(fs::Join(dir_.path(), "run/state/" + runner_->probe().runtime.name)).value().empty());
}

TEST_F(OciRunnerTest, ManyAtOnce) {
  // One root for all of them, so none may take the mount points away.
  for (const char* path : {"etc/hosts", "etc/resolv.conf"}) ASSERT_TRUE(fs::WriteFileAtomic(InRoot(path), "").ok());
  Start(Options());
  std::vector<std::thread> threads;
  std::atomic<int> good = 0;
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([this, i, &good] {
      const auto result =
          runner_->Run(Context::Background(), Shell(fmt::format("exit {}", i)), [](Stream, std::string_view) {});
      EXPECT_TRUE(result.ok()) << result.status().ToString();
      if (result.ok() && result->exit.code == i) ++good;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(good, 6);
}

TEST_F(OciRunnerTest, TwoDaemonsCannotShareARunRoot) {
  Start(Options());
  EXPECT_EQ(OciRunner::Make(Context::Background(), Options()).code(), Code::kFailedPrecondition);
}

// A host without cgroups, in a process of its own; true if a container could be run there without limits.
bool RunsWithoutCgroups(const std::string& scratch) {
  if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return false;
  if (::umount2("/sys/fs/cgroup", MNT_DETACH) != 0) return false;
  const auto probe = ProbeRuntime(Context::Background(), {"crun", "runc"}, scratch, "/slipway/test-without");
  if (!probe.ok()) std::fprintf(stderr, "%s\n", probe.status().message().c_str());
  return probe.ok() && probe->runtime.cgroups.mode == CgroupMode::kNone;
}

TEST(ProbeRuntime, WorksWithoutCgroups) {
  if (!WhyNoContainers().empty()) GTEST_SKIP() << WhyNoContainers();
  const auto dir = fs::TempDir::Make().value();
  const pid_t pid = ::fork();
  ASSERT_GE(pid, 0);
  if (pid == 0) ::_exit(RunsWithoutCgroups(dir.path()) ? 0 : 1);
  int status = 0;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_EQ(status, 0);
}

TEST(ProbeRuntime, SaysWhyEachWasRefused) {
  if (!WhyNoContainers().empty()) GTEST_SKIP() << WhyNoContainers();
  const auto dir = fs::TempDir::Make().value();
  const auto none =
      ProbeRuntime(Context::Background(), {"/nonexistent/crun", "/bin/false"}, dir.path(), "/slipway/test-none");
  EXPECT_EQ(none.code(), Code::kFailedPrecondition);
  EXPECT_THAT(none.status().message(), HasSubstr("/nonexistent/crun: not installed"));
  EXPECT_THAT(none.status().message(), HasSubstr("/bin/false"));
  const auto found =
      ProbeRuntime(Context::Background(), {"/nonexistent/crun", "crun", "runc"}, dir.path(), "/slipway/test-found");
  ASSERT_TRUE(found.ok());
  EXPECT_THAT(found->ToString(), HasSubstr("/nonexistent/crun refused: not installed"));
}

}  // namespace
}  // namespace slipway::runtime
