// `slipway apply` as users start it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/cli/program.h"
#include "tests/cli/proto_text.h"

namespace slipway::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kTwo = R"(
tasks:
- name: first
  status: Enabled
  step: {type: Docker, contextPath: "https://git.local/a.git", dockerFilePath: D, imageNames: [a:1],
         arguments: [{name: S, isSecret: true, valueFrom: "env:FROM_ENV"}]}
  trigger: {sourceTriggers: [{name: src, status: Enabled, sourceTriggerEvents: [commit]}]}
- name: second
  status: Enabled
  step: {taskContent: "steps: []"}
)";

class ApplyProgramTest : public Program {
 protected:
  RunOutput Apply(const std::string& text, std::vector<std::string> flags = {}) {
    folder_.Write("tasks.yaml", text);
    flags.insert(flags.begin(), {"apply", "-f", "tasks.yaml"});
    return Run(std::move(flags));
  }
  static std::string Replaced(std::string text, const std::string& from, const std::string& to) {
    const size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return at == std::string::npos ? text : text.replace(at, from.size(), to);
  }
};

TEST_F(ApplyProgramTest, MakesTasksOnceAndThenLeavesThem) {
  const RunOutput first = Apply(kTwo);
  EXPECT_EQ(first.exit.code, 0) << first.err;
  EXPECT_EQ(first.out, "task first: created\ntask second: created\n");
  EXPECT_THAT(first.err, HasSubstr("/webhooks/git/first/src\n  Secret:  drawn\n"));
  EXPECT_EQ(server_.tasks().Stored("first").docker_build().arguments(0).value(), "seen");
  const std::string etag = server_.tasks().Stored("first").etag();
  const RunOutput second = Apply(kTwo);
  EXPECT_EQ(second.out, "task first: unchanged\ntask second: unchanged\n") << second.err;
  EXPECT_EQ(second.err, "");
  EXPECT_EQ(server_.tasks().Stored("first").etag(), etag);
  for (const v1::UpdateTaskRequest& request : server_.tasks().updated()) EXPECT_TRUE(request.validate_only());
}

TEST_F(ApplyProgramTest, ADryRunShowsWhatWouldChangeAndChangesNothing) {
  const RunOutput made = Apply(kTwo, {"--dry-run"});
  EXPECT_EQ(made.exit.code, 0) << made.err;
  EXPECT_THAT(made.out, HasSubstr("task first: would be created\n"));
  EXPECT_THAT(made.out, HasSubstr("  + step.imageNames[0]: a:1\n"));
  EXPECT_THAT(made.out, Not(HasSubstr("seen"))) << "a secret";
  EXPECT_EQ(server_.tasks().Stored("first").name(), "");
  Apply(kTwo);
  const RunOutput changed = Apply(Replaced(kTwo, "a:1", "a:2"), {"--dry-run"});
  EXPECT_EQ(changed.out,
            "task first: would be changed\n  - step.imageNames[0]: a:1\n  + step.imageNames[0]: a:2\n"
            "task second: unchanged\n");
  EXPECT_EQ(server_.tasks().Stored("first").docker_build().image_names(0), "a:1");
}

TEST_F(ApplyProgramTest, ChangesWhatDiffersAndKeepsSecretsThatTheFileLeavesOut) {
  Apply(kTwo);
  const RunOutput out = Apply(Replaced(Replaced(kTwo, "a:1", "a:2"), ", valueFrom: \"env:FROM_ENV\"", ""));
  EXPECT_EQ(out.out, "task first: changed\ntask second: unchanged\n") << out.err;
  EXPECT_THAT(out.err, Not(HasSubstr("Secret")));
  const v1::Task stored = server_.tasks().Stored("first");
  EXPECT_EQ(stored.docker_build().image_names(0), "a:2");
  EXPECT_EQ(stored.docker_build().arguments(0).value(), "seen");
  EXPECT_EQ(stored.source_triggers(0).secret(), "drawn");
  EXPECT_EQ(stored.docker_build().docker_file_path(), "D");
}

TEST_F(ApplyProgramTest, AnotherValueOfASecretIsAChange) {
  Apply(kTwo);
  const std::string other = Replaced(kTwo, "env:FROM_ENV", "env:HOME");
  EXPECT_THAT(Apply(other, {"--dry-run"}).out, HasSubstr("task first: would be changed\n  ~ values of secrets\n"));
  EXPECT_THAT(Apply(other).out, HasSubstr("task first: changed\n"));
  EXPECT_EQ(server_.tasks().Stored("first").docker_build().arguments(0).value(), home_.path());
}

TEST_F(ApplyProgramTest, AMistakeInTheLastTaskLeavesTheFirstAsTheyWere) {
  const RunOutput refused = Apply(Replaced(kTwo, "name: second", "name: x"));
  EXPECT_EQ(refused.exit.code, 1);
  EXPECT_EQ(refused.err, "slipway: create task 'x': name: is too short\n");
  EXPECT_EQ(server_.tasks().Stored("first").name(), "");
  const RunOutput unreadable = Apply(Replaced(kTwo, "imageNames", "imageName"));
  EXPECT_EQ(unreadable.exit.code, 1);
  EXPECT_EQ(unreadable.err, "slipway: tasks.yaml:5:83: 'imageName' is unknown; did you mean 'imageNames'?\n");
  EXPECT_EQ(Apply("").err, "slipway: there is no task in 'tasks.yaml'\n");
  EXPECT_THAT(Run({"apply", "-f", "nothing.yaml"}).err, HasSubstr("nothing.yaml"));
  EXPECT_EQ(Run({"apply"}).exit.code, 2);
}

TEST_F(ApplyProgramTest, ATaskThatChangesMeanwhileIsCheckedAnew) {
  Apply(kTwo);
  server_.tasks().BeforeNextUpdate([](v1::Task* task) { task->mutable_docker_build()->set_target("theirs"); });
  const RunOutput out = Apply(Replaced(kTwo, "a:1", "a:2"));
  EXPECT_EQ(out.exit.code, 0) << out.err;
  EXPECT_EQ(server_.tasks().Stored("first").docker_build().target(), "") << "the file says none";
  EXPECT_EQ(server_.tasks().Stored("first").docker_build().image_names(0), "a:2");
}

TEST_F(ApplyProgramTest, WhatShowPrintsAppliesUnchanged) {
  Apply(kTwo);
  const std::string shown = Run({"task", "show", "-n", "first", "-o", "yaml"}).out;
  EXPECT_EQ(Apply(shown).out, "task first: unchanged\n") << shown;
  const std::string json = Run({"task", "list"}).out;
  EXPECT_EQ(Run({"apply", "-f", "-"}, json).out, "task first: unchanged\ntask second: unchanged\n") << json;
}

}  // namespace
}  // namespace slipway::cli
