// Tasks run by the engine with the real builder, runtime, networks and a registry: what a person's task file comes to
// below the daemon. Needs root, busybox and an OCI runtime.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "executor/base/digest.h"
#include "executor/base/fs.h"
#include "executor/base/guarded.h"
#include "executor/builder/builder.h"
#include "executor/builder/workbench.h"
#include "executor/tree/entry.h"
#include "steps/engine/engine.h"
#include "tests/testing/registry_server.h"

namespace slipway::engine {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

/// What is said, with the step before each piece of output.
class Listener : public Observer {
 public:
  void OnEvent(const ProgressEvent&) override {}
  void OnStepStarted(const task::Step&) override {}
  void OnStepFinished(const task::Step&, const StepResult&) override {}
  void OnStepEvent(const task::Step& step, const ProgressEvent& event) override {
    if (event.kind == ProgressEvent::Kind::kLog) text_.Lock()->append(step.id + "> " + event.text);
    if (event.kind == ProgressEvent::Kind::kNote) text_.Lock()->append(step.id + ": " + event.text + "\n");
  }
  std::string text() { return *text_.Lock(); }
  bool WaitSays(const std::string& what) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (text().find(what) == std::string::npos) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      ::usleep(5000);
    }
    return true;
  }

 private:
  Guarded<std::string> text_;
};

bool Running(const std::string& word) {
  for (const std::string& name : fs::ListDir("/proc").ValueOr({})) {
    if (name.find_first_not_of("0123456789") != std::string::npos || name == std::to_string(::getpid())) continue;
    std::string command = fs::ReadFile(fmt::format("/proc/{}/cmdline", name)).ValueOr("");
    std::replace(command.begin(), command.end(), '\0', ' ');
    if (command.find(word) != std::string::npos) return true;
  }
  return false;
}

class TaskRunTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    if (::access("/bin/busybox", X_OK) != 0) GTEST_SKIP() << "needs /bin/busybox (package busybox-static)";
    if (const std::string why = testing::RegistryServer::WhyUnavailable(); !why.empty()) GTEST_SKIP() << why;
    ::signal(SIGPIPE, SIG_IGN);
    dir_ = fs::TempDir::Make("", "slipway-task-").value();
    ASSERT_EQ(::chmod(dir_.path().c_str(), 0755), 0);
    registry_ = testing::RegistryServer::Start().value();
    builder_options_.root = fs::Join(dir_.path(), "state");
  }
  void TearDown() override { lease_ = content::Lease(); }

  void OpenBuilder() {
    auto builder = builder::Builder::Open(builder_options_);
    if (!builder.ok()) GTEST_SKIP() << builder.status().message();
    builder_ = std::move(builder).value();
    lease_ = builder_->store().NewLease("test").value();
  }
  // Where steps run: pushed by a run of its own, as a task's images usually come from elsewhere.
  void PushBox() {
    task::Task task;
    task::Step build = Build("build", "box:v1", "");
    auto& request = std::get<task::BuildStep>(build.what).request;
    request.context = Upload({File("busybox", fs::ReadFile("/bin/busybox").value(), 0755)});
    request.dockerfile_text =
        "FROM scratch\nCOPY busybox /bin/busybox\nRUN [\"/bin/busybox\", \"--install\", \"-s\", \"/bin\"]\n";
    std::get<task::BuildStep>(build.what).context_folder.clear();
    task.steps = {build, Push("push", {"box:v1"}, {"build"})};
    const Outcome outcome = engine::Run(Context::Background(), task, *builder_, listener_);
    ASSERT_TRUE(outcome.status.ok()) << outcome.status.message();
  }

  oci::Reference Name(const std::string& name) const {
    return oci::Reference::Parse(registry_->host() + "/" + name).value();
  }
  Digest Put(const std::string& bytes) {
    const auto batch = builder_->store().BeginBatch().value();
    const Digest digest = batch->Add(bytes).value();
    EXPECT_TRUE(batch->Commit(&lease_).ok());
    return digest;
  }
  tree::Entry File(const std::string& path, const std::string& bytes, uint32_t mode = 0644) {
    tree::Entry entry;
    entry.path = path;
    entry.mode = mode;
    entry.size = bytes.size();
    entry.digest = Put(bytes);
    return entry;
  }
  source::ContextSpec Upload(std::vector<tree::Entry> entries) {
    return source::UploadedContext{.tree = Put(tree::Encode(tree::Tree(std::move(entries))))};
  }

  task::Step Cmd(const std::string& id, const std::string& script, std::vector<std::string> when = {},
                 const std::string& image = "box:v1") const {
    task::CmdStep cmd;
    cmd.image = image;
    cmd.local_name = cmd.remote_name = Name(image);
    cmd.arguments = {"/bin/sh", "-c", script};
    task::Step step;
    step.id = id;
    step.when = std::move(when);
    step.what = std::move(cmd);
    step.network = "net";
    return step;
  }
  task::Step Service(const std::string& id, const std::string& script, std::vector<std::string> when = {},
                     const std::string& image = "box:v1") const {
    task::Step step = Cmd(id, script, std::move(when), image);
    std::get<task::CmdStep>(step.what).detach = true;
    return step;
  }
  task::Step Build(const std::string& id, const std::string& image, const std::string& dockerfile,
                   std::vector<std::string> when = {}) const {
    task::BuildStep build;
    build.request.names = {Name(image)};
    build.context_folder = "/workspace";
    build.dockerfile = "/workspace/" + dockerfile;
    task::Step step;
    step.id = id;
    step.when = std::move(when);
    step.what = std::move(build);
    return step;
  }
  task::Step Push(const std::string& id, const std::vector<std::string>& images, std::vector<std::string> when) const {
    task::PushStep push;
    for (const std::string& image : images) push.names.push_back(Name(image));
    task::Step step;
    step.id = id;
    step.when = std::move(when);
    step.what = std::move(push);
    return step;
  }

  Outcome Run(const task::Task& task, source::ContextSpec context = source::NoContext(),
              const Context& ctx = Context::Background()) {
    options_.source.name = "ca1";
    options_.source.context = std::move(context);
    return engine::Run(ctx, task, *builder_, listener_, options_);
  }
  task::Task Make(std::vector<task::Step> steps) const {
    task::Task task;
    task.steps = std::move(steps);
    task.networks = {{.name = "net", .driver = "", .position = {}}};
    return task;
  }
  bool HasTag(const std::string& repository) const {
    return fs::Exists(
        fs::Join(registry_->storage(), "docker/registry/v2/repositories/" + repository + "/_manifests/tags"));
  }
  void ExpectNothingLeft() const {
    const std::string daemon = Digest::Of(builder_options_.root).Short();
    std::string mounts;
    const std::string table = fs::ReadFile("/proc/self/mountinfo").ValueOr("");
    for (size_t at = 0; at < table.size();) {
      const size_t end = std::min(table.find('\n', at), table.size());
      const std::string line = table.substr(at, end - at);
      at = end + 1;
      // The snapshots' own mount, in which all others are, stays as long as the builder.
      const bool own = line.find("/snapshots/active ") != std::string::npos;
      if (!own && (line.find(builder_options_.root) != std::string::npos ||
                   line.find("/run/slipway/" + daemon) != std::string::npos)) {
        mounts += line + "\n";
      }
    }
    EXPECT_EQ(mounts, "");
    EXPECT_TRUE(fs::ListDir(fs::Join(builder_options_.root, "runs")).ValueOr({}).empty());
    EXPECT_TRUE(fs::ListDir(fmt::format("/run/slipway/{}/containers", daemon)).ValueOr({}).empty());
    const std::string prefix = "slw" + Digest::Of(daemon).hex().substr(0, 8);
    for (const std::string& device : fs::ListDir("/sys/class/net").ValueOr({})) {
      EXPECT_FALSE(device.starts_with(prefix) && device != prefix) << device;
    }
  }

  // Builds app and tests, starts services, tests them by name, pushes only if green, then tells.
  std::pair<task::Task, source::ContextSpec> Twelve(const std::string& verdict) {
    const std::string wait =
        "for i in $(seq 100); do nc -w 2 $1 $2 </dev/null | grep $3 && exit; sleep 0.1; done; exit 1";
    source::ContextSpec context =
        Upload({File("app.Dockerfile", "FROM " + registry_->host() +
                                           "/box:v1\nRUN echo 'while true; do echo row | nc -l -p "
                                           "8080; done' > /serve\n"),
                File("tests.Dockerfile", "FROM " + registry_->host() + "/box:v1\nCOPY test /test\n"),
                File("report.Dockerfile", "FROM scratch\nCOPY report /report\n"), File("test", wait)});
    task::Step notify = Cmd("notify", "echo notified", {"push"});
    notify.run_on = task::RunOn::kAlways;
    return {Make({Build("build-app", "app:v1", "app.Dockerfile"), Build("build-tests", "tests:v1", "tests.Dockerfile"),
                  Cmd("lint", "test -f test && echo lint is fine"),
                  Service("db", "while true; do echo stored | nc -l -p 5432; done"),
                  Service("app", "sh /serve", {"build-app", "db"}, "app:v1"),
                  Cmd("db-answers", "sh /test db 5432 stored", {"build-tests", "db"}, "tests:v1"),
                  Cmd("app-answers", "sh /test app 8080 row", {"build-tests", "app"}, "tests:v1"),
                  Cmd("verdict", "exit " + verdict, {"db-answers", "app-answers", "lint"}),
                  Cmd("report", "echo green > report; hostname", {"verdict"}),
                  Build("build-report", "report:v1", "report.Dockerfile", {"report"}),
                  Push("push", {"app:v1", "report:v1"}, {"build-report"}), notify}),
            context};
  }

  fs::TempDir dir_;
  std::unique_ptr<testing::RegistryServer> registry_;
  builder::Options builder_options_;
  std::unique_ptr<builder::Builder> builder_;
  content::Lease lease_;
  Listener listener_;
  RunOptions options_;
};

TEST_F(TaskRunTest, TwelveStepsTestTheirServicesByNameAndPushWhatIsGreen) {
  OpenBuilder();
  if (IsSkipped()) return;
  PushBox();
  const auto [task, context] = Twelve("0");
  const Outcome outcome = Run(task, context);
  ASSERT_TRUE(outcome.status.ok()) << outcome.failed_step << ": " << outcome.status.message() << listener_.text();
  for (const StepResult& step : outcome.steps) EXPECT_EQ(step.state, StepState::kSuccessful) << step.id;
  const std::string text = listener_.text();
  EXPECT_THAT(text, HasSubstr("db-answers> stored"));
  EXPECT_THAT(text, HasSubstr("app-answers> row"));
  EXPECT_THAT(text, HasSubstr("report> report\n"));
  EXPECT_THAT(text, HasSubstr("notify> notified\n"));
  EXPECT_TRUE(HasTag("app"));
  EXPECT_TRUE(HasTag("report"));
  EXPECT_FALSE(HasTag("tests"));
  ASSERT_EQ(outcome.report.outputs.size(), 3U);
  EXPECT_TRUE(outcome.report.outputs[0].pushed);
  EXPECT_FALSE(outcome.report.outputs[1].pushed);
  ExpectNothingLeft();
}

TEST_F(TaskRunTest, AFailingTestPushesNothingAndIsToldAllTheSame) {
  OpenBuilder();
  if (IsSkipped()) return;
  PushBox();
  const auto [task, context] = Twelve("3");
  const Outcome outcome = Run(task, context);
  EXPECT_EQ(outcome.failed_step, "verdict");
  EXPECT_EQ(outcome.status.message(), "step 'verdict': exit code 3");
  EXPECT_EQ(outcome.steps[7].exit_code, 3);
  EXPECT_EQ(outcome.steps[8].state, StepState::kSkipped);
  EXPECT_EQ(outcome.steps[10].state, StepState::kSkipped);
  EXPECT_EQ(outcome.steps[11].state, StepState::kSuccessful);
  EXPECT_FALSE(HasTag("app"));
  EXPECT_EQ(outcome.report.outputs.size(), 2U);  // built, and reported as such
  ExpectNothingLeft();
}

TEST_F(TaskRunTest, FiftyStepsAtOnceUnderTheLimit) {
  OpenBuilder();
  if (IsSkipped()) return;
  PushBox();
  std::vector<task::Step> steps;
  for (int i = 0; i < 50; ++i) {
    task::Step step =
        Cmd(fmt::format("s{}", i), fmt::format("mkdir in.{0}; set -- in.*; echo count $#; rmdir in.{0}", i));
    step.network = "none";
    steps.push_back(step);
  }
  task::Task task = Make(steps);
  task.max_parallel = 4;
  const Outcome outcome = Run(task);
  ASSERT_TRUE(outcome.status.ok()) << outcome.status.message();
  const std::string text = listener_.text();
  for (int i = 0; i < 50; ++i) EXPECT_THAT(text, HasSubstr(fmt::format("s{}> count ", i)));
  for (int i = 5; i < 10; ++i) EXPECT_THAT(text, Not(HasSubstr(fmt::format("count {}\n", i))));
  ExpectNothingLeft();
}

TEST_F(TaskRunTest, AVolumeIsExactAndItsMountIsForItsUserAlone) {
  OpenBuilder();
  if (IsSkipped()) return;
  PushBox();
  task::Step use = Cmd("use", "cat /keys/pw; stat -c ' %a %u' /keys/pw; (echo x > /keys/pw) 2>/dev/null || echo kept");
  use.user = "1234";
  use.volume_mounts = {{.name = "keys", .mount_path = "/keys", .position = {}}};
  task::Task task = Make({use});
  task.volumes = {{.name = "keys", .files = {{"pw", "a$b`c`\\d\n"}}, .position = {}}};
  const Outcome outcome = Run(task);
  ASSERT_TRUE(outcome.status.ok()) << outcome.status.message() << listener_.text();
  // Two programs wrote them: the lines may come in one piece or in two.
  EXPECT_THAT(listener_.text(), HasSubstr("a$b`c`\\d\n"));
  EXPECT_THAT(listener_.text(), HasSubstr(" 400 1234\n"));
  EXPECT_THAT(listener_.text(), HasSubstr("kept\n"));
  ExpectNothingLeft();
}

TEST_F(TaskRunTest, CancelReachesEveryProcess) {
  OpenBuilder();
  if (IsSkipped()) return;
  PushBox();
  const task::Task task = Make(
      {Service("service", "exec sleep 6543.2"),
       Cmd("long", "(trap '' TERM; while true; do sleep 6543.2; done) & echo at work; sleep 6543.2", {"service"})});
  const Context ctx = Context::Background().Child();
  std::thread canceller([&] {
    EXPECT_TRUE(listener_.WaitSays("long> at work"));
    ctx.Cancel(Cancelled("canceled by request"));
  });
  const Outcome outcome = Run(task, source::NoContext(), ctx);
  canceller.join();
  EXPECT_EQ(outcome.status.message(), "canceled by request");
  EXPECT_FALSE(Running("sleep 6543.2"));
  ExpectNothingLeft();
}

TEST_F(TaskRunTest, ATimeoutEndsAStepThatDoesNotListen) {
  OpenBuilder();
  if (IsSkipped()) return;
  PushBox();
  task::Step deaf = Cmd("deaf", "trap '' TERM; while true; do sleep 6544.2; done");
  deaf.timeout = std::chrono::seconds(3);
  deaf.retries = 5;
  const Outcome outcome = Run(Make({deaf}));
  EXPECT_EQ(outcome.status.code(), Code::kDeadlineExceeded);
  EXPECT_TRUE(outcome.step_timed_out);
  EXPECT_FALSE(Running("sleep 6544.2"));
  ExpectNothingLeft();
}

TEST_F(TaskRunTest, WhatAKilledDaemonLeftIsRemovedAndTheRunCanGoAgain) {
  const std::string mark = fs::Join(dir_.path(), "ready");
  const pid_t daemon = ::fork();
  ASSERT_GE(daemon, 0);
  if (daemon == 0) {
    auto builder = builder::Builder::Open(builder_options_);
    if (!builder.ok()) ::_exit(1);
    builder_ = std::move(builder).value();
    lease_ = builder_->store().NewLease("test").value();
    PushBox();
    std::thread([&] {
      if (listener_.WaitSays("at work\n")) fs::WriteFileAtomic(mark, "").Ignore();
    }).detach();
    task::Step long_step = Cmd("long", "ls /keys; echo at work; sleep 6545.2", {"service"});
    long_step.volume_mounts = {{.name = "keys", .mount_path = "/keys", .position = {}}};
    task::Task task = Make({Service("service", "exec sleep 6545.2"), long_step});
    task.volumes = {{.name = "keys", .files = {{"pw", "hunter2"}}, .position = {}}};
    (void)Run(task);
    ::_exit(2);
  }
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!fs::Exists(mark) && std::chrono::steady_clock::now() < deadline) ::usleep(5000);
  EXPECT_TRUE(fs::Exists(mark));
  ASSERT_EQ(::kill(daemon, SIGKILL), 0);
  ASSERT_EQ(::waitpid(daemon, nullptr, 0), daemon);

  OpenBuilder();
  if (IsSkipped()) return;
  EXPECT_FALSE(Running("sleep 6545.2"));
  ExpectNothingLeft();
  const Outcome outcome = Run(Make({Cmd("again", "echo here")}));
  EXPECT_TRUE(outcome.status.ok()) << outcome.status.message();
  EXPECT_THAT(listener_.text(), HasSubstr("again> here\n"));
}

}  // namespace
}  // namespace slipway::engine
