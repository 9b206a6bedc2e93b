#include "executor/base/process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>

#include <thread>

#include "executor/base/cleanup.h"
#include "executor/base/fs.h"

namespace slipway {
namespace {

using std::chrono::milliseconds;

const Context kBackground = Context::Background();

Result<RunOutput> Shell(const std::string& script, std::string_view input = {}, size_t limit = 1U << 20) {
  return RunProgram(kBackground, {.argv = {"sh", "-c", script}}, input, limit);
}

// Waits until `done` holds; false after ten seconds.
bool Eventually(const std::function<bool()>& done) {
  for (int i = 0; i < 1000; ++i) {
    if (done()) return true;
    std::this_thread::sleep_for(milliseconds(10));
  }
  return false;
}

bool IsGone(pid_t pid) {
  // A zombie whose parent is init answers to kill, so ask for its state.
  auto stat = fs::ReadFile(fmt::format("/proc/{}/stat", pid));
  return !stat.ok() || stat->find(") Z") != std::string::npos;
}

TEST(RunProgram, GivesOutputAndExitCode) {
  const RunOutput run = *Shell("echo out; echo err >&2; exit 3");
  EXPECT_EQ(run.out, "out\n");
  EXPECT_EQ(run.err, "err\n");
  EXPECT_EQ(run.exit.ToString(), "exit code 3");
  EXPECT_FALSE(run.exit.ok());
}

TEST(RunProgram, SaysWhichSignalEndedIt) {
  const ExitStatus exit = Shell("kill -9 $$")->exit;
  EXPECT_EQ(exit.code, 137);
  EXPECT_EQ(exit.ToString(), "signal 9 (Killed)");
}

TEST(RunProgram, InputAndOutputMayBothBeLarge) {
  const std::string input(4U << 20, 'i');
  const RunOutput run = *RunProgram(kBackground, {.argv = {"cat"}}, input, input.size());
  EXPECT_TRUE(run.out == input);
}

TEST(RunProgram, KeepsTheFirstBytesAndDrainsTheRest) {
  const RunOutput run = *Shell("head -c 3000000 /dev/zero", {}, 10);
  EXPECT_EQ(run.out.size(), 10U);
  EXPECT_TRUE(run.exit.ok());
}

TEST(RunProgram, InputThatNobodyReadsIsNoError) { EXPECT_TRUE(Shell("exit 0", std::string(1U << 20, 'x'))->exit.ok()); }

TEST(RunProgram, InputArrivesEvenIfTheOutputWasClosedFirst) {
  fs::TempDir dir = *fs::TempDir::Make();
  const std::string copy = fs::Join(dir.path(), "copy");
  const Context ctx = kBackground.WithTimeout(std::chrono::seconds(20), "copy of the input");
  const std::string input(1U << 20, 'x');
  const auto run = RunProgram(ctx, {.argv = {"sh", "-c", "exec >&- 2>&-; cat > " + copy}}, input);
  ASSERT_TRUE(run.ok()) << run.status().message();
  EXPECT_TRUE(*fs::ReadFile(copy) == input);
}

TEST(RunProgram, CancelEndsIt) {
  const Context ctx = kBackground.Child();
  std::thread canceller([&ctx] { ctx.Cancel(Cancelled("user")); });
  EXPECT_EQ(RunProgram(ctx, {.argv = {"sleep", "1000"}}).status().ToString(), "CANCELLED: user");
  canceller.join();
}

TEST(ChildProcess, AMissingProgramIsNotFound) {
  EXPECT_EQ(ChildProcess::Spawn({.argv = {"no-such-program-anywhere"}}).code(), Code::kNotFound);
  EXPECT_EQ(ChildProcess::Spawn({.argv = {"/no/such/program"}}).code(), Code::kNotFound);
  EXPECT_EQ(ChildProcess::Spawn({.argv = {"/etc/passwd"}}).code(), Code::kPermissionDenied);
}

TEST(ChildProcess, AFileThatIsOpenIsExecutedUnderTheNameGiven) {
  const UniqueFd shell(::open("/bin/sh", O_RDONLY | O_CLOEXEC));
  // Its number may be one that the child is to have.
  const UniqueFd low(::dup2(shell.get(), 3));
  for (const int fd : {shell.get(), 3}) {
    const RunOutput run = *RunProgram(
        kBackground,
        {.argv = {"no-such-name", "-c", "echo $0; ls /proc/$$/fd"}, .program_fd = fd, .extra_fds = {shell.get()}});
    EXPECT_EQ(run.out, "no-such-name\n0\n1\n2\n3\n");
  }
}

TEST(ChildProcess, AMissingFolderIsAnError) {
  EXPECT_EQ(ChildProcess::Spawn({.argv = {"true"}, .cwd = "/no/such/folder"}).code(), Code::kNotFound);
}

TEST(ChildProcess, EnvironmentAndFolderAreAsAsked) {
  const RunOutput run = *RunProgram(
      kBackground, {.argv = {"/bin/sh", "-c", "echo $A; echo ${HOME-none}; pwd"}, .env = {{{"A", "1"}}}, .cwd = "/"});
  EXPECT_EQ(run.out, "1\nnone\n/\n");
}

TEST(ChildProcess, AHiddenMountIsSeenByUsOnly) {
  const fs::TempDir dir = *fs::TempDir::Make(::testing::TempDir());
  if (::mount("none", dir.path().c_str(), "tmpfs", 0, nullptr) != 0) GTEST_SKIP() << "needs the right to mount";
  const Cleanup unmount([&dir] { ::umount(dir.path().c_str()); });
  const std::string file = fs::Join(dir.path(), "in-the-mount");
  ASSERT_TRUE(fs::WriteFileAtomic(file, "").ok());

  const auto without = RunProgram(kBackground, {.argv = {"ls", dir.path()}, .hidden_mount = dir.path()});
  ASSERT_TRUE(without.ok()) << without.status().ToString();
  EXPECT_EQ(without->out, "");
  EXPECT_TRUE(without->exit.ok()) << without->err;
  EXPECT_TRUE(fs::Exists(file));
}

TEST(ChildProcess, AHiddenMountThatIsNoneIsAnError) {
  const fs::TempDir dir = *fs::TempDir::Make(::testing::TempDir());
  const auto run = RunProgram(kBackground, {.argv = {"true"}, .hidden_mount = dir.path()});
  EXPECT_FALSE(run.ok());
}

TEST(ChildProcess, AHandlerOfOursIsNotTheChilds) {
  struct sigaction ours {};
  ours.sa_handler = [](int) {};
  struct sigaction before {};
  ASSERT_EQ(::sigaction(SIGUSR1, &ours, &before), 0);
  const Cleanup restore([&before] { ::sigaction(SIGUSR1, &before, nullptr); });
  const RunOutput run = *Shell("kill -USR1 $$; echo survived");
  EXPECT_EQ(run.exit.signal, SIGUSR1);
  sigset_t blocked;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
  EXPECT_EQ(::sigismember(&blocked, SIGUSR1), 0);
}

TEST(ChildProcess, OnlyNamedDescriptorsArePassedOn) {
  std::array<int, 2> fds{};
  ASSERT_EQ(::pipe2(fds.data(), O_CLOEXEC), 0);
  UniqueFd in(fds[0]), out(fds[1]);
  ChildProcess child =
      *ChildProcess::Spawn({.argv = {"sh", "-c", "echo hello >&3; ls /proc/self/fd >&3"}, .extra_fds = {out.get()}});
  out.Reset();
  EXPECT_TRUE(child.Wait(kBackground)->ok());
  std::string text(1000, '\0');
  text.resize(*fs::ReadFull(in.get(), text));
  // 0 to 3, and the folder that ls reads.
  EXPECT_EQ(text, "hello\n0\n1\n2\n3\n4\n");
}

TEST(ChildProcess, TermAndThenKillOnCancel) {
  fs::TempDir dir = *fs::TempDir::Make();
  const std::string ready = fs::Join(dir.path(), "ready");
  ChildProcess child =
      *ChildProcess::Spawn({.argv = {"sh", "-c", "trap '' TERM; : > " + ready + "; while :; do sleep 1; done"}});
  ASSERT_TRUE(Eventually([&] { return fs::Exists(ready); }));
  const Context ctx = kBackground.Child();
  ctx.Cancel(Cancelled("user"));
  EXPECT_EQ(child.Wait(ctx, milliseconds(50)).code(), Code::kCancelled);
}

TEST(ChildProcess, CancelEndsTheWholeGroupEvenIfItsLeaderGoesFirst) {
  fs::TempDir dir = *fs::TempDir::Make();
  const std::string pids = fs::Join(dir.path(), "pids");
  ChildProcess child = *ChildProcess::Spawn(
      {.argv = {
           "sh", "-c",
           fmt::format("(trap '' TERM; while :; do sleep 1; done) & echo $! > {0}.new; mv {0}.new {0}; wait", pids)}});
  ASSERT_TRUE(Eventually([&] { return fs::Exists(pids); }));
  const Context ctx = kBackground.Child();
  ctx.Cancel(Cancelled("user"));
  EXPECT_EQ(child.Wait(ctx, milliseconds(50)).status().ToString(), "CANCELLED: user");
  const pid_t grandchild = std::stoi(*fs::ReadFile(pids));
  EXPECT_TRUE(Eventually([&] { return IsGone(grandchild); }));
  ::kill(grandchild, SIGKILL);
}

TEST(ChildProcess, ADeadlineEndsIt) {
  ChildProcess child = *ChildProcess::Spawn({.argv = {"sleep", "1000"}});
  const Context ctx = kBackground.WithTimeout(milliseconds(20), "sleep");
  EXPECT_EQ(child.Wait(ctx).code(), Code::kDeadlineExceeded);
}

TEST(ChildProcess, IsKilledAndReapedWhenDestroyed) {
  pid_t pid = 0;
  {
    ChildProcess child = *ChildProcess::Spawn({.argv = {"sleep", "1000"}});
    pid = child.pid();
    ChildProcess moved = std::move(child);
    EXPECT_EQ(::kill(pid, 0), 0);
  }
  EXPECT_EQ(::kill(pid, 0), -1);
}

TEST(ChildProcess, KillFromAnotherThreadEndsTheWait) {
  ChildProcess child = *ChildProcess::Spawn({.argv = {"sleep", "1000"}});
  std::thread killer([&child] { child.Kill(SIGKILL); });
  EXPECT_EQ(child.Wait(kBackground)->signal, SIGKILL);
  killer.join();
  child.Kill(SIGKILL);  // too late, and nobody else is hit
  EXPECT_EQ(child.Wait(kBackground).code(), Code::kInternal);
}

}  // namespace
}  // namespace slipway
