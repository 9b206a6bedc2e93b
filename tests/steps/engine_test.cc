#include "steps/engine/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "steps/task/quick_build.h"
#include "tests/testing/fake_builder.h"

namespace slipway::engine {
namespace {

using ::testing::ElementsAre;

class Notes : public Observer {
 public:
  void OnEvent(const ProgressEvent& event) override {
    if (event.kind == ProgressEvent::Kind::kNote) lines.push_back(event.text);
  }
  void OnStepStarted(const task::Step& step) override { lines.push_back("start " + step.id); }
  void OnStepEvent(const task::Step&, const ProgressEvent& event) override { OnEvent(event); }
  void OnStepFinished(const task::Step& step, const StepResult& result) override {
    lines.push_back("end " + step.id + " " + std::string(CodeName(result.status.code())));
  }
  std::vector<std::string> lines;
};

task::Task QuickTask(bool push) {
  task::QuickBuild build;
  build.source_location = "/dev/null";
  build.image_names = {"app:v1", "other.io/app:v1"};
  build.is_push_enabled = push;
  return *task::MakeTask(build, {.id = "aa1"}, {.default_registry = "r.io"});
}

TEST(Engine, BuildsThenPushesAllNames) {
  testing::FakeBuilder builder;
  Notes notes;
  const Outcome outcome = engine::Run(Context::Background(), QuickTask(true), builder, notes);
  EXPECT_TRUE(outcome.status.ok());
  EXPECT_THAT(notes.lines,
              ElementsAre("start build", "end build OK", "start push", "Pushing image: r.io/app:v1, attempt 1",
                          "Pushing image: other.io/app:v1, attempt 1", "Successfully pushed image: r.io/app:v1",
                          "Successfully pushed image: other.io/app:v1", "end push OK"));
  ASSERT_EQ(outcome.report.outputs.size(), 2U);
  EXPECT_TRUE(outcome.report.outputs[1].pushed);
  EXPECT_EQ(outcome.report.outputs[1].digest, Digest::Of("manifest"));
  EXPECT_EQ(outcome.report.layers_pushed, 1);
  EXPECT_EQ(outcome.report.layers_mounted, 1);
  EXPECT_EQ(outcome.report.revision, "abc123");
}

TEST(Engine, WithoutPushTheDigestIsKnownAllTheSame) {
  testing::FakeBuilder builder;
  Notes notes;
  const Outcome outcome = engine::Run(Context::Background(), QuickTask(false), builder, notes);
  EXPECT_TRUE(outcome.status.ok());
  EXPECT_TRUE(builder.pushed().empty());
  EXPECT_EQ(outcome.report.digest, Digest::Of("manifest"));
  EXPECT_FALSE(outcome.report.outputs[0].pushed);
}

TEST(Engine, ARebaseStandsInForTheBuild) {
  testing::FakeBuilder builder;
  builder.AllowRebase();
  task::QuickBuild build;
  build.source_location = "https://github.com/org/app.git";
  build.image_names = {"app:v1"};
  build.rebase_key = "task app";
  build.rebase = true;
  const task::Task task = *task::MakeTask(build, {.id = "aa1"}, {.default_registry = "r.io"});
  Notes notes;
  const Outcome outcome = engine::Run(Context::Background(), task, builder, notes);
  EXPECT_TRUE(outcome.status.ok());
  EXPECT_TRUE(builder.requests().empty()) << "nothing was built";
  ASSERT_EQ(builder.rebased().size(), 1U);
  EXPECT_EQ(builder.rebased()[0].rebase_key, "task app");
  EXPECT_EQ(builder.pushed().size(), 1U);
}

TEST(Engine, WhatCannotBeRebasedIsBuiltAndTheLogSaysWhy) {
  testing::FakeBuilder builder;
  task::Task task = QuickTask(true);
  std::get<task::BuildStep>(task.steps[0].what).rebase = true;
  Notes notes;
  const Outcome outcome = engine::Run(Context::Background(), task, builder, notes);
  EXPECT_TRUE(outcome.status.ok());
  EXPECT_EQ(builder.requests().size(), 1U);
  EXPECT_EQ(notes.lines.at(1),
            "Not rebased, but built: line 3, 'RUN make': its layer depends on what is in the base");
}

TEST(Engine, FirstFailureEndsTheRun) {
  testing::FakeBuilder builder;
  builder.OnBuild(
      [](const Context&, const builder::BuildRequest&, ProgressSink&) { return FailedPrecondition("exit code: 3"); });
  Notes notes;
  const Outcome outcome = engine::Run(Context::Background(), QuickTask(true), builder, notes);
  EXPECT_EQ(outcome.status.code(), Code::kFailedPrecondition);
  EXPECT_EQ(outcome.failed_step, "build");
  EXPECT_FALSE(outcome.step_timed_out);
  EXPECT_TRUE(builder.pushed().empty());
  EXPECT_THAT(notes.lines, ElementsAre("start build", "end build FAILED_PRECONDITION"));
  ASSERT_EQ(outcome.steps.size(), 2U);
  EXPECT_EQ(outcome.steps[0].state, StepState::kFailed);
  EXPECT_EQ(outcome.steps[1].state, StepState::kSkipped);
  EXPECT_FALSE(outcome.steps[1].start);
}

TEST(Engine, AStepHasItsOwnTimeLimit) {
  testing::FakeBuilder builder;
  builder.CloseGate();
  task::Task task = QuickTask(true);
  task.steps[0].timeout = std::chrono::seconds(0);
  Notes notes;
  const Outcome outcome = engine::Run(Context::Background(), task, builder, notes);
  EXPECT_EQ(outcome.status.code(), Code::kDeadlineExceeded);
  EXPECT_TRUE(outcome.step_timed_out);
}

TEST(Engine, TheLimitOfTheRunIsNotTheSteps) {
  testing::FakeBuilder builder;
  builder.CloseGate();
  Notes notes;
  const Context ctx = Context::Background().WithTimeout(std::chrono::milliseconds(5), "the run");
  const Outcome outcome = engine::Run(ctx, QuickTask(true), builder, notes);
  EXPECT_EQ(outcome.status.code(), Code::kDeadlineExceeded);
  EXPECT_FALSE(outcome.step_timed_out);
}

TEST(Engine, APushNeedsAnImageOfThatName) {
  testing::FakeBuilder builder;
  Notes notes;
  task::Task task;
  task.steps.push_back({.id = "push", .what = task::PushStep{.names = {*oci::Reference::Parse("r.io/x")}}});
  const Outcome outcome = engine::Run(Context::Background(), task, builder, notes);
  EXPECT_EQ(outcome.status.code(), Code::kFailedPrecondition);
  EXPECT_EQ(outcome.failed_step, "push");
}

TEST(Task, StepsWaitForEarlierOnesOnly) {
  task::Task task = QuickTask(true);
  std::swap(task.steps[0], task.steps[1]);
  EXPECT_EQ(task::Validate(task).message(), "step 'push' waits for 'build', which is no step before it");
  task = QuickTask(true);
  task.steps[1].id = "build";
  EXPECT_EQ(task::Validate(task).message(), "two steps have the id 'build'");
}

}  // namespace
}  // namespace slipway::engine
