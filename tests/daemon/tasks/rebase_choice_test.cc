#include "daemon/tasks/rebase_choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipway::tasks {
namespace {

using ::testing::HasSubstr;
using Kind = store::RunTrigger::Kind;

store::Task Task(const std::string& source = "https://git.example.com/app.git#main:api") {
  store::Task task;
  task.name = "rebased";
  task::QuickBuild build;
  build.source_location = source;
  task.step = build;
  task.base_image = store::BaseImageTrigger{.name = "base", .rebase = store::RebasePolicy::kWhenSafe};
  return task;
}

task::QuickBuild Choose(const store::Task& task, store::RunTrigger trigger, TaskOverrides overrides = {}) {
  task::QuickBuild build = std::get<task::QuickBuild>(task.step);
  ChooseRebase({.task = task, .trigger = std::move(trigger), .overrides = std::move(overrides)}, &build);
  return build;
}

TEST(RebaseChoice, OnlyAMovedBaseIsMetByARebase) {
  const store::Task task = Task();
  for (const Kind kind : {Kind::kManual, Kind::kTimer, Kind::kImageUpdate}) {
    const task::QuickBuild build = Choose(task, {.kind = kind});
    EXPECT_EQ(build.rebase, kind == Kind::kImageUpdate);
    EXPECT_EQ(build.rebase_key, Choose(task, {}).rebase_key);
    EXPECT_THAT(build.rebase_key, HasSubstr("task rebased "));
    EXPECT_EQ(build.rebase_refusal, "");
  }
}

TEST(RebaseChoice, IsTheTasksToAskFor) {
  store::Task task = Task();
  task.base_image->rebase = store::RebasePolicy::kNever;
  EXPECT_EQ(Choose(task, {.kind = Kind::kImageUpdate}).rebase_key, "");
  task.base_image.reset();
  EXPECT_FALSE(Choose(task, {.kind = Kind::kImageUpdate}).rebase);
}

TEST(RebaseChoice, AChangedTaskBeginsAnew) {
  store::Task task = Task();
  const std::string before = Choose(task, {}).rebase_key;
  task.base_image->endpoint = "https://example.com/hook";
  EXPECT_EQ(Choose(task, {}).rebase_key, before);
  std::get<task::QuickBuild>(task.step).source_location = "https://git.example.com/app.git#main:other";
  EXPECT_NE(Choose(task, {}).rebase_key, before);
}

TEST(RebaseChoice, WhatIsNotAsTheTaskSaysIsNotGoneOnFrom) {
  EXPECT_EQ(Choose(Task(), {.kind = Kind::kPullRequest, .branch = "main"}).rebase_key, "");
  EXPECT_EQ(Choose(Task(), {}, {.arguments = {{.name = "A", .value = "1"}}}).rebase_key, "");
  EXPECT_EQ(Choose(Task(), {}, {.source_location = "https://git.example.com/fork.git"}).rebase_key, "");
  EXPECT_EQ(Choose(Task(), {.kind = Kind::kCommit, .branch = "feature"}).rebase_key, "");
  EXPECT_NE(Choose(Task(), {.kind = Kind::kCommit, .branch = "main"}).rebase_key, "");
  EXPECT_NE(Choose(Task(), {}, {.update_trigger_token = "t"}).rebase_key, "");
}

TEST(RebaseChoice, OfACommitThatMayBeTheTasksNothingOlderComesBack) {
  const store::Task task = Task("https://git.example.com/app.git");
  EXPECT_EQ(Choose(task, {.kind = Kind::kCommit, .branch = "main"}).rebase_refusal, "");
  const task::QuickBuild build = Choose(task, {.kind = Kind::kCommit, .branch = "develop"});
  EXPECT_EQ(build.rebase_key, Choose(task, {}).rebase_key);
  EXPECT_THAT(build.rebase_refusal, HasSubstr("the last run was of 'develop'"));
}

}  // namespace
}  // namespace slipway::tasks
