#include "daemon/tasks/task_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipway::tasks {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class TaskCheckTest : public ::testing::Test {
 protected:
  TaskCheckTest() {
    task_.name = "nightly";
    task::QuickBuild build;
    build.source_location = "https://h/a.git#main";
    build.image_names = {"r.io/app"};
    task_.step = build;
    task_.timers = {{.name = "t1", .schedule = "0 4 * * *", .time_zone = "Europe/Berlin"}};
    task_.sources = {{.name = "s", .branches = {"main", "release/*"}, .paths = {"services/api/**"}}};
    task_.base_image = {.name = "b"};
    task_.logins = {{.server = "reg.example.com:5000", .username = "ada"}};
    task_.tags = {{"team", "blue"}};
    secrets_.Set("credential:reg.example.com:5000", "hush-pw");
  }
  std::vector<std::string> Fields() {
    std::vector<std::string> out;
    for (const task::FieldError& error : Check(task_, secrets_, {})) out.push_back(error.field);
    return out;
  }
  // The only error.
  std::string Why() {
    const task::FieldErrors errors = Check(task_, secrets_, {});
    EXPECT_EQ(errors.size(), 1U);
    return errors.empty() ? "" : errors.front().field + ": " + errors.front().message;
  }
  task::QuickBuild& Build() { return std::get<task::QuickBuild>(task_.step); }

  store::Task task_;
  TaskSecrets secrets_;
};

TEST_F(TaskCheckTest, AFitTaskHasNoErrors) { EXPECT_THAT(Fields(), IsEmpty()); }

TEST_F(TaskCheckTest, Names) {
  for (const std::string name : {"", "four", "with space", "ümlaut", "x/../y"}) {
    task_.name = name;
    EXPECT_THAT(Fields(), ElementsAre("name")) << name;
  }
}

TEST_F(TaskCheckTest, TheStepIsCheckedAsARunIs) {
  Build().source_location = "./here";
  Build().arguments = {{.name = ""}};
  EXPECT_THAT(Fields(), ElementsAre("docker_build.source_location", "docker_build.arguments[0].name"));
  task::FileTask file;
  file.source_location = "https://h/a.git";
  file.file = "/etc/passwd";
  task_.step = file;
  EXPECT_THAT(Fields(), ElementsAre("file_task.task_file_path"));
}

TEST_F(TaskCheckTest, SecretValuesAreBoundedThoughTheyAreKeptElsewhere) {
  Build().arguments = {{.name = "S", .secret = true}};
  secrets_.Set("arg:S", std::string(100'000, 'x'));
  EXPECT_THAT(Fields(), ElementsAre("docker_build.arguments[0].value"));
}

TEST_F(TaskCheckTest, WhatOnlyAClientHasIsNotStored) {
  const std::string digest = Digest::Of("tree").ToString();
  Build().source_location = "upload:" + digest;
  task_.sources.clear();
  EXPECT_THAT(Why(), HasSubstr("docker_build.source_location: is an upload, which is not kept for later runs"));
  Build().source_location = "/dev/null";
  Build().inputs.build_contexts = {{"lib", "upload:" + digest}};
  Build().inputs.ssh = {"default"};
  EXPECT_THAT(Fields(), ElementsAre("docker_build.build_contexts", "docker_build.ssh"));
}

TEST_F(TaskCheckTest, SchedulesSayWhichFieldIsWrong) {
  task_.timers = {{.name = "t1", .schedule = "0 25 * * *"}};
  EXPECT_THAT(Why(), HasSubstr("timer_triggers[0].schedule: "));
  EXPECT_THAT(Why(), HasSubstr("hour field"));
  task_.timers = {{.name = "t1", .schedule = "* * * * *", .time_zone = "Mars/Olympus"}};
  EXPECT_THAT(Why(), HasSubstr("timer_triggers[0].time_zone: "));
  task_.timers = {{.name = "t1", .schedule = "* * * * *"}, {.name = "t1", .schedule = "* * * * *"}};
  EXPECT_THAT(Why(), HasSubstr("timer_triggers[1].name: 't1' is given twice"));
  task_.timers = std::vector<store::TimerTrigger>(21);
  EXPECT_THAT(Why(), HasSubstr("timer_triggers: has 21 elements"));
}

TEST_F(TaskCheckTest, SourceTriggersNeedARepository) {
  Build().source_location = "/dev/null";
  EXPECT_THAT(Why(), HasSubstr("the task has no source"));
  Build().source_location = "https://h/a.tar.gz";
  EXPECT_THAT(Why(), HasSubstr("source_triggers[0].repository_url: the source 'https://h/a.tar.gz' is no git"));
  task_.sources[0].repository_url = "https://h/a.git";
  EXPECT_THAT(Fields(), IsEmpty());
  task_.sources[0].repository_url = "https://ada:pw@h/a.git";
  EXPECT_THAT(Fields(), ElementsAre("source_triggers[0].repository_url"));
}

TEST_F(TaskCheckTest, GlobsAreReadBeforeTheyAreStored) {
  task_.sources[0].branches = {"a[", ""};
  EXPECT_THAT(Fields(), ElementsAre("source_triggers[0].branches[1]"));
  task_.sources[0].branches = {"a["};
  EXPECT_THAT(Fields(), ElementsAre("source_triggers[0].branches"));
  task_.sources[0].branches = {};
  task_.sources[0].api_url = "ftp://h";
  EXPECT_THAT(Fields(), ElementsAre("source_triggers[0].api_url"));
}

TEST_F(TaskCheckTest, BaseImageTrigger) {
  task_.base_image = {.name = "a b", .endpoint = "https://user:pw@h/x", .payload_type = "Other"};
  EXPECT_THAT(Fields(), ElementsAre("base_image_trigger.name", "base_image_trigger.update_trigger_endpoint",
                                    "base_image_trigger.update_trigger_payload_type"));
}

TEST_F(TaskCheckTest, LoginsAreForHostsAndHavePasswords) {
  task_.logins = {{.server = "https://reg.example.com", .username = "ada"}};
  EXPECT_THAT(Fields(), ElementsAre("credentials[0].login_server", "credentials[0].password"));
  task_.logins = {{.server = "reg.example.com:5000"}, {.server = "reg.example.com:5000"}};
  EXPECT_THAT(Fields(), ElementsAre("credentials[1].login_server"));
}

TEST_F(TaskCheckTest, ATokenIsForAHostThatTakesIt) {
  secrets_.Set("context", "tok");
  EXPECT_THAT(Fields(), IsEmpty());
  Build().source_location = "git@h:a.git";
  EXPECT_THAT(Fields(), ElementsAre("context_access_token"));
}

}  // namespace
}  // namespace slipway::tasks
