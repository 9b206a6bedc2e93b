// Task files as a whole: what they mean, and what is wrong with them.
#include "steps/task/task_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/steps/task/task_fixture.h"

namespace slipway::task {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

const CmdStep& Cmd(const Task& task, size_t i) { return std::get<CmdStep>(task.steps.at(i).what); }
const BuildStep& Build(const Task& task, size_t i) { return std::get<BuildStep>(task.steps.at(i).what); }

TEST(TaskFile, ACacheIsNamedAfterTaskAndStep) {
  const std::string text =
      "steps:\n  - build: -t app .\n    cache: Enabled\n  - build: -t app .\n    cache: disabled\n";
  const Task task = TaskOf(text);
  EXPECT_EQ(Build(task, 0).request.cache_to.at(0).ref.ToString(), "reg.example.com/app:cache_quickrun_acb_step_0");
  EXPECT_THAT(Build(task, 1).request.cache_to, IsEmpty());
  TaskFileRequest stored = FileRequest(text);
  stored.data.run.task_name = "nightly";
  const Result<CompiledTask> compiled = CompileTask(Context::Background(), stored);
  ASSERT_TRUE(compiled.ok()) << compiled.status().message();
  EXPECT_EQ(Build(compiled->task, 0).request.cache_from.at(0).tag, "cache_nightly_acb_step_0");
}

TEST(TaskFile, DefaultsAreFilledIn) {
  const Task task =
      TaskOf("steps:\n  - cmd: bash echo hi\n  - build: -t app .\n  - push: [app, 'app:latest', other.io/x:1]\n");
  ASSERT_EQ(task.steps.size(), 3U);
  const Step& step = task.steps[0];
  EXPECT_EQ(step.id, "acb_step_0");
  EXPECT_THAT(step.when, IsEmpty());
  EXPECT_EQ(step.timeout, std::chrono::seconds(600));
  EXPECT_EQ(step.retry_delay, std::chrono::seconds(5));
  EXPECT_EQ(step.working_directory, "/workspace");
  EXPECT_EQ(step.network, "acb_default_network");
  EXPECT_EQ(step.position, (Position{2, 5}));
  EXPECT_EQ(Cmd(task, 0).remote_name.ToString(), "docker.io/library/bash:latest");
  EXPECT_EQ(Cmd(task, 0).local_name.ToString(), "reg.example.com/bash:latest");
  EXPECT_THAT(Cmd(task, 0).arguments, ElementsAre("echo", "hi"));
  EXPECT_THAT(task.steps[1].when, ElementsAre("acb_step_0"));
  EXPECT_EQ(Build(task, 1).context_folder, "/workspace");
  EXPECT_EQ(Build(task, 1).dockerfile, "/workspace/Dockerfile");
  EXPECT_EQ(Build(task, 1).request.names.at(0).ToString(), "reg.example.com/app:latest");
  std::vector<std::string> pushed;
  for (const oci::Reference& name : std::get<PushStep>(task.steps[2].what).names) pushed.push_back(name.ToString());
  EXPECT_THAT(pushed, ElementsAre("reg.example.com/app:latest", "other.io/x:1"));
  ASSERT_EQ(task.networks.size(), 1U);
  EXPECT_TRUE(task.networks[0].is_default);
}

TEST(TaskFile, NothingIsATaskWithoutSteps) {
  EXPECT_THAT(TaskOf("").steps, IsEmpty());
  EXPECT_THAT(TaskOf("steps: []\n").steps, IsEmpty());
  EXPECT_THAT(TaskOf("version: v1.0.0\n").steps, IsEmpty());
  EXPECT_THAT(TaskOf("steps: []\n---\nsteps: [{cmd: a}]\n").steps, IsEmpty());
}

TEST(TaskFile, ScalarsAreReadAsTheOriginalDoes) {
  const Task task = TaskOf(
      "stepTimeout: 0x10\nsteps:\n"
      "  - {id: 1.50, cmd: a, timeout: 1_000, retries: 1.9, startDelay: 010, ignoreErrors: yes, pull: On, keep: n}\n"
      "  - {cmd: b, timeout: -1, retryDelay: 0, detach: ~, env: null}\n"
      "  - {cmd: c, cmd: d}\n");
  EXPECT_EQ(task.steps[0].id, "1.50");
  EXPECT_EQ(task.steps[0].timeout, std::chrono::seconds(1000));
  EXPECT_EQ(task.steps[0].retries, 1);
  EXPECT_EQ(task.steps[0].start_delay, std::chrono::seconds(8));
  EXPECT_TRUE(task.steps[0].ignore_errors);
  EXPECT_TRUE(Cmd(task, 0).pull);
  EXPECT_FALSE(Cmd(task, 0).keep);
  EXPECT_EQ(task.steps[1].timeout, std::chrono::seconds(16));
  EXPECT_EQ(task.steps[1].retry_delay, std::chrono::seconds(5));
  EXPECT_EQ(Cmd(task, 2).image, "d");
}

TEST(TaskFile, ErrorsOfTypeAreToldTogether) {
  EXPECT_EQ(
      ErrorOf("steps:\n  - cmd: a\n    timeout: \"60\"\n    when: \"-\"\n    privileged: 'true'\n    env: {a: b}\n"),
      "acb.yaml:3:14: 'timeout' must be a whole number; it is the text '60'\n"
      "acb.yaml:4:11: 'when' must be a list of texts; it is the text '-'\n"
      "acb.yaml:5:17: 'privileged' must be true or false; it is the text 'true'\n"
      "acb.yaml:6:10: 'env' must be a list of texts; it is a mapping");
  EXPECT_EQ(ErrorOf("foo\n"), "acb.yaml:1:1: a task file must be a mapping; here is the value 'foo'");
  EXPECT_EQ(ErrorOf("- a\n"), "acb.yaml:1:1: a task file must be a mapping; here is a list");
  EXPECT_THAT(ErrorOf("steps:\n\t- cmd: a\n"), StartsWith("acb.yaml:2:2: "));
}

TEST(TaskFile, UnknownKeysAreWarningsOrErrors) {
  const std::string text =
      "stepz: []\nsteps:\n  - CMD: x\n    cmd: a\n    timout: 5\n    downloadRetries: 3\n    secret: x\n";
  const Result<CompiledTask> compiled = Compile(text);
  ASSERT_TRUE(compiled.ok()) << compiled.status().message();
  EXPECT_THAT(compiled->warnings,
              ElementsAre("acb.yaml:1:1: 'stepz' is no key of a task file; did you mean 'steps'?",
                          "acb.yaml:3:5: 'CMD' is no key of a step; did you mean 'cmd'?",
                          "acb.yaml:5:5: 'timout' is no key of a step; did you mean 'timeout'?",
                          "acb.yaml:6:5: 'downloadRetries' is no key of a step; did you mean 'cmdDownloadRetries'?",
                          "acb.yaml:7:5: 'secret' is no key of a step; secrets are given to a step in a volume"));
  TaskFileRequest request = FileRequest(text);
  request.strict = true;
  EXPECT_THAT(CompileTask(Context::Background(), request).status().message(),
              StartsWith("acb.yaml:1:1: 'stepz' is no key"));
}

TEST(TaskFile, AnchorsAndMergesWork) {
  const Task task = TaskOf(
      "base: &base {timeout: 7, retries: 2}\nsteps:\n  - {<<: *base, cmd: a, retries: 3}\n  - {cmd: b, <<: [*base]}\n");
  EXPECT_EQ(task.steps[0].timeout, std::chrono::seconds(7));
  EXPECT_EQ(task.steps[0].retries, 3);
  EXPECT_EQ(task.steps[1].retries, 2);
}

TEST(TaskFile, BombsAreRefused) {
  std::string laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 9; ++i) {
    laughs += fmt::format("a{}: &a{} [*a{}, *a{}, *a{}, *a{}, *a{}, *a{}, *a{}, *a{}, *a{}]\n", i, i, i - 1, i - 1,
                          i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
  }
  EXPECT_THAT(ErrorOf(laughs + "steps:\n  - cmd: a\n    env: *a8\n"), HasSubstr("must be a text; it is a list"));
  std::string steps = "x: &s [";
  for (int i = 0; i < 500; ++i) steps += "{cmd: a},";
  steps += "]\ny: &m {volumeMounts: [";
  for (int i = 0; i < 1000; ++i) steps += "{name: a},";
  steps += "]}\nsteps: [";
  for (int i = 0; i < 900; ++i) steps += "*m,";
  EXPECT_THAT(ErrorOf(steps + "]\n"), HasSubstr("aliases make the file too large"));
  EXPECT_THAT(ErrorOf("steps: " + std::string(200, '[') + std::string(200, ']') + "\n"),
              HasSubstr("nested more than 100 deep"));
  EXPECT_THAT(ErrorOf("steps: " + std::string(100'000, '[') + "\n"), HasSubstr("acb.yaml:1:"));
  EXPECT_THAT(ErrorOf("a: &a [*a]\n"), StartsWith("acb.yaml:1:"));
  EXPECT_THAT(ErrorOf(std::string(2 << 20, ' ')), HasSubstr("a task file may have"));
}

// What the checks refuse, with the place of it.
struct BadCase {
  const char* text;
  const char* message;
};
class TaskFileErrors : public ::testing::TestWithParam<BadCase> {};

TEST_P(TaskFileErrors, AreToldWithTheirPlace) { EXPECT_EQ(ErrorOf(GetParam().text), GetParam().message); }

INSTANTIATE_TEST_SUITE_P(
    All, TaskFileErrors,
    ::testing::Values(
        BadCase{"version: 1.0.0\n",
                "acb.yaml:1:10: the version '1.0.0' is not known; there are v1.0.0, v1.1.0 and 1.0-preview-1; did you "
                "mean 'v1.0.0'?"},
        BadCase{"steps:\n  - cmd: a\n  -\n", "acb.yaml:3:3: step 2 is empty"},
        BadCase{"steps:\n  - {id: x}\n", "acb.yaml:2:5: step 'x' has none of cmd, build and push"},
        BadCase{"steps:\n  - {id: x, cmd: a, build: .}\n",
                "acb.yaml:2:5: step 'x' has more than one of cmd, build and push; split it"},
        BadCase{"steps:\n  - {id: x, cmd: a, retries: -1}\n", "acb.yaml:2:30: step 'x': 'retries' is negative"},
        BadCase{"steps:\n  - {id: x, cmd: a, repeat: -1}\n", "acb.yaml:2:29: step 'x': 'repeat' is negative"},
        BadCase{"steps:\n  - {id: a b, cmd: a}\n", "acb.yaml:2:10: the id 'a b' of a step holds a blank"},
        BadCase{"steps:\n  - {id: a/b, cmd: a}\n",
                "acb.yaml:2:10: the id 'a/b' may have letters, digits, '_', '.' and '-', and no more than 128 of them"},
        BadCase{"steps:\n  - {id: acb_root, cmd: a}\n", "acb.yaml:2:10: the id 'acb_root' is taken; choose another"},
        BadCase{"steps:\n  - {id: acb_step_1, cmd: a}\n  - {cmd: b}\n",
                "acb.yaml:3:5: two steps have the id 'acb_step_1'"},
        BadCase{"steps:\n  - {id: x, cmd: a, when: ['-', y]}\n",
                "acb.yaml:2:27: step 'x': 'when' has '-' (at once) and other steps"},
        BadCase{"steps:\n  - {id: x, cmd: a, when: [x]}\n", "acb.yaml:2:28: step 'x' waits for itself"},
        BadCase{"steps:\n  - {id: x, cmd: a, when: [y]}\n  - {id: y, cmd: b}\n",
                "acb.yaml:2:28: step 'x' waits for 'y', which stands after it (line 3); steps wait for earlier ones"},
        BadCase{
            "steps:\n  - {id: build, cmd: a}\n  - {id: x, cmd: a, when: [biuld]}\n",
            "acb.yaml:3:28: step 'x' waits for 'biuld', and there is no such step before it; did you mean 'build'?"},
        BadCase{"steps:\n  - {id: x, build: ., cache: on-ish}\n",
                "acb.yaml:2:30: step 'x': 'cache' is 'on-ish'; it may be enabled, disabled"},
        BadCase{"steps:\n  - {id: x, cmd: a, runOn: allways}\n",
                "acb.yaml:2:28: step 'x': 'runOn' is 'allways'; it may be success, failure, always; did you mean "
                "'always'?"},
        BadCase{"steps:\n  - {id: x, cmd: a, isolation: hyperv}\n",
                "acb.yaml:2:32: step 'x': 'isolation' is 'hyperv'; it may be default"},
        BadCase{"steps:\n  - {id: x, cmd: a, cpus: many}\n",
                "acb.yaml:2:27: step 'x': 'many' is no number of processors like '1.5'"},
        BadCase{"steps:\n  - {id: x, cmd: a, ports: ['99999:80']}\n",
                "acb.yaml:2:29: step 'x': '99999:80': '99999' is no port from 1 to 65535"},
        BadCase{"steps:\n  - {id: x, cmd: a, network: nett}\nnetworks:\n  - name: net\n",
                "acb.yaml:2:30: step 'x': the network 'nett' is not among the task's 'networks'; did you mean 'net'?"},
        BadCase{"networks:\n  - driver: bridge\n", "acb.yaml:2:5: a network has no name"},
        BadCase{"networks: [{name: a}, {name: a}]\n", "acb.yaml:1:30: there are two networks 'a'"},
        BadCase{"networks: [{name: a, driver: overlay}]\n",
                "acb.yaml:1:12: the network 'a' wants the driver 'overlay'; there is only 'bridge'"},
        BadCase{"maxParallel: -1\n", "acb.yaml:1:14: 'maxParallel' is negative"},
        BadCase{"secrets:\n  - keyvault: env:A\n", "acb.yaml:2:5: a secret has no id"},
        BadCase{"secrets:\n  - {id: a b, keyvault: env:A}\n", "acb.yaml:2:5: the id 'a b' of a secret holds a blank"},
        BadCase{"secrets:\n  - {id: a, keyvault: env:A}\n  - {id: a, keyvault: env:A}\n",
                "acb.yaml:3:5: there are two secrets 'a'"},
        BadCase{"secrets:\n  - {id: a}\n", "acb.yaml:2:5: the secret 'a' has no 'keyvault' to read it from"},
        BadCase{"secrets:\n  - {id: a, keyvault: env:A, clientID: x}\n",
                "acb.yaml:2:5: the clientID of secret 'a' is no UUID"},
        BadCase{"volumes:\n  - secret: {a: eA==}\n", "acb.yaml:2:5: a volume has no name"},
        BadCase{"volumes:\n  - {name: a/b, secret: {a: eA==}}\n",
                "acb.yaml:2:12: the name 'a/b' of a volume may have letters, digits, '-' and '_'"},
        BadCase{"volumes:\n  - {name: a, secret: {a: eA==}}\n  - {name: a, secret: {a: eA==}}\n",
                "acb.yaml:3:12: there are two volumes 'a'"},
        BadCase{"volumes:\n  - {name: a}\n", "acb.yaml:2:5: the volume 'a' has no 'secret', the only source of files"},
        BadCase{"volumes:\n  - {name: a, secret: {}}\n", "acb.yaml:2:5: the 'secret' of volume 'a' has no files"},
        BadCase{"volumes:\n  - {name: a, secret: {'': eA==}}\n", "acb.yaml:2:24: a file of volume 'a' has no name"},
        BadCase{"volumes:\n  - {name: a, secret: {x/y: eA==}}\n",
                "acb.yaml:2:24: the file 'x/y' of volume 'a' may have letters, digits, '-', '_' and '.' in its name"},
        BadCase{"volumes:\n  - {name: a, secret: {x: '%%'}}\n",
                "acb.yaml:2:27: the file 'x' of volume 'a' is not base64 (b64enc makes it of a text)"},
        BadCase{"steps:\n  - cmd: a\n    volumeMounts:\n      - {name: a, mountPath: /x}\n",
                "acb.yaml:4:9: the mount 'a' is no volume of the task"},
        BadCase{"steps:\n  - cmd: a\n    volumeMounts:\n      - {name: a}\n",
                "acb.yaml:4:9: a mount needs both 'name' and 'mountPath'"},
        BadCase{"volumes: [{name: a, secret: {x: eA==}}]\nsteps:\n  - cmd: a\n    volumeMounts:\n"
                "      - {name: a, mountPath: /x}\n      - {name: a, mountPath: /x}\n",
                "acb.yaml:6:9: two mounts of a step have the path '/x'"},
        BadCase{"volumes: [{name: a, secret: {x: eA==}}]\nsteps:\n  - id: x\n    push: [a]\n    volumeMounts:\n"
                "      - {name: a, mountPath: /x}\n",
                "acb.yaml:6:9: step 'x': 'volumeMounts' are for cmd and build steps"},
        BadCase{"steps:\n  - id: x\n    push: "
                "['a@sha256:0000000000000000000000000000000000000000000000000000000000000000']\n",
                "acb.yaml:3:12: step 'x': push: "
                "'a@sha256:0000000000000000000000000000000000000000000000000000000000000000' has "
                "a digest; what is pushed has a tag"},
        BadCase{"env: [a]\nsteps:\n  - cmd: x\n",
                "acb.yaml:1:7: the environment entry 'a' of the task is not of the form NAME=VALUE"},
        BadCase{"env: [a=1]\nsteps:\n  - cmd: x\n    env: [FOO]\n",
                "acb.yaml:4:11: the environment entry 'FOO' is not of the form NAME=VALUE"}));

// An error of the environment of a later step comes before a missing cmd of an earlier one.
TEST(TaskFile, ChecksAreInTheOriginalsOrder) {
  EXPECT_THAT(ErrorOf("env: [a=1]\nsteps:\n  - id: x\n  - cmd: y\n    env: [B]\n"),
              StartsWith("acb.yaml:5:11: the environment"));
  EXPECT_THAT(ErrorOf("version: v9\nsteps:\n  - cmd: y\n    volumeMounts: [{name: a, mountPath: /b}]\n"),
              HasSubstr("is no volume of the task"));
}

TEST(TaskFile, EnvironmentsAreMerged) {
  const Task task = TaskOf(
      "env: ['a=1,b=2', 'c=3,4', \"d='5,6'\"]\nsteps:\n  - cmd: x\n    env: ['a=9', 'z=1,y=2', \"Q='x y'\", '\"R=s\"', "
      "'J={\"k\":1}']\n");
  EXPECT_THAT(task.steps[0].env, ElementsAre("a=9", "z=1,y=2", "Q=x y", "R=s", "J={\"k\":1}", "b=2", "c=3,4", "d=5,6"));
}

TEST(TaskFile, WhenIsResolved) {
  const Task task = TaskOf(
      "steps:\n  - {id: A, cmd: x}\n  - {id: B, cmd: x, when: ['-']}\n  - {id: C, cmd: x}\n"
      "  - {id: D, cmd: x, when: [A, B, A]}\n  - {id: E, cmd: x, when: [acb_root], runOn: always}\n");
  EXPECT_THAT(task.steps[1].when, IsEmpty());
  EXPECT_THAT(task.steps[2].when, ElementsAre("B"));
  EXPECT_THAT(task.steps[3].when, ElementsAre("A", "B"));
  EXPECT_THAT(task.steps[4].when, IsEmpty());
  EXPECT_EQ(task.steps[4].run_on, RunOn::kAlways);
}

TEST(TaskFile, NetworksAreGivenToSteps) {
  const Task task = TaskOf(
      "networks: [{name: n, isDefault: true}, {name: m, isDefault: true, ipv6: true}]\n"
      "steps:\n  - cmd: a\n  - {cmd: b, network: n}\n  - {cmd: c, network: host}\n  - {cmd: d, network: bridge}\n");
  EXPECT_EQ(task.steps[0].network, "m");
  EXPECT_EQ(task.steps[1].network, "n");
  EXPECT_EQ(task.steps[2].network, "host");
  EXPECT_EQ(task.steps[3].network, "");
  EXPECT_EQ(TaskOf("networks: [{name: n}]\nsteps: [{cmd: a}]\n").steps[0].network, "");
}

TEST(TaskFile, WorkingDirectories) {
  const Task task = TaskOf(
      "workingDirectory: sub\nsteps:\n  - cmd: a\n  - {cmd: a, workingDirectory: /opt/../x}\n"
      "  - {cmd: a, disableWorkingDirectoryOverride: true}\n  - {build: -f ../D app, workingDirectory: w}\n");
  EXPECT_EQ(task.steps[0].working_directory, "/workspace/sub");
  EXPECT_EQ(task.steps[1].working_directory, "/x");
  EXPECT_FALSE(task.steps[2].working_directory);
  EXPECT_EQ(Build(task, 3).context_folder, "/workspace/w/app");
  EXPECT_EQ(Build(task, 3).dockerfile, "/workspace/D");
}

TEST(TaskFile, TemplatesAndAliasesKeepPlaces) {
  const std::string text =
      "version: v1.1.0\n# a comment\nalias:\n  values:\n    img: bash:5\n\nsteps:\n  - cmd: $img echo {{.Run.ID}}\n"
      "  - {{ if true }}id: x\n    {{ end -}}\n    cmd: {{ \"a\" }} && b\n";
  EXPECT_EQ(ErrorOf(text),
            "acb.yaml:11:10: step 'x': cmd: '&&' is for a shell, and none runs outside of the container; put the "
            "commands into "
            "the container: cmd: IMAGE sh -c 'COMMANDS'");
  EXPECT_EQ(
      ErrorOf("version: v1.1.0\nalias: {values: {a: b}}\n# c\nsteps:\n  - cmd: {{ .Values.x.y }}\n").substr(0, 18),
      "acb.yaml:5:13: exe");
  const Result<CompiledTask> good = Compile("version: v1.1.0\nsteps:\n  - cmd: bash echo $ID {{.Run.Registry}}\n");
  ASSERT_TRUE(good.ok()) << good.status().message();
  EXPECT_EQ(good->rendered, "version: v1.1.0\nsteps:\n  - cmd: bash echo cf19 reg.example.com\n");
  EXPECT_EQ(Cmd(good->task, 0).image, "mcr.microsoft.com/acr/bash:2ff604c");
}

TEST(TaskFile, AliasesNeedTheVersion) {
  EXPECT_EQ(Cmd(TaskOf("steps:\n  - cmd: bash $ID\n"), 0).image, "bash");
  EXPECT_THAT(Cmd(TaskOf("version: V1.1.0\nsteps:\n  - cmd: bash $ID\n"), 0).arguments, ElementsAre("$ID"));
}

TEST(TaskFile, BareAliasesStandForTheFirstWord) {
  const Task task = TaskOf(
      "version: v1.1.0\nalias: {values: {say: bash:9 echo}}\nsteps: [{cmd: say hi}, {cmd: bash:3.0 x}, {cmd: "
      "mybash}]\n");
  EXPECT_EQ(Cmd(task, 0).image, "bash:9");
  EXPECT_THAT(Cmd(task, 0).arguments, ElementsAre("echo", "hi"));
  EXPECT_EQ(Cmd(task, 1).image, "bash:3.0");
  EXPECT_EQ(Cmd(task, 2).image, "mybash");
}

TEST(TaskFile, ABuildReadsSecretsFromVolumesOfItsStep) {
  const std::string head = "volumes: [{name: v, secret: {key: aHVudGVyMg==}}]\nsteps:\n";
  const Task task = TaskOf(head +
                           "  - build: --secret id=k,src=/s/key --ulimit nofile=5 --shm-size 1m .\n"
                           "    volumeMounts: [{name: v, mountPath: /s}]\n");
  const builder::BuildInputs& inputs = Build(task, 0).request.inputs;
  ASSERT_EQ(inputs.secrets.size(), 1U);
  EXPECT_EQ(inputs.secrets[0].id, "k");
  EXPECT_EQ(inputs.secrets[0].value, "hunter2");
  EXPECT_THAT(ErrorOf(head + "  - build: --secret id=k,src=/s/key .\n"),
              HasSubstr("--secret: '/s/key' is no file of a volume that the step mounts"));
}

TEST(TaskFile, SecretsInTheOpenAreWarnedAbout) {
  TaskFileRequest request = FileRequest(
      "steps:\n"
      "  - cmd: box sh -c 'login {{.Values.token}}'\n"
      "  - build: --build-arg TOKEN=x{{.Values.token}} .\n"
      "  - cmd: box login\n"
      "    env: [TOKEN={{.Values.token}}]\n");
  ASSERT_TRUE(run_template::SetValues(std::vector<std::string>{"token=hunter2"}, request.data.values).ok());
  EXPECT_TRUE(CompileTask(Context::Background(), request)->warnings.empty());
  request.secret_values["token"] = "hunter2";
  const Result<CompiledTask> compiled = CompileTask(Context::Background(), request);
  ASSERT_TRUE(compiled.ok()) << compiled.status().message();
  EXPECT_THAT(compiled->warnings,
              ElementsAre(HasSubstr("acb.yaml:2:5: step 'acb_step_0': the secret 'token' is among the arguments"),
                          HasSubstr("acb.yaml:3:5: step 'acb_step_1': the build argument 'TOKEN' holds the secret")));
}

TEST(TaskFile, AFileThatIsRenderedToNothingIsRefused) {
  EXPECT_EQ(ErrorOf("{{ if false }}\nsteps: []\n{{ end -}}\n"), "acb.yaml: rendered, nothing is left of it");
}

TEST(TaskFile, SecretsAreResolvedAndRenderedInASecondPass) {
  TaskFileRequest request = FileRequest(
      "secrets:\n  - id: pw\n    keyvault: env:PW\nvolumes:\n  - name: v\n    secret:\n      key: {{ .Secrets.pw | "
      "b64enc }}\n"
      "steps:\n  - cmd: bash cat /s/key\n    volumeMounts: [{name: v, mountPath: /s}]\n");
  std::vector<Secret> asked;
  request.resolve_secrets = [&asked](const Context&, const std::vector<Secret>& secrets) {
    asked = secrets;
    return Result<std::map<std::string, std::string>>(std::map<std::string, std::string>{{"pw", "hunter2"}});
  };
  const Result<CompiledTask> compiled = CompileTask(Context::Background(), request);
  ASSERT_TRUE(compiled.ok()) << compiled.status().message();
  ASSERT_EQ(asked.size(), 1U);
  EXPECT_EQ(asked[0].keyvault, "env:PW");
  EXPECT_EQ(asked[0].position, (Position{2, 5}));
  EXPECT_EQ(compiled->task.volumes.at(0).files.at("key"), "hunter2");
  request.resolve_secrets = nullptr;
  EXPECT_EQ(CompileTask(Context::Background(), request).status().message(),
            "acb.yaml:2:5: secrets cannot be resolved here");
}

}  // namespace
}  // namespace slipway::task
