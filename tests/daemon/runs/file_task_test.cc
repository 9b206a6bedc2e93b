// Runs of task files, from the request to the record, with a builder that only pretends.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/testing/run_fixture.h"

namespace slipway::runs {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class FileTaskTest : public testing::RunFixture {
 protected:
  static ScheduleRequest TaskRequest(std::string content) {
    ScheduleRequest request;
    request.file_task.emplace();
    request.file_task->source_location = "/dev/null";
    request.file_task->file = "acb.yaml";
    request.file_task->content = std::move(content);
    return request;
  }
};

constexpr std::string_view kBuildAndPush =
    "steps:\n"
    "  - {id: app, build: '-t app:{{.Run.ID}} --build-arg V={{.Values.v}} https://x.io/y.git'}\n"
    "  - {id: ship, push: ['app:{{.Run.ID}}']}\n";

TEST_F(FileTaskTest, IsRunAndRecordedStepByStep) {
  Start();
  ScheduleRequest request = TaskRequest(std::string(kBuildAndPush));
  request.file_task->values.push_back({.name = "v", .value = "7"});
  const std::string id = Schedule(request);
  const store::Run run = WaitForEnd(id);
  EXPECT_EQ(run.state, store::RunState::kSucceeded) << run.result.error_message;
  EXPECT_EQ(run.type, store::RunType::kQuickRun);
  EXPECT_EQ(builder_.requests().at(0).build_args.at(0).value, "7");
  EXPECT_EQ(builder_.pushed().at(0).ToString(), "r.io/app:" + id);
  ASSERT_EQ(run.result.steps.size(), 2U);
  EXPECT_EQ(run.result.steps[0].id, "app");
  EXPECT_EQ(run.result.steps[0].state, 3);
  EXPECT_EQ(run.result.steps[0].attempts, 1);
  EXPECT_TRUE(run.result.steps[0].start && run.result.steps[0].finish);
  EXPECT_EQ(run.result.steps[1].when, std::vector<std::string>{"app"});
  const store::Step& ship = run.result.steps[1];
  EXPECT_THAT(Log(id).substr(ship.log_begin, ship.log_end - ship.log_begin),
              HasSubstr("Pushing image: r.io/app:" + id));
  ASSERT_EQ(run.result.dependencies.size(), 1U);
  EXPECT_EQ(run.result.dependencies[0].image->repository, "app");
}

TEST_F(FileTaskTest, AWrongFileFailsTheRunWithItsPlace) {
  Start();
  const store::Run run = WaitForEnd(Schedule(TaskRequest("steps:\n  - build: .\n    cmd: x\n")));
  EXPECT_EQ(run.state, store::RunState::kFailed);
  EXPECT_EQ(run.result.error_message,
            "acb.yaml:2:5: step 'acb_step_0' has more than one of cmd, build and push; split it");
}

TEST_F(FileTaskTest, UnknownKeysAreWarningsInTheLog) {
  Start();
  const std::string id = Schedule(TaskRequest("stepz: []\nsteps: []\n"));
  EXPECT_EQ(WaitForEnd(id).state, store::RunState::kSucceeded);
  EXPECT_THAT(Log(id), HasSubstr("WARNING: acb.yaml:1:1: 'stepz' is no key of a task file"));
}

TEST_F(FileTaskTest, SecretValuesAreSealedAndMasked) {
  Start();
  ScheduleRequest request = TaskRequest("steps:\n  - build: --build-arg A={{.Values.pw}} -t A:{{.Values.pw}} .\n");
  request.file_task->values.push_back({.name = "pw", .value = "hunter2", .secret = true});
  const std::string id = Schedule(request);
  const store::Run run = WaitForEnd(id);
  EXPECT_EQ(run.file_task->values.at(0).value, "");
  EXPECT_THAT(run.result.error_message, Not(HasSubstr("hunter2")));
  EXPECT_THAT(run.result.error_message, HasSubstr("***"));
  EXPECT_THAT(Log(id), Not(HasSubstr("hunter2")));
}

TEST_F(FileTaskTest, WhatStrangersWroteGetsNoSecretOfTheOperator) {
  Start();
  ScheduleRequest request = TaskRequest(
      "secrets: [{id: s, keyvault: 'env:X'}]\nsteps:\n  - build: -t r.io/app:v{{.Secrets.s}} https://x.io/y.git\n");
  request.logins.isolated = true;
  const store::Run run = WaitForEnd(Schedule(request));
  EXPECT_EQ(run.state, store::RunState::kSucceeded) << run.result.error_message;
  ASSERT_EQ(builder_.requests().size(), 1U);
  EXPECT_EQ(builder_.requests()[0].names.at(0).ToString(), "r.io/app:v");
  EXPECT_TRUE(builder_.requests()[0].access.isolated);
}

TEST_F(FileTaskTest, AFileThatIsToBeReadNeedsASource) {
  task::FileTask task;
  task.source_location = "/dev/null";
  task.file = "acb.yaml";
  ASSERT_EQ(task::Check(task).size(), 1U);
  EXPECT_EQ(task::Check(task)[0].field, "task_file_path");
  task.source_location = "https://x.io/y.git";
  EXPECT_TRUE(task::Check(task).empty());
  task.file = "../x";
  task.values_file = "/etc/passwd";
  task.values_content = "a: b";
  task.values.push_back({.name = "a=b", .value = ""});
  std::vector<std::string> fields;
  for (const task::FieldError& error : task::Check(task)) fields.push_back(error.field);
  EXPECT_THAT(fields, ::testing::ElementsAre("task_file_path", "values_file_path", "values_content", "values[0].name"));
}

TEST_F(FileTaskTest, ADryRunShowsWhatWouldBeDone) {
  Start();
  task::FileTask task =
      *TaskRequest("secrets: [{id: s, keyvault: 'env:X'}]\nsteps:\n  - cmd: a {{.Secrets.s}} {{.Values.v}}\n")
           .file_task;
  task.values.push_back({.name = "v", .value = "hidden", .secret = true});
  const Result<task::CompiledTask> compiled = dispatcher_->Render(Context::Background(), task);
  ASSERT_TRUE(compiled.ok()) << compiled.status().message();
  EXPECT_THAT(compiled->rendered, HasSubstr("cmd: a *** ***"));
  EXPECT_TRUE(store_->List({}, 10, "")->runs.empty());
}

}  // namespace
}  // namespace slipway::runs
