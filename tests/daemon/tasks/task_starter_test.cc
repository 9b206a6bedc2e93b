#include "daemon/tasks/task_starter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/daemon/tasks/tasks_fixture.h"

namespace slipway::tasks {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> Pairs(const std::vector<builder::NamedValue>& values) {
  std::vector<std::string> out;
  for (const builder::NamedValue& value : values) {
    out.push_back(value.name + "=" + value.value + (value.secret ? " (secret)" : ""));
  }
  return out;
}

std::vector<std::string> Fields(const task::FieldErrors& errors) {
  std::vector<std::string> out;
  for (const task::FieldError& error : errors) out.push_back(error.field);
  return out;
}

class TaskStarterTest : public TasksFixture {
 protected:
  // With arguments A=1 and, secret, S=hush; its source is fetched with "tok".
  store::Task BuildTask() {
    store::Task task = HookedTask();
    auto& build = std::get<task::QuickBuild>(task.step);
    build.arguments = {{.name = "A", .value = "1"}, {.name = "S", .value = "hush", .secret = true}};
    TaskSecrets secrets;
    secrets.Set("context", "tok");
    secrets.Set("credential:reg.example.com", "pw");
    task.logins = {{.server = "reg.example.com", .username = "ada"}};
    TakeSecrets(&task.step, &secrets);
    EXPECT_TRUE(secrets.Seal(*sealer_, &task).ok());
    task.timeout = std::chrono::seconds(600);
    return task;
  }
  static store::RunTrigger Push() {
    return {.kind = store::RunTrigger::Kind::kCommit, .name = "t", .commit = "c0ffee1", .branch = "main"};
  }
  runs::ScheduleRequest Make(const TaskStart& start) {
    Result<runs::ScheduleRequest> made = MakeScheduleRequest(start, *sealer_);
    EXPECT_TRUE(made.ok()) << made.status().message();
    return *std::move(made);
  }
};

TEST_F(TaskStarterTest, ARunDoesWhatItsTaskSays) {
  const store::Task task = BuildTask();
  const runs::ScheduleRequest request = Make({.task = task, .request_id = "r1"});
  EXPECT_EQ(request.build.source_location, "https://x-access-token:tok@github.example.com/org/app.git#main:service");
  EXPECT_THAT(Pairs(request.build.arguments), ElementsAre("A=1", "S=hush (secret)"));
  EXPECT_EQ(request.timeout, std::chrono::seconds(600));
  EXPECT_EQ(request.task, "hooked");
  EXPECT_EQ(request.request_id, "r1");
  EXPECT_EQ(request.logins, (runs::RunLogins{.logins = {{"reg.example.com", "ada", "pw"}}}));
  EXPECT_EQ(request.trigger, store::RunTrigger());
}

TEST_F(TaskStarterTest, APushBuildsItsCommit) {
  const store::Task task = BuildTask();
  const runs::ScheduleRequest request = Make({.task = task, .trigger = Push()});
  EXPECT_EQ(request.build.source_location, "https://x-access-token:tok@github.example.com/org/app.git#c0ffee1:service");
  EXPECT_EQ(request.trigger, Push());
}

TEST_F(TaskStarterTest, APushToAnotherRepositoryBuildsTheTasksOwnBranch) {
  store::Task task = BuildTask();
  task.sources[0].repository_url = "https://github.example.com/org/library.git";
  EXPECT_THAT(Make({.task = task, .trigger = Push()}).build.source_location, HasSubstr("/org/app.git#main:service"));
  task.sources[0].repository_url = "git@github.example.com:org/app.git";
  EXPECT_THAT(Make({.task = task, .trigger = Push()}).build.source_location, HasSubstr("/org/app.git#c0ffee1:"));
}

TEST_F(TaskStarterTest, StrangersGetNoSecrets) {
  const store::Task task = BuildTask();
  store::RunTrigger trigger = Push();
  trigger.kind = store::RunTrigger::Kind::kPullRequest;
  trigger.fetch_ref = "refs/pull/7/head";
  const runs::ScheduleRequest request = Make({.task = task, .trigger = trigger, .with_secrets = false});
  EXPECT_EQ(request.build.source_location,
            "https://github.example.com/org/app.git?via=refs%2Fpull%2F7%2Fhead#c0ffee1:service");
  EXPECT_THAT(Pairs(request.build.arguments), ElementsAre("A=1", "S= (secret)"));
  EXPECT_EQ(request.logins, (runs::RunLogins{.isolated = true}));
}

TEST_F(TaskStarterTest, OverridesReplaceWhatHasTheirName) {
  const store::Task task = BuildTask();
  const TaskOverrides overrides{.file = "Other",
                                .target = "test",
                                .arguments = {{.name = "S", .value = "open"}, {.name = "B", .value = "2"}},
                                .update_trigger_token = "back",
                                .timeout = std::chrono::seconds(5)};
  const runs::ScheduleRequest request = Make({.task = task, .overrides = overrides});
  EXPECT_THAT(Pairs(request.build.arguments), ElementsAre("A=1", "S=open", "B=2"));
  EXPECT_EQ(request.build.docker_file_path, "Other");
  EXPECT_EQ(request.build.target, "test");
  EXPECT_EQ(request.timeout, std::chrono::seconds(5));
  EXPECT_EQ(request.trigger.update_token, "back");
}

TEST_F(TaskStarterTest, TheTokenStaysWithItsHost) {
  const store::Task task = BuildTask();
  const auto source = [&](const std::string& other) {
    return Make({.task = task, .overrides = {.source_location = other}}).build.source_location;
  };
  EXPECT_EQ(source("https://evil.example.com/a.git"), "https://evil.example.com/a.git");
  EXPECT_EQ(source("https://github.example.com/org/b.git"), "https://x-access-token:tok@github.example.com/org/b.git");
  EXPECT_EQ(source("/dev/null"), "/dev/null");
}

TEST_F(TaskStarterTest, OverridesMustFitTheTask) {
  store::Task task = BuildTask();
  EXPECT_THAT(Fields(Check({.arguments = {{.name = "A", .value = "2"}}}, task, {})), ElementsAre());
  EXPECT_THAT(Fields(Check({.source_location = "./local", .file = "../up", .values = {{.name = "a"}}}, task, {})),
              ElementsAre("values", "source_location", "file"));
  EXPECT_THAT(Fields(Check({.arguments = {{.name = "A"}, {.name = ""}}}, task, {})), ElementsAre("arguments[1].name"));
  task::FileTask file;
  file.source_location = "https://h/a.git";
  file.file = "acb.yaml";
  task.step = file;
  EXPECT_THAT(Fields(Check({.target = "x", .arguments = {{.name = "A"}}}, task, {})),
              ElementsAre("arguments", "target"));
  EXPECT_THAT(Fields(Check({.file = "/abs", .values = {{.name = "a=b"}}}, task, {})),
              ElementsAre("file", "values[0].name"));
  file.content = "steps: []";
  task.step = file;
  EXPECT_THAT(Fields(Check({.file = "other.yaml"}, task, {})), ElementsAre("file"));
}

}  // namespace
}  // namespace slipway::tasks
