#include "daemon/runs/step_board.h"

#include <gtest/gtest.h>

namespace slipway::runs {
namespace {

using engine::StepState;

const SystemTime kNow(std::chrono::seconds(1'700'000'000));
constexpr int kNotBegun = 0;

task::Task TwoSteps() {
  task::Task task;
  task.steps.resize(2);
  task.steps[0].id = "build";
  task.steps[1].id = "test";
  task.steps[1].when = {"build"};
  return task;
}

TEST(StepBoard, TellsHowFarARunIs) {
  StepBoard board;
  EXPECT_TRUE(board.Of("ca1").empty());
  board.Begin("ca1", TwoSteps());
  ASSERT_EQ(board.Of("ca1").size(), 2U);
  EXPECT_EQ(board.Of("ca1")[1].state, kNotBegun);
  EXPECT_EQ(board.Of("ca1")[1].when, std::vector<std::string>{"build"});
  board.Started("ca1", "build", kNow);
  EXPECT_EQ(board.Of("ca1")[0].state, static_cast<int>(StepState::kInProgress));
  EXPECT_EQ(board.Of("ca1")[0].start, kNow);
  EXPECT_FALSE(board.Of("ca1")[0].finish.has_value());
  board.Finished("ca1",
                 {.id = "build",
                  .kind = "build",
                  .state = StepState::kFailed,
                  .status = NotFound("hush"),
                  .exit_code = 3,
                  .attempts = 2,
                  .start = kNow,
                  .finish = kNow + std::chrono::seconds(5)},
                 "***");
  const store::Step ended = board.Of("ca1")[0];
  EXPECT_EQ(ended.state, static_cast<int>(StepState::kFailed));
  EXPECT_EQ(ended.exit_code, 3);
  EXPECT_EQ(ended.attempts, 2);
  EXPECT_EQ(ended.error, "***");
  EXPECT_EQ(board.All().size(), 1U);
  board.End("ca1");
  EXPECT_TRUE(board.All().empty());
}

TEST(StepBoard, WhatItDoesNotKnowIsPassedOver) {
  StepBoard board;
  board.Started("ca1", "build", kNow);
  board.Begin("ca1", TwoSteps());
  board.Started("ca1", "other", kNow);
  EXPECT_EQ(board.Of("ca1")[0].state, kNotBegun);
}

}  // namespace
}  // namespace slipway::runs
