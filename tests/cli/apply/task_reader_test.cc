#include "cli/apply/task_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include <nlohmann/json.hpp>

#include "cli/task/output.h"
#include "cli/task/task_json.h"
#include "executor/base/fs.h"
#include "tests/cli/folder.h"
#include "tests/cli/proto_text.h"

namespace slipway::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

v1::Task ReadOne(const std::string& text, const std::string& folder = "") {
  const auto read = ReadTasks(text, "tasks.yaml", folder);
  EXPECT_TRUE(read.ok()) << read.status().message();
  return read.ok() && read->tasks.size() == 1 ? read->tasks[0] : v1::Task();
}

std::string ErrorOf(const std::string& text) {
  const auto read = ReadTasks(text, "tasks.yaml", "");
  EXPECT_EQ(read.code(), Code::kInvalidArgument);
  return read.status().message();
}

constexpr const char* kAcr = R"(
name: hello
status: Disabled
timeout: 600
platform: {os: linux, architecture: arm64}
tags: {team: web}
step:
  type: Docker
  contextPath: https://git.local/a.git#main
  contextAccessToken: tok
  dockerFilePath: Dockerfile
  imageNames: [a:1, "b:{{.Run.ID}}"]
  isPushEnabled: false
  noCache: true
  target: final
  arguments:
    - {name: A, value: 1}
    - {name: S, value: hush, isSecret: true}
trigger:
  timerTriggers:
    - {name: t1, schedule: 0 1 * * *, status: Disabled, timeZone: Europe/Berlin, missed: skip}
  sourceTriggers:
    - name: src
      sourceTriggerEvents: [commit, pullrequest]
      sourceRepository:
        sourceControlType: Github
        repositoryUrl: https://git.local/a.git
        branch: main
        sourceControlAuthProperties: {tokenType: PAT, token: tok}
      paths: [src/**]
      forks: trust
  baseImageTrigger: {name: base, baseImageTriggerType: All, rebase: whenSafe}
credentials:
  customRegistries:
    r.local: {userName: {value: u, type: Opaque}, password: {value: p, type: Opaque}}
)";

constexpr const char* kAcrTask = R"(
name: "hello" status: TASK_STATUS_DISABLED
docker_build { source_location: "https://git.local/a.git#main" docker_file_path: "Dockerfile" image_names: "a:1"
  image_names: "b:{{.Run.ID}}" is_push_enabled: false no_cache: true target: "final"
  arguments { name: "A" value: "1" } arguments { name: "S" value: "hush" is_secret: true }
  platforms { os: "linux" architecture: "arm64" } timeout { seconds: 600 } }
context_access_token: "tok"
timer_triggers { name: "t1" schedule: "0 1 * * *" time_zone: "Europe/Berlin" status: TASK_STATUS_DISABLED
  missed: MISSED_TIMER_SKIP }
source_triggers { name: "src" events: "commit" events: "pullrequest" repository_url: "https://git.local/a.git"
  branches: "main" paths: "src/**" status_token: "tok" forks: FORK_POLICY_TRUST }
base_image_trigger { name: "base" base_image_trigger_type: BASE_IMAGE_TRIGGER_TYPE_ALL
  rebase: REBASE_POLICY_WHEN_SAFE }
credentials { login_server: "r.local" username: "u" password: "p" }
tags { key: "team" value: "web" })";

TEST(TaskReader, ReadsAcrsModel) { EXPECT_EQ(ReadOne(kAcr).DebugString(), ProtoText<v1::Task>(kAcrTask)); }

TEST(TaskReader, ReadsTheNamesOfTheApi) {
  const v1::Task task = ReadOne(R"(
name: hello
fileTask: {sourceLocation: "https://git.local/a.git", taskFilePath: t.yaml, timeout: 60, values: [{name: a, value: b}]}
contextAccessToken: tok
timerTriggers: [{name: t1, schedule: "0 1 * * *", status: enabled}]
credentials: [{loginServer: r.local, username: u, password: p}]
)");
  EXPECT_EQ(task.DebugString(), ProtoText<v1::Task>(R"(name: "hello"
      file_task { source_location: "https://git.local/a.git" task_file_path: "t.yaml" timeout { seconds: 60 }
        values { name: "a" value: "b" } }
      context_access_token: "tok" timer_triggers { name: "t1" schedule: "0 1 * * *" status: TASK_STATUS_ENABLED }
      credentials { login_server: "r.local" username: "u" password: "p" })"));
}

TEST(TaskReader, ReadsJsonAsAzPrintsIt) {
  const auto read = ReadTasks(R"({
	"agentConfiguration": {"cpu": 2}, "creationDate": "2019-05-03T03:14:31.763887+00:00", "credentials": null,
	"id": "/subscriptions/x", "location": "westus", "name": "taskmulti", "provisioningState": "Succeeded",
	"platform": {"architecture": "amd64", "os": "linux", "variant": null}, "status": "Enabled", "timeout": 3600,
	"step": {"baseImageDependencies": null, "contextAccessToken": null, "contextPath": "https://github.com/u/r.git",
	  "encodedTaskContent": "c3RlcHM6IFtdCg==", "type": "EncodedTask", "values": [], "encodedValuesContent": null},
	"trigger": {"baseImageTrigger": {"baseImageTriggerType": "Runtime", "name": "b", "status": "Enabled"}},
	"type": "Microsoft.ContainerRegistry/registries/tasks"})",
                              "task.json", "");
  ASSERT_TRUE(read.ok()) << read.status().message();
  EXPECT_EQ(read->tasks[0].DebugString(), ProtoText<v1::Task>(R"(name: "taskmulti" status: TASK_STATUS_ENABLED
      encoded_task { source_location: "https://github.com/u/r.git" task_content: "steps: []\n"
        platform { os: "linux" architecture: "amd64" } timeout { seconds: 3600 } }
      base_image_trigger { name: "b" status: TASK_STATUS_ENABLED
        base_image_trigger_type: BASE_IMAGE_TRIGGER_TYPE_RUNTIME })"));
  EXPECT_THAT(read->notes, ElementsAre(HasSubstr("task.json:2:24: 'agentConfiguration' has no meaning")));
}

TEST(TaskReader, WhatShowPrintsIsReadBack) {
  v1::Task task = ParseProto<v1::Task>(kAcrTask);
  task.clear_context_access_token();
  task.mutable_docker_build()->set_media_types(v1::MEDIA_TYPES_OCI);
  task.mutable_docker_build()->set_provenance(v1::PROVENANCE_MODE_MIN);
  for (v1::Argument& argument : *task.mutable_docker_build()->mutable_arguments()) {
    if (argument.is_secret()) argument.clear_value();  // as the daemon shows it
  }
  task.mutable_credentials(0)->set_password("***");
  task.mutable_timer_triggers(0)->mutable_next_time()->set_seconds(1556857411);
  task.mutable_source_triggers(0)->set_status(v1::TASK_STATUS_ENABLED);
  task.mutable_base_image_trigger()->set_status(v1::TASK_STATUS_ENABLED);
  task.mutable_source_triggers(0)->set_webhook_path("/webhooks/git/hello/src");
  const std::string yaml = YamlText(TaskJson(task, TaskText::kPlain));
  task.mutable_timer_triggers(0)->clear_next_time();
  task.mutable_source_triggers(0)->clear_webhook_path();
  EXPECT_EQ(ReadOne(yaml).DebugString(), task.DebugString()) << yaml;
}

TEST(TaskReader, TextsKeepEveryByteOnTheirWayThroughYaml) {
  for (const std::string text : {"steps:\n  - cmd: x\n",
                                 "no end",
                                 "\ttab\n",
                                 " blank first\n",
                                 "a\n\n\nb\n",
                                 "ends in blank \n",
                                 "\n",
                                 "true",
                                 "12",
                                 "0x1f",
                                 "~",
                                 "a: b",
                                 "- x",
                                 "#c",
                                 "'q'",
                                 "\"d\"",
                                 "ä€\n",
                                 "two ends\n\n",
                                 "cr\r\n",
                                 "{{.Run.ID}}"}) {
    v1::Task task;
    task.set_name("hello");
    task.mutable_encoded_task()->set_source_location("/dev/null");
    task.mutable_encoded_task()->set_task_content(text);
    const std::string yaml = YamlText(TaskJson(task, TaskText::kPlain));
    EXPECT_EQ(ReadOne(yaml).encoded_task().task_content(), text) << yaml;
  }
}

TEST(TaskReader, SeveralTasksInDocumentsAndLists) {
  const auto read = ReadTasks(
      "tasks:\n- {name: a, step: {taskFilePath: t}}\n- {name: b, step: {taskContent: x}}\n---\n"
      "name: c\nstep: {dockerFilePath: D}\n---\n- {name: d, step: {dockerFilePath: D}}\n---\n",
      "t.yaml", "");
  ASSERT_TRUE(read.ok()) << read.status().message();
  std::vector<std::string> names;
  for (const v1::Task& task : read->tasks) names.push_back(task.name());
  EXPECT_THAT(names, ElementsAre("a", "b", "c", "d"));
  EXPECT_TRUE(read->tasks[0].has_file_task()) << "what only such a step has, says its type";
  EXPECT_TRUE(read->tasks[1].has_encoded_task());
  EXPECT_EQ(read->tasks[1].encoded_task().source_location(), "/dev/null");
  EXPECT_TRUE(read->tasks[2].has_docker_build());
}

TEST(TaskReader, ValuesComeFromVariablesAndFiles) {
  Folder folder;
  folder.Write("token", "hush\n");
  ::setenv("SLIPWAY_TEST_VALUE", "from env", 1);
  const v1::Task task = ReadOne(R"(
name: hello
step:
  type: Docker
  arguments:
    - {name: A, isSecret: true, valueFrom: "env:SLIPWAY_TEST_VALUE"}
    - {name: B, isSecret: true, valueFrom: file:token}
trigger:
  sourceTriggers: [{name: src, secret: {valueFrom: file:token}}]
)",
                                folder.path());
  EXPECT_EQ(task.docker_build().arguments(0).value(), "from env");
  EXPECT_EQ(task.docker_build().arguments(1).value(), "hush");
  EXPECT_EQ(task.source_triggers(0).secret(), "hush");
  ::unsetenv("SLIPWAY_TEST_VALUE");
  EXPECT_EQ(ErrorOf("name: a\nstep: {target: {valueFrom: 'env:SLIPWAY_TEST_VALUE'}}\n"),
            "tasks.yaml:2:28: valueFrom: the variable 'SLIPWAY_TEST_VALUE' is not set");
  EXPECT_EQ(ErrorOf("name: a\nstep: {target: {valueFrom: vault}}\n"),
            "tasks.yaml:2:28: valueFrom: 'vault' is neither env:NAME nor file:PATH");
  EXPECT_THAT(ErrorOf("name: a\nstep: {target: {valueFrom: 'file:/nowhere/x'}}\n"), HasSubstr("/nowhere/x"));
}

struct Bad {
  const char* text;
  const char* message;
};

TEST(TaskReader, WhatIsWrongIsSaidWithItsPlace) {
  const std::vector<Bad> cases = {
      {"name: a\nstep:\n  contxtPath: x\n", "tasks.yaml:3:3: 'contxtPath' is unknown; did you mean 'contextPath'?"},
      {"name: a\nstp: {}\n",
       "tasks.yaml:2:1: 'stp' is unknown; did you mean 'step'?\ntasks.yaml:1:1: the task has no step: what is it to "
       "run?"},
      {"name: a\nstep: {type: Dockr}\n",
       "tasks.yaml:2:14: the type of the step is Docker, FileTask or EncodedTask, not 'Dockr'; did you mean 'Docker'?\n"
       "tasks.yaml:1:1: the task has no step: what is it to run?"},
      {"name: a\nstatus: on\nstep: {noCache: 1}\n",
       "tasks.yaml:2:9: status: 'on' is unknown; there are Enabled, Disabled\n"
       "tasks.yaml:3:17: 'noCache' is true or false, not '1'"},
      {"name: a\nstep: {imageNames: x}\n", "tasks.yaml:2:20: 'imageNames' is a list, not 'x'"},
      {"name: a\nstep: {dockerFilePath: [x]}\n", "tasks.yaml:2:24: a text is needed here, not a list"},
      {"name: a\ntimeout: soon\nstep: {dockerFilePath: D}\n",
       "tasks.yaml:2:10: 'timeout' is a number of seconds, not 'soon'"},
      {"name: a\nname: b\nstep: {dockerFilePath: D}\n", "tasks.yaml:2:1: 'name' is given twice"},
      {"- name: a\n  step: {dockerFilePath: D}\n- name: a\n  step: {dockerFilePath: D}\n",
       "tasks.yaml:3:3: there is a second task 'a'"},
      {"step: {dockerFilePath: D}\n", "tasks.yaml:1:1: the task has no name"},
      {"name: a\nstep: {encodedTaskContent: '!'}\n", "tasks.yaml:2:28: the text is not base64"},
      {"name: a\nstep: {dockerFilePath: D}\ntrigger: {timerTrigger: []}\n",
       "tasks.yaml:3:11: 'timerTrigger' is unknown; did you mean 'timerTriggers'?"},
      {"name: a\nstep: {dockerFilePath: D}\ncredentials: {customRegistries: {r: {identity: x}}}\n",
       "tasks.yaml:3:48: there are no identities here; give userName and password"},
      {"just a text\n",
       "tasks.yaml:1:1: a mapping is needed here, not 'just a text'\ntasks.yaml:1:1: the task has no "
       "step: what is it to run?\ntasks.yaml:1:1: the task has no name"},
      {"tasks: {name: a}\n", "tasks.yaml:1:8: 'tasks' is a list of tasks"},
      {"name: [a\n", "tasks.yaml:2:1: end of sequence flow not found"}};
  for (const Bad& bad : cases) EXPECT_EQ(ErrorOf(bad.text), bad.message) << bad.text;
}

TEST(TaskReader, AliasesThatMultiplyEnd) {
  std::string text = "name: a\nx0: &x0 [a, a, a, a, a, a, a, a, a, a]\n";
  for (int i = 1; i < 12; ++i) {
    text += fmt::format("x{0}: &x{0} [", i);
    for (int j = 0; j < 10; ++j) text += fmt::format("{}*x{}", j == 0 ? "" : ", ", i - 1);
    text += "]\n";
  }
  EXPECT_THAT(ErrorOf(text + "step: {imageNames: *x11}\n"), HasSubstr("'x0' is unknown"));
  std::string nested;
  for (int i = 0; i < 5000; ++i) nested += "[";
  EXPECT_EQ(ReadTasks(nested, "t", "").code(), Code::kInvalidArgument);
}

TEST(TaskReader, TheExampleIsRight) {
  ::setenv("GREETER_TOKEN", "a", 1);
  ::setenv("GREETER_WEBHOOK_SECRET", "b", 1);
  const std::string path = SLIPWAY_SOURCE_DIR "/examples/tasks.yaml";
  const auto read = ReadTasks(std::move(fs::ReadFile(path)).value(), path, "");
  ASSERT_TRUE(read.ok()) << read.status().message();
  EXPECT_EQ(read->tasks.size(), 2U);
  EXPECT_TRUE(read->notes.empty());
}

}  // namespace
}  // namespace slipway::cli
