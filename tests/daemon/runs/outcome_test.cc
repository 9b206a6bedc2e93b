#include "daemon/runs/outcome.h"

#include <gtest/gtest.h>

namespace slipway::runs {
namespace {

using store::RunState;

engine::Outcome Failed(Code code) {
  engine::Outcome outcome;
  outcome.status = Status(code, "it went wrong");
  outcome.failed_step = "build";
  return outcome;
}

std::optional<RunState> StateOf(Code code, StopCause cause = StopCause::kNone) {
  return Judge(Failed(code), cause);
}

TEST(Outcome, WhatTheUserAskedForWronglyIsFailed) {
  for (const Code code : {Code::kInvalidArgument, Code::kNotFound, Code::kFailedPrecondition, Code::kUnauthenticated,
                          Code::kPermissionDenied, Code::kAlreadyExists, Code::kOutOfRange, Code::kUnimplemented}) {
    EXPECT_EQ(StateOf(code), RunState::kFailed) << CodeName(code);
  }
}

TEST(Outcome, WhatSlipwayOrADependencyDidIsError) {
  for (const Code code : {Code::kUnavailable, Code::kInternal, Code::kDataLoss, Code::kResourceExhausted,
                          Code::kUnknown, Code::kAborted, Code::kDeadlineExceeded, Code::kCancelled}) {
    EXPECT_EQ(StateOf(code), RunState::kError) << CodeName(code);
  }
}

TEST(Outcome, SuccessWinsOverALateCancel) {
  EXPECT_EQ(Judge(engine::Outcome(), StopCause::kUser), RunState::kSucceeded);
  EXPECT_EQ(Judge(engine::Outcome(), StopCause::kShutdown), RunState::kSucceeded);
}

TEST(Outcome, CancelAndShutdownAreToldApart) {
  EXPECT_EQ(StateOf(Code::kCancelled, StopCause::kUser), RunState::kCanceled);
  EXPECT_EQ(StateOf(Code::kFailedPrecondition, StopCause::kUser), RunState::kCanceled);
  EXPECT_EQ(StateOf(Code::kCancelled, StopCause::kShutdown), std::nullopt);
}

TEST(Outcome, TimeoutIsTheRunsOwnLimitOnly) {
  engine::Outcome run = Failed(Code::kDeadlineExceeded);
  run.run_timed_out = true;
  EXPECT_EQ(Judge(run, StopCause::kNone), RunState::kTimeout);
  engine::Outcome step = Failed(Code::kDeadlineExceeded);
  step.step_timed_out = true;
  EXPECT_EQ(Judge(step, StopCause::kNone), RunState::kFailed);
}

TEST(Outcome, ARecordTellsWhatAndWhere) {
  const store::RunResult failed = MakeResult(RunState::kFailed, Failed(Code::kNotFound), std::chrono::seconds(9));
  EXPECT_EQ(failed.error_code, "NOT_FOUND");
  EXPECT_EQ(failed.error_message, "it went wrong");
  EXPECT_EQ(failed.failed_step, "build");
  const store::RunResult late = MakeResult(RunState::kTimeout, Failed(Code::kCancelled), std::chrono::seconds(9));
  EXPECT_EQ(late.error_code, "DEADLINE_EXCEEDED");
  EXPECT_EQ(late.error_message, "the run took longer than its timeout of 9 s");
}

TEST(Outcome, OnlyImagesThatWerePushedCountAfterAFailure) {
  engine::Outcome outcome = Failed(Code::kUnavailable);
  outcome.report.outputs = {{.name = *oci::Reference::Parse("r.io/a"), .digest = Digest::Of("m"), .pushed = true},
                            {.name = *oci::Reference::Parse("r.io/b"), .digest = Digest(), .pushed = false}};
  EXPECT_EQ(MakeResult(RunState::kError, outcome, std::chrono::seconds(9)).output_images.size(), 1U);
  outcome.status = Status();
  EXPECT_EQ(MakeResult(RunState::kSucceeded, outcome, std::chrono::seconds(9)).output_images.size(), 2U);
  EXPECT_EQ(MakeResult(RunState::kSucceeded, outcome, std::chrono::seconds(9)).pushed, std::vector<size_t>{0});
}

TEST(Outcome, TheLastLineIsForPeople) {
  const std::chrono::seconds elapsed(18);
  store::RunResult result;
  EXPECT_EQ(LastLine("cf19", RunState::kSucceeded, result, elapsed), "Run ID: cf19 was successful after 18s\n");
  result.error_message = "exit code: 1";
  EXPECT_EQ(LastLine("cf19", RunState::kFailed, result, elapsed),
            "Run ID: cf19 failed after 18s. Error: exit code: 1\n");
  EXPECT_EQ(LastLine("cf19", RunState::kCanceled, result, elapsed), "Run ID: cf19 was canceled after 18s\n");
  EXPECT_EQ(LastLine("cf19", RunState::kTimeout, result, elapsed), "Run ID: cf19 timed out after 18s\n");
  EXPECT_EQ(LastLine("a", RunState::kTimeout, result, std::chrono::seconds(69)), "Run ID: a timed out after 1m9s\n");
}

}  // namespace
}  // namespace slipway::runs
