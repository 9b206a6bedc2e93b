// `slipway task create`, `update`, `show`, `list`, `delete`, `enable`, `disable` as users start them.
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

constexpr const char* kRepository = "https://git.local/team/app.git#main:src";

class TaskProgramTest : public Program {
 protected:
  RunOutput Task(std::vector<std::string> words, std::string_view input = {}) {
    words.insert(words.begin(), "task");
    return Run(std::move(words), input);
  }
  // Of a create that must succeed.
  v1::Task Create(std::vector<std::string> words) {
    words.insert(words.begin(), "create");
    const RunOutput out = Task(std::move(words));
    EXPECT_EQ(out.exit.code, 0) << out.err;
    const auto requests = server_.tasks().created();
    return requests.empty() ? v1::Task() : requests.back().task();
  }
  // Of an update that must succeed: the mask, and the task without name and etag.
  std::pair<std::vector<std::string>, v1::Task> Update(std::vector<std::string> words) {
    words.insert(words.begin(), {"update", "-n", "hello"});
    const RunOutput out = Task(std::move(words));
    EXPECT_EQ(out.exit.code, 0) << out.err;
    const auto requests = server_.tasks().updated();
    if (requests.empty()) return {};
    v1::Task task = requests.back().task();
    EXPECT_EQ(task.name(), "hello");
    EXPECT_NE(task.etag(), "");
    task.clear_name();
    task.clear_etag();
    const auto& paths = requests.back().update_mask().paths();
    return {{paths.begin(), paths.end()}, task};
  }
  void PutHello(const std::string& more = "") {
    server_.tasks().Put(ParseProto<v1::Task>(R"(name: "hello"
      docker_build { source_location: "https://git.local/a.git" docker_file_path: "Dockerfile" image_names: "a:1"
        arguments { name: "A" value: "1" } arguments { name: "S" value: "hush" is_secret: true } }
      source_triggers { name: "defaultSourceTriggerName" events: "commit" secret: "drawn" }
      timer_triggers { name: "t1" schedule: "0 1 * * *" time_zone: "Europe/Berlin" }
      base_image_trigger { name: "defaultBaseimageTriggerName" base_image_trigger_type: BASE_IMAGE_TRIGGER_TYPE_RUNTIME })" +
                                             more));
  }
};

TEST_F(TaskProgramTest, ADockerfileOfARepositoryRunsOnPushesAndBaseImages) {
  const v1::Task task = Create({"-n", "hello", "-c", kRepository, "-f", "Dockerfile", "-t", "app:{{.Run.ID}}"});
  EXPECT_EQ(task.DebugString(), ProtoText<v1::Task>(R"(
      name: "hello" status: TASK_STATUS_ENABLED
      docker_build { source_location: "https://git.local/team/app.git#main:src" docker_file_path: "Dockerfile"
        image_names: "app:{{.Run.ID}}" }
      source_triggers { name: "defaultSourceTriggerName" status: TASK_STATUS_ENABLED events: "commit" }
      base_image_trigger { name: "defaultBaseimageTriggerName"
        base_image_trigger_type: BASE_IMAGE_TRIGGER_TYPE_RUNTIME })"));
}

TEST_F(TaskProgramTest, EveryOptionArrives) {
  const v1::Task task = Create({"--name",
                                "hello",
                                "--context",
                                "https://git.local/a.git",
                                "--file",
                                "Dockerfile.prod",
                                "--image",
                                "a:1",
                                "-t",
                                "b:2",
                                "--no-push",
                                "--no-cache",
                                "true",
                                "--arg",
                                "A=1",
                                "--arg",
                                "FROM_ENV",
                                "--secret-arg",
                                "S=hush",
                                "--target",
                                "final",
                                "--platform",
                                "linux/arm64,linux/amd64",
                                "--timeout",
                                "600",
                                "--status",
                                "disabled",
                                "--commit-trigger-enabled",
                                "false",
                                "--pull-request-trigger-enabled",
                                "--git-access-token",
                                "tok",
                                "--source-trigger-name",
                                "src",
                                "--branch",
                                "main",
                                "--branch",
                                "release/*",
                                "--tag-filter",
                                "v*",
                                "--path-filter",
                                "app/**",
                                "--cancel-previous",
                                "--forks",
                                "ignore",
                                "--schedule",
                                "0 21 * * *",
                                "--schedule",
                                "nightly:0 1 * * Mon-Fri",
                                "--time-zone",
                                "Europe/Berlin",
                                "--missed",
                                "skip",
                                "--base-image-trigger-enabled",
                                "true",
                                "--base-image-trigger-name",
                                "bases",
                                "--base-image-trigger-type",
                                "All",
                                "--update-trigger-endpoint",
                                "https://hook.local/x",
                                "--update-trigger-payload-type",
                                "Token",
                                "--rebase",
                                "whenSafe"});
  EXPECT_EQ(task.DebugString(), ProtoText<v1::Task>(R"(
      name: "hello" status: TASK_STATUS_DISABLED
      docker_build { source_location: "https://git.local/a.git" docker_file_path: "Dockerfile.prod" image_names: "a:1"
        image_names: "b:2" is_push_enabled: false no_cache: true target: "final"
        arguments { name: "A" value: "1" } arguments { name: "FROM_ENV" value: "seen" }
        arguments { name: "S" value: "hush" is_secret: true }
        platforms { os: "linux" architecture: "arm64" } platforms { os: "linux" architecture: "amd64" }
        timeout { seconds: 600 } }
      context_access_token: "tok"
      timer_triggers { name: "t1" schedule: "0 21 * * *" time_zone: "Europe/Berlin" missed: MISSED_TIMER_SKIP }
      timer_triggers { name: "nightly" schedule: "0 1 * * Mon-Fri" time_zone: "Europe/Berlin"
        missed: MISSED_TIMER_SKIP }
      source_triggers { name: "src" status: TASK_STATUS_ENABLED events: "pullrequest" branches: "main"
        branches: "release/*" tags: "v*" paths: "app/**" status_token: "tok" forks: FORK_POLICY_IGNORE
        cancel_previous: true }
      base_image_trigger { name: "bases" status: TASK_STATUS_ENABLED
        base_image_trigger_type: BASE_IMAGE_TRIGGER_TYPE_ALL update_trigger_endpoint: "https://hook.local/x"
        update_trigger_payload_type: "Token" rebase: REBASE_POLICY_WHEN_SAFE })"));
}

TEST_F(TaskProgramTest, ACommandIsATaskFileOfOneStep) {
  const v1::Task task = Create({"-n", "hello", "-c", "/dev/null", "--cmd", "bash echo hi"});
  EXPECT_EQ(task.encoded_task().task_content(),
            "version: v1.1.0\nsteps:\n  - cmd: \"bash echo hi\"\n    disableWorkingDirectoryOverride: true\n"
            "    timeout: 3600\n");
  EXPECT_EQ(task.encoded_task().source_location(), "/dev/null");
  EXPECT_EQ(task.source_triggers_size(), 0) << "there is no repository";
  EXPECT_TRUE(task.has_base_image_trigger());
}

TEST_F(TaskProgramTest, TaskFilesAreKnownByTheirSuffix) {
  const v1::Task file = Create({"-n", "file-task", "-c", kRepository, "-f", "ci/task.yaml", "--values", "v.yaml",
                                "--set", "a=1", "--set-secret", "b=hush"});
  EXPECT_EQ(file.file_task().DebugString(), ProtoText<v1::FileTaskRequest>(R"(
      source_location: "https://git.local/team/app.git#main:src" task_file_path: "ci/task.yaml"
      values_file_path: "v.yaml"
      values { name: "a" value: "1" } values { name: "b" value: "hush" is_secret: true })"));
  folder_.Write("acb.yml", "steps: []\n");
  folder_.Write("values.yaml", "a: 1\n");
  const v1::Task sent = Create({"-n", "sent-task", "-c", "/dev/null", "-f", "acb.yml", "--values", "values.yaml"});
  EXPECT_EQ(sent.encoded_task().task_content(), "steps: []\nversion: v1.1.0\n");
  EXPECT_EQ(sent.encoded_task().values_content(), "a: 1\n");
  folder_.Write("Dockerfile", "FROM scratch\n");
  const v1::Task build = Create({"-n", "bare-build", "-c", "/dev/null", "-f", "Dockerfile", "-t", "a"});
  EXPECT_EQ(build.docker_build().docker_file_content(), "FROM scratch\n");
}

TEST_F(TaskProgramTest, CreateSaysTheWebhookAndItsSecretInWords) {
  const RunOutput out = Task({"create", "-n", "hello", "-c", kRepository, "-f", "Dockerfile", "-t", "a"});
  EXPECT_EQ(out.exit.code, 0) << out.err;
  EXPECT_THAT(out.err, HasSubstr("Webhook of 'defaultSourceTriggerName':\n"));
  EXPECT_THAT(out.err, HasSubstr("/webhooks/git/hello/defaultSourceTriggerName\n  Secret:  drawn\n"));
  EXPECT_THAT(out.err, HasSubstr("shown this once only"));
  const auto json = nlohmann::json::parse(out.out);
  EXPECT_EQ(json["name"], "hello");
  EXPECT_EQ(json["status"], "Enabled");
  EXPECT_EQ(json["step"]["type"], "Docker");
  EXPECT_EQ(json["step"]["contextPath"], kRepository);
  EXPECT_EQ(json["trigger"]["baseImageTrigger"]["baseImageTriggerType"], "Runtime");
  EXPECT_EQ(json["trigger"]["sourceTriggers"][0]["sourceTriggerEvents"][0], "commit");
}

TEST_F(TaskProgramTest, WordsThatDoNotGoTogetherAreUsageErrors) {
  folder_.Write("Dockerfile", "FROM scratch\n");
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{"-c", kRepository}, "missing --file/-f argument"},
      {{"-c", kRepository, "--cmd", "bash"}, "missing --file/-f argument"},
      {{"-c", kRepository, "--cmd", "bash", "-f", "a.yaml"},
       "Task can be created with either --cmd myCommand -c /dev/null or -f myFile -c myContext, but not both."},
      {{"-c", "/dev/null"}, "there is nothing to run: give --cmd or --file"},
      {{"-c", folder_.path(), "-f", "Dockerfile"}, "a task runs when nobody is there to send"},
      {{"-c", kRepository, "-f", "a.yaml", "--arg", "A=1"}, "--arg is for Dockerfiles"},
      {{"-c", kRepository, "-f", "Dockerfile", "--set", "A=1"}, "--set is for task files"},
      {{"-c", "/dev/null", "--cmd", "bash", "--branch", "main"}, "the task has none"},
      {{"-c", "/dev/null", "--cmd", "bash", "--commit-trigger-enabled"}, "needs a git repository as context"},
      {{"-c", kRepository, "-f", "D", "--missed", "skip"}, "none is given"},
      {{"-c", kRepository, "-f", "D", "--forks", "ignroe"}, "did you mean 'ignore'?"},
      {{"-c", kRepository, "-f", "D", "--rebase", "x"}, "there are never, whenSafe"},
      {{"-c", kRepository, "-f", "D", "--assign-identity"}, "there are no identities here"},
      {{"-f", "D"}, "--context is required"},
      {{"-c", kRepository, "-f", "D", "--brnch", "x"}, "flag '--brnch' is unknown; did you mean '--branch'?"}};
  for (const auto& [words, message] : cases) {
    std::vector<std::string> all = {"create", "-n", "hello"};
    all.insert(all.end(), words.begin(), words.end());
    const RunOutput out = Task(all);
    EXPECT_EQ(out.exit.code, 2) << out.err;
    EXPECT_THAT(out.err, HasSubstr(message));
  }
  EXPECT_TRUE(server_.tasks().created().empty());
  const RunOutput unknown = Task({"craete"});
  EXPECT_EQ(unknown.exit.code, 2);
  EXPECT_EQ(unknown.err,
            "slipway: command 'craete' is unknown; did you mean 'create'?\nRun 'slipway task --help' for its usage\n");
}

TEST_F(TaskProgramTest, FieldsThatTheDaemonRefusesAreNamed) {
  const RunOutput out = Task({"create", "-n", "x", "-c", "/dev/null", "--cmd", "bash"});
  EXPECT_EQ(out.exit.code, 1);
  EXPECT_EQ(out.err, "slipway: create task 'x': name: is too short\n");
}

TEST_F(TaskProgramTest, ScriptsForAzRunAsTheyAre) {
  const RunOutput out = Task({"create",
                              "--registry",
                              "myregistry",
                              "-g",
                              "group",
                              "--name",
                              "hello",
                              "--image",
                              "app:{{.Run.ID}}",
                              "--context",
                              "https://github.com/u/r.git#main",
                              "--file",
                              "Dockerfile",
                              "--git-access-token",
                              "tok",
                              "--cpu",
                              "4",
                              "--no-format",
                              "--auth-mode",
                              "Default"});
  EXPECT_EQ(out.exit.code, 0) << out.err;
  EXPECT_THAT(out.err, HasSubstr("note: --cpu has no meaning for this daemon and is ignored\n"));
  EXPECT_THAT(out.err, Not(HasSubstr("--auth-mode")));
}

TEST_F(TaskProgramTest, UpdateNamesExactlyWhatWasGiven) {
  PutHello();
  const auto [mask, task] = Update({"-t", "b:2", "--timeout", "60", "--status", "Disabled"});
  EXPECT_THAT(mask, ElementsAre("step.timeout", "step.image_names", "status"));
  EXPECT_EQ(task.DebugString(), ProtoText<v1::Task>(R"(status: TASK_STATUS_DISABLED
      docker_build { image_names: "b:2" timeout { seconds: 60 } })"));
  EXPECT_EQ(server_.tasks().Stored("hello").docker_build().docker_file_path(), "Dockerfile");
}

TEST_F(TaskProgramTest, UpdateOfArgumentsLeavesSecretsAsTheyAre) {
  PutHello();
  const auto [mask, task] = Update({"--arg", "B=2"});
  EXPECT_THAT(mask, ElementsAre("step.arguments"));
  const v1::Task stored = server_.tasks().Stored("hello");
  ASSERT_EQ(stored.docker_build().arguments_size(), 2);
  EXPECT_EQ(stored.docker_build().arguments(0).value(), "hush");
  EXPECT_EQ(stored.docker_build().arguments(1).name(), "B");
}

TEST_F(TaskProgramTest, UpdateOfTheTokenReachesSourceAndStatuses) {
  PutHello();
  const auto [mask, task] = Update({"--git-access-token", "new"});
  EXPECT_THAT(mask, ElementsAre("source_triggers", "context_access_token"));
  EXPECT_EQ(task.context_access_token(), "new");
  EXPECT_EQ(task.source_triggers(0).status_token(), "new");
  EXPECT_EQ(server_.tasks().Stored("hello").source_triggers(0).secret(), "drawn");
}

TEST_F(TaskProgramTest, UpdateOfTriggersKeepsTheOthers) {
  PutHello();
  const auto [mask, task] = Update({"--pull-request-trigger-enabled", "--path-filter", "src/**"});
  EXPECT_THAT(mask, ElementsAre("source_triggers"));
  EXPECT_THAT(task.source_triggers(0).events(), ElementsAre("commit", "pullrequest"));
  EXPECT_THAT(task.source_triggers(0).paths(), ElementsAre("src/**"));
  EXPECT_EQ(Update({"--commit-trigger-enabled", "false", "--pull-request-trigger-enabled", "false"})
                .second.source_triggers(0)
                .status(),
            v1::TASK_STATUS_DISABLED);
  const auto timers = Update({"--schedule", "t1:0 2 * * *", "--schedule", "weekly:0 3 * * 0"});
  EXPECT_THAT(timers.first, ElementsAre("timer_triggers"));
  EXPECT_EQ(timers.second.DebugString(), ProtoText<v1::Task>(R"(
      timer_triggers { name: "t1" schedule: "0 2 * * *" time_zone: "Europe/Berlin" }
      timer_triggers { name: "weekly" schedule: "0 3 * * 0" })"));
  const auto base = Update({"--base-image-trigger-enabled", "false"});
  EXPECT_THAT(base.first, ElementsAre("base_image_trigger"));
  EXPECT_EQ(base.second.base_image_trigger().status(), v1::TASK_STATUS_DISABLED);
}

TEST_F(TaskProgramTest, UpdateToAnotherKindOfStepReplacesIt) {
  PutHello();
  const auto [mask, task] = Update({"-f", "task.yaml"});
  EXPECT_THAT(mask, ElementsAre("file_task"));
  EXPECT_EQ(
      task.DebugString(),
      ProtoText<v1::Task>(R"(file_task { source_location: "https://git.local/a.git" task_file_path: "task.yaml" })"));
  EXPECT_THAT(Update({"-f", "other.yaml"}).first, ElementsAre("step.task_file_path"));
}

TEST_F(TaskProgramTest, UpdateBeginsAnewWhereSomebodyElseWasFaster) {
  PutHello();
  server_.tasks().BeforeNextUpdate([](v1::Task* task) { task->mutable_docker_build()->set_target("theirs"); });
  EXPECT_THAT(Update({"-t", "b:2"}).first, ElementsAre("step.image_names"));
  EXPECT_EQ(server_.tasks().updated().size(), 2U);
  EXPECT_EQ(server_.tasks().Stored("hello").docker_build().target(), "theirs");
  EXPECT_EQ(server_.tasks().Stored("hello").docker_build().image_names(0), "b:2");
}

TEST_F(TaskProgramTest, UpdateOfNothingOrOfSeveralTriggersIsAskedBack) {
  PutHello("source_triggers { name: \"second\" }");
  EXPECT_THAT(Task({"update", "-n", "hello"}).err, HasSubstr("nothing is to be changed"));
  const RunOutput out = Task({"update", "-n", "hello", "--branch", "x"});
  EXPECT_EQ(out.exit.code, 2);
  EXPECT_THAT(out.err, HasSubstr("name one with --source-trigger-name: defaultSourceTriggerName, second"));
  const RunOutput missing = Task({"update", "-n", "other", "--no-cache"});
  EXPECT_EQ(missing.exit.code, 1);
  EXPECT_EQ(missing.err, "slipway: get task 'other': task 'other' does not exist\n");
}

TEST_F(TaskProgramTest, ListIsATableAsAzHasIt) {
  PutHello();
  server_.tasks().Put(ParseProto<v1::Task>(R"(name: "nightly" status: TASK_STATUS_DISABLED
      encoded_task { source_location: "/dev/null" platform { os: "linux" architecture: "amd64" } }
      timer_triggers { name: "t1" schedule: "0 1 * * *" } timer_triggers { name: "t2" schedule: "0 2 * * *" })"));
  server_.tasks().Put(ParseProto<v1::Task>(R"(name: "quiet" file_task { source_location: "git@h:a.git" }
      source_triggers { name: "s" status: TASK_STATUS_DISABLED })"));
  EXPECT_EQ(Task({"list", "-o", "table"}).out,
            "NAME     PLATFORM     STATUS    SOURCE REPOSITORY        TRIGGERS\n"
            "-------  -----------  --------  -----------------------  -------------------------\n"
            "hello                 Enabled   https://git.local/a.git  BASE_IMAGE, SOURCE, TIMER\n"
            "nightly  linux/amd64  Disabled                           TIMER\n"
            "quiet                 Enabled   git@h:a.git\n");
  EXPECT_EQ(nlohmann::json::parse(Task({"list"}).out).size(), 3U) << "programs get JSON, of all pages";
}

TEST_F(TaskProgramTest, ShowHidesSecrets) {
  PutHello(
      "context_access_token: \"hush\" credentials { login_server: \"r.local\" username: \"u\" password: \"hush\" }");
  for (const char* form : {"json", "yaml", "table"}) {
    EXPECT_THAT(Task({"show", "-n", "hello", "-o", form, "--with-secure-properties"}).out, Not(HasSubstr("hush")));
  }
  const auto json = nlohmann::json::parse(Task({"show", "-n", "hello"}).out);
  EXPECT_EQ(json["credentials"]["customRegistries"]["r.local"]["userName"]["value"], "u");
  EXPECT_EQ(json["step"]["contextAccessToken"], "***");
}

TEST_F(TaskProgramTest, DeleteWantsToBeSure) {
  PutHello();
  const RunOutput asked = Task({"delete", "-n", "hello"});
  EXPECT_EQ(asked.exit.code, 2);
  EXPECT_THAT(asked.err, HasSubstr("say --yes"));
  EXPECT_EQ(Task({"delete", "-n", "hello", "-y"}).exit.code, 0);
  EXPECT_EQ(server_.tasks().Stored("hello").name(), "");
  EXPECT_EQ(Task({"delete", "-n", "hello", "-y"}).exit.code, 1);
}

TEST_F(TaskProgramTest, EnableAndDisableChangeNothingButTheStatus) {
  PutHello();
  EXPECT_EQ(Task({"disable", "-n", "hello"}).out, "Task hello is disabled\n");
  const auto requests = server_.tasks().updated();
  EXPECT_THAT(requests.back().update_mask().paths(), ElementsAre("status"));
  EXPECT_EQ(Task({"disable", "-n", "hello"}).exit.code, 0);
  EXPECT_EQ(server_.tasks().updated().size(), 1U) << "it is so already";
  EXPECT_EQ(Task({"enable", "-n", "hello"}).out, "Task hello is enabled\n");
  EXPECT_EQ(server_.tasks().Stored("hello").status(), v1::TASK_STATUS_ENABLED);
}

}  // namespace
}  // namespace slipway::cli
