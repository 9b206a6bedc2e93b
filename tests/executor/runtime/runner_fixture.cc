#include "tests/executor/runtime/runner_fixture.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>

namespace slipway::runtime {

namespace {

constexpr const char* kBusybox = "/bin/busybox";

std::string FindOutWhyNot() {
  if (::geteuid() != 0) return "needs root";
  if (::access(kBusybox, X_OK) != 0) return "needs /bin/busybox (package busybox-static)";
  auto dir = fs::TempDir::Make();
  if (!dir.ok()) return dir.status().message();
  const auto probe = ProbeRuntime(Context::Background(), {"crun", "runc"}, dir->path(), "/slipway/test-probe");
  return probe.ok() ? "" : probe.status().message();
}

}  // namespace

const std::string& WhyNoContainers() {
  static const std::string kReason = FindOutWhyNot();
  return kReason;
}

void RunnerFixture::SetUp() {
  if (!WhyNoContainers().empty()) GTEST_SKIP() << WhyNoContainers();
  // A program that is gone must not take the test with it.
  ::signal(SIGPIPE, SIG_IGN);
  dir_ = fs::TempDir::Make("", "slipway-runtime-").value();
  ASSERT_EQ(::chmod(dir_.path().c_str(), 0755), 0);
  rootfs_ = fs::Join(dir_.path(), "rootfs");
  daemon_id_ = fmt::format("test-{}", fs::BaseName(dir_.path()).substr(sizeof("slipway-runtime-") - 1));
  for (const char* folder : {"bin", "etc", "tmp", "proc", "sys", "dev"}) ASSERT_TRUE(fs::MakeDirs(InRoot(folder)).ok());
  ASSERT_EQ(::chmod(InRoot("tmp").c_str(), 01777), 0);
  const std::string program = fs::ReadFile(kBusybox).value();
  ASSERT_TRUE(fs::WriteFileAtomic(InRoot("bin/busybox"), program, 0755).ok());
  for (const char* name : {"sh",    "cat",   "ls",   "sleep", "true", "id",  "mount",    "unshare", "stat", "touch",
                           "mkdir", "mknod", "grep", "wget",  "head", "seq", "hostname", "df",      "awk",  "kill",
                           "dd",    "chmod", "rm",   "env",   "pwd",  "ip",  "nc",       "ping",    "su"}) {
    ASSERT_EQ(::symlink("busybox", InRoot(fmt::format("bin/{}", name)).c_str()), 0);
  }
  ASSERT_TRUE(fs::WriteFileAtomic(InRoot("etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n").ok());
}

RunnerOptions RunnerFixture::Options() const {
  RunnerOptions options{.daemon_id = daemon_id_, .run_root = fs::Join(dir_.path(), "run")};
  options.default_network = NetworkMode::kNone;
  options.subnet_locks = "/tmp/slipway-test-subnets";
  options.subnet_pool = "10.213.0.0/16";
  return options;
}

void RunnerFixture::Start(const RunnerOptions& options) {
  auto runner = OciRunner::Make(Context::Background(), options);
  ASSERT_TRUE(runner.ok()) << runner.status().ToString();
  runner_ = std::move(runner).value();
}

ContainerSpec RunnerFixture::Shell(const std::string& script) const {
  return {.rootfs = rootfs_, .args = {"/bin/sh", "-c", script}, .env = {"PATH=/usr/bin:/bin"}};
}

Result<ContainerExit> RunnerFixture::Run(const ContainerSpec& spec, const Context& ctx) {
  if (!runner_) Start(Options());
  if (!runner_) return Internal("no runner");
  out_.Lock()->clear();
  err_.Lock()->clear();
  return runner_->Run(ctx, spec, [this](Stream stream, std::string_view bytes) {
    (stream == Stream::kStdout ? out_ : err_).Lock()->append(bytes);
  });
}

std::string RunnerFixture::Output(const ContainerSpec& spec) {
  const auto result = Run(spec);
  EXPECT_TRUE(result.ok()) << result.status().ToString();
  if (result.ok()) {
    EXPECT_TRUE(result->exit.ok()) << result->exit.ToString() << ": " << err();
  }
  return out();
}

bool Eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    ::usleep(5000);
  }
  return true;
}

std::vector<pid_t> ProcessesWith(const std::string& word) {
  std::vector<pid_t> found;
  for (const std::string& name : fs::ListDir("/proc").ValueOr({})) {
    pid_t pid = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error != std::errc() || end != name.data() + name.size() || pid == ::getpid()) continue;
    const std::string command = fs::ReadFile(fs::Join(fs::Join("/proc", name), "cmdline")).ValueOr("");
    if (command.find(word) != std::string::npos) found.push_back(pid);
  }
  return found;
}

}  // namespace slipway::runtime
