// `slipway task run` and what is done with runs, timers, logins and deliveries, as users start it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/cli/program.h"
#include "tests/cli/proto_text.h"

namespace slipway::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class TaskRunsProgramTest : public Program {
 protected:
  TaskRunsProgramTest() {
    server_.tasks().Put(ParseProto<v1::Task>(R"(name: "hello"
      docker_build { source_location: "https://git.local/a.git" docker_file_path: "Dockerfile" }
      timer_triggers { name: "t1" schedule: "0 1 * * *" next_time { seconds: 1556857411 } }
      credentials { login_server: "r.local" username: "u" password: "hush" })"));
  }
  RunOutput Task(std::vector<std::string> words, std::string_view input = {}) {
    words.insert(words.begin(), "task");
    return Run(std::move(words), input);
  }
  v1::RunTaskRequest LastRun() {
    const auto requests = server_.tasks().run();
    EXPECT_FALSE(requests.empty());
    return requests.empty() ? v1::RunTaskRequest() : requests.back();
  }
};

TEST_F(TaskRunsProgramTest, RunFollowsTheLogOfTheTaskAsItIs) {
  const RunOutput out = Task({"run", "-n", "hello"});
  EXPECT_EQ(out.exit.code, 0) << out.err;
  EXPECT_EQ(out.out, "built\n");
  EXPECT_THAT(out.err, HasSubstr("Queued a run with ID: ca1\nWaiting for an agent...\n"));
  v1::RunTaskRequest request = LastRun();
  EXPECT_NE(request.request_id(), "") << "so that a call made again makes no second run";
  request.clear_request_id();
  request.clear_overrides();
  EXPECT_EQ(request.DebugString(), ProtoText<v1::RunTaskRequest>("name: 'hello'"));
}

TEST_F(TaskRunsProgramTest, OverridesArrive) {
  const RunOutput out = Task({"run",
                              "-n",
                              "hello",
                              "-c",
                              "https://git.local/b.git#dev",
                              "-f",
                              "Other",
                              "--target",
                              "t",
                              "--arg",
                              "A=1",
                              "--arg",
                              "FROM_ENV",
                              "--secret-arg",
                              "S=hush",
                              "--set",
                              "v=1",
                              "--set-secret",
                              "w=hush",
                              "--update-trigger-token",
                              "tok",
                              "--no-wait",
                              "-o",
                              "json"});
  EXPECT_EQ(out.exit.code, 0) << out.err;
  EXPECT_EQ(LastRun().overrides().DebugString(), ProtoText<v1::TaskOverrides>(R"(
      source_location: "https://git.local/b.git#dev" file: "Other" target: "t"
      arguments { name: "A" value: "1" } arguments { name: "FROM_ENV" value: "seen" }
      arguments { name: "S" value: "hush" is_secret: true }
      values { name: "v" value: "1" } values { name: "w" value: "hush" is_secret: true }
      update_trigger_token: "tok")"));
  EXPECT_EQ(nlohmann::json::parse(out.out)["task"], "hello");
}

TEST_F(TaskRunsProgramTest, AFolderIsSentFirstWithTheFileThatIsRun) {
  folder_.Write("Dockerfile", "FROM scratch\n");
  folder_.Write("secret.txt", "x");
  folder_.Write(".dockerignore", "*\n");
  const RunOutput out = Task({"run", "-n", "hello", "--context", "."});
  EXPECT_EQ(out.exit.code, 0) << out.err;
  EXPECT_THAT(LastRun().overrides().source_location(), StartsWith("upload:sha256:"));
  std::vector<std::string> paths;
  for (const v1::ContextEntry& entry : server_.manifest()) paths.push_back(entry.path());
  EXPECT_THAT(paths, ElementsAre("Dockerfile"));
  server_.ForgetUploads();
  EXPECT_EQ(Task({"run", "-n", "hello", "--context", "."}).exit.code, 0);
  EXPECT_EQ(server_.uploads(), 2) << "the daemon had forgotten it";
  const RunOutput missing = Task({"run", "-n", "hello", "--context", ".", "-f", "No"});
  EXPECT_EQ(missing.exit.code, 1);
  EXPECT_EQ(missing.err, "slipway: task 'hello' runs 'No', which is not in '.'; name another with --file\n");
}

TEST_F(TaskRunsProgramTest, ARunThatFailsIsExitCodeOne) {
  server_.OnSchedule([this](const std::string& id) { server_.SetStatus(id, v1::RUN_STATUS_FAILED, "because"); });
  EXPECT_EQ(Task({"run", "-n", "hello"}).exit.code, 1);
  const RunOutput unknown = Task({"run", "-n", "helo"});
  EXPECT_EQ(unknown.exit.code, 1);
  EXPECT_EQ(unknown.err, "slipway: run task 'helo': task 'helo' does not exist\n");
}

TEST_F(TaskRunsProgramTest, RunsAreListedByTaskStatusTriggerAndImage) {
  Task({"run", "-n", "hello"});
  Run({"build", "/dev/null", "-f", "-"}, "FROM scratch\n");
  server_.Edit("ca1", [](v1::Run* run) {
    run->mutable_timer_trigger()->set_timer_trigger_name("t1");
    run->mutable_start_time()->set_seconds(1556857004);
    run->mutable_finish_time()->set_seconds(1556857041);
    run->add_output_images()->set_repository("app");
  });
  EXPECT_EQ(Task({"list-runs", "-n", "hello", "-o", "table"}).out,
            "RUN ID  TASK   PLATFORM  STATUS     TRIGGER  STARTED               DURATION\n"
            "------  -----  --------  ---------  -------  --------------------  --------\n"
            "ca1     hello            Succeeded  Timer    2019-05-03T04:16:44Z  00:00:37\n");
  const auto count = [&](std::vector<std::string> words) {
    return nlohmann::json::parse(Run(std::move(words)).out).size();
  };
  EXPECT_EQ(count({"task", "list-runs"}), 2U);
  EXPECT_EQ(count({"task", "list-runs", "--top", "1"}), 1U);
  EXPECT_EQ(count({"task", "list-runs", "--run-status", "failed"}), 0U);
  EXPECT_EQ(count({"task", "list-runs", "--image", "app"}), 1U);
  EXPECT_EQ(count({"runs", "-o", "json", "--task", "hello"}), 1U);
  EXPECT_EQ(count({"runs", "-o", "json", "--trigger", "timer"}), 1U);
  EXPECT_EQ(count({"runs", "-o", "json", "--trigger", "Manual", "--trigger", "Timer"}), 2U);
  EXPECT_THAT(Run({"runs", "--trigger", "Timr"}).err, HasSubstr("did you mean 'Timer'?"));
}

TEST_F(TaskRunsProgramTest, LogsAreThoseOfTheRunThatIsNamedOrOfTheLast) {
  EXPECT_EQ(Task({"logs"}).err, "slipway: there is no run\n");
  Task({"run", "-n", "hello"});
  const RunOutput last = Task({"logs"});
  EXPECT_EQ(last.out, "built\n");
  EXPECT_EQ(last.err, "Showing logs of the last created run.\nRun ID: ca1\n");
  EXPECT_EQ(Task({"logs", "-n", "hello"}).err, "Run ID: ca1\n");
  EXPECT_EQ(Task({"logs", "--run-id", "ca1"}).err, "");
  EXPECT_EQ(Task({"logs", "-n", "other"}).err, "slipway: there is no run that matches --name and --image\n");
}

TEST_F(TaskRunsProgramTest, RunsAreShownCanceledAndArchived) {
  server_.OnSchedule([](const std::string&) {});
  Task({"run", "-n", "hello", "--no-wait"});
  EXPECT_EQ(nlohmann::json::parse(Task({"show-run", "--run-id", "ca1"}).out)["task"], "hello");
  EXPECT_EQ(Task({"cancel-run", "--run-id", "ca1"}).out, "Run ca1 is being canceled\n");
  EXPECT_TRUE(server_.cancel_requested("ca1"));
  const auto kept = nlohmann::json::parse(Task({"update-run", "--run-id", "ca1", "--no-archive", "false"}).out);
  EXPECT_EQ(kept["isArchiveEnabled"], true);
  const auto freed = nlohmann::json::parse(Task({"update-run", "--run-id", "ca1", "--no-archive", "true"}).out);
  EXPECT_FALSE(freed.contains("isArchiveEnabled"));
  EXPECT_EQ(Task({"update-run", "--run-id", "ca1"}).exit.code, 2);
  EXPECT_EQ(Task({"show-run"}).exit.code, 2);
}

TEST_F(TaskRunsProgramTest, TimersAreAddedChangedAndRemoved) {
  EXPECT_EQ(Task({"timer", "list", "-n", "hello", "-o", "table"}).out,
            "NAME  SCHEDULE   STATUS   TIME ZONE  NEXT TIME\n"
            "----  ---------  -------  ---------  --------------------\n"
            "t1    0 1 * * *  Enabled  UTC        2019-05-03T04:23:31Z\n");
  EXPECT_EQ(Task({"timer", "add", "-n", "hello", "--timer-name", "noon", "--schedule", "0 12 * * *", "--enabled",
                  "false", "--time-zone", "Europe/Rome", "--missed", "skip"})
                .exit.code,
            0);
  EXPECT_THAT(server_.tasks().updated().back().update_mask().paths(), ElementsAre("timer_triggers"));
  EXPECT_EQ(server_.tasks().Stored("hello").timer_triggers(1).DebugString(), ProtoText<v1::TimerTrigger>(R"(
      name: "noon" schedule: "0 12 * * *" time_zone: "Europe/Rome" status: TASK_STATUS_DISABLED
      missed: MISSED_TIMER_SKIP)"));
  EXPECT_EQ(Task({"timer", "update", "-n", "hello", "--timer-name", "noon", "--enabled", "true"}).exit.code, 0);
  EXPECT_EQ(server_.tasks().Stored("hello").timer_triggers(1).status(), v1::TASK_STATUS_ENABLED);
  EXPECT_EQ(server_.tasks().Stored("hello").timer_triggers(1).schedule(), "0 12 * * *");
  EXPECT_THAT(Task({"timer", "add", "-n", "hello", "--timer-name", "t1", "--schedule", "0 2 * * *"}).err,
              HasSubstr("the task has a timer trigger 't1' already"));
  EXPECT_EQ(Task({"timer", "remove", "-n", "hello", "--timer-name", "non"}).err,
            "slipway: the task has no timer trigger 'non'; did you mean 'noon'?\n");
  EXPECT_EQ(Task({"timer", "remove", "-n", "hello", "--timer-name", "noon"}).exit.code, 0);
  EXPECT_EQ(server_.tasks().Stored("hello").timer_triggers_size(), 1);
  EXPECT_EQ(Task({"timer", "add", "-n", "hello", "--timer-name", "x"}).exit.code, 2) << "no schedule";
  EXPECT_EQ(Task({"timer"}).exit.code, 2);
  EXPECT_EQ(Task({"timer", "list", "-n", "hello", "--agent-pool", "big"}).err,
            "note: --agent-pool has no meaning for this daemon and is ignored\n");
}

TEST_F(TaskRunsProgramTest, LoginsAreAddedChangedAndRemovedAndNeverShown) {
  const std::vector<std::string> add = {"credential", "add", "-n", "hello", "--login-server",
                                        "s.local",    "-u",  "me", "-p",    "hush2"};
  EXPECT_EQ(Task(add).exit.code, 0);
  EXPECT_THAT(server_.tasks().updated().back().update_mask().paths(), ElementsAre("credentials"));
  EXPECT_EQ(server_.tasks().Stored("hello").credentials(0).password(), "hush") << "the other stays as it is";
  EXPECT_EQ(Task(add).err, "slipway: Login server 's.local' already exists. You cannot add it again.\n");
  EXPECT_EQ(
      Task({"credential", "update", "-n", "hello", "--login-server", "s.local", "--password-stdin"}, "new\n").exit.code,
      0);
  EXPECT_EQ(server_.tasks().Stored("hello").credentials(1).password(), "new");
  EXPECT_EQ(server_.tasks().Stored("hello").credentials(1).username(), "me");
  const RunOutput list = Task({"credential", "list", "-n", "hello", "-o", "table"});
  EXPECT_EQ(list.out, "LOGIN SERVER  USERNAME\n------------  --------\nr.local       u\ns.local       me\n");
  EXPECT_THAT(Task({"credential", "list", "-n", "hello"}).out, Not(HasSubstr("hush")));
  EXPECT_EQ(Task({"credential", "remove", "-n", "hello", "--login-server", "s.local"}).exit.code, 0);
  EXPECT_EQ(server_.tasks().Stored("hello").credentials_size(), 1);
  const RunOutput identity =
      Task({"credential", "add", "-n", "hello", "--login-server", "x.local", "--use-identity", "[system]"});
  EXPECT_EQ(identity.exit.code, 2);
  EXPECT_THAT(identity.err, HasSubstr("there are no identities here")) << "not that a password is missing";
}

TEST_F(TaskRunsProgramTest, DeliveriesAreListedAndReplayed) {
  server_.tasks().SetDeliveries(
      {ParseProto<v1::Delivery>(R"(delivery_id: "d7" task: "hello" trigger: "src" sender: "github" event: "push"
         receive_time { seconds: 1556857411 } verdict: DELIVERY_VERDICT_RUN run_id: "ca1" reference: "main")"),
       ParseProto<v1::Delivery>(R"(delivery_id: "d6" task: "other" sender: "gitea" event: "push"
         verdict: DELIVERY_VERDICT_REFUSED reason: "the signature is wrong")")});
  EXPECT_EQ(Task({"deliveries", "-n", "hello", "-o", "table"}).out,
            "DELIVERY  RECEIVED              FROM    EVENT  REFERENCE  TASK   TRIGGER  VERDICT  RUN ID  REASON\n"
            "--------  --------------------  ------  -----  ---------  -----  -------  -------  ------  ------\n"
            "d7        2019-05-03T04:23:31Z  github  push   main       hello  src      Run      ca1\n");
  EXPECT_EQ(nlohmann::json::parse(Task({"deliveries"}).out)[1]["verdict"], "Refused");
  const auto again = nlohmann::json::parse(Task({"replay", "d7"}).out);
  EXPECT_EQ(again["deliveryId"], "d102");
  EXPECT_EQ(again["verdict"], "Pending");
  EXPECT_EQ(Task({"replay", "d9"}).err, "slipway: replay delivery 'd9': delivery 'd9' does not exist\n");
}

}  // namespace
}  // namespace slipway::cli
