// How the engine orders, repeats, limits and ends steps. What the steps do is scripted; no container is needed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "executor/base/guarded.h"
#include "steps/engine/engine.h"
#include "tests/testing/fake_builder.h"
#include "tests/testing/scripted_actions.h"

namespace slipway::engine {
namespace {

using std::chrono::seconds;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Watcher : public Observer {
 public:
  void OnEvent(const ProgressEvent&) override {}
  void OnStepStarted(const task::Step& step) override { lines.Lock()->push_back("start " + step.id); }
  void OnStepEvent(const task::Step& step, const ProgressEvent& event) override {
    if (event.kind == ProgressEvent::Kind::kNote) lines.Lock()->push_back(step.id + ": " + event.text);
  }
  void OnStepFinished(const task::Step& step, const StepResult& result) override {
    lines.Lock()->push_back(fmt::format("end {} {}", step.id, StepStateName(result.state)));
  }
  std::vector<std::string> all() { return *lines.Lock(); }
  Guarded<std::vector<std::string>> lines;
};

class EngineSteps : public ::testing::Test {
 protected:
  task::Step& Add(std::string id, std::vector<std::string> when = {}) {
    task::Step step;
    step.id = std::move(id);
    step.when = std::move(when);
    step.what = task::CmdStep();
    step.retry_delay = seconds(0);
    return task_.steps.emplace_back(std::move(step));
  }
  Outcome Run(const Context& ctx = Context::Background()) {
    options_.make_action = actions_.Options().make_action;
    return engine::Run(ctx, task_, builder_, watcher_, options_);
  }
  static StepState StateOf(const Outcome& outcome, const std::string& id) {
    for (const StepResult& result : outcome.steps) {
      if (result.id == id) return result.state;
    }
    ADD_FAILURE() << "no step " << id;
    return StepState::kSkipped;
  }
  static testing::ScriptedActions::Body Fail(std::string why = "exit code 1") {
    return [why](const Context&, action::Environment&) { return FailedPrecondition("{}", why); };
  }
  // Fails so often, printing a line each time, then succeeds.
  static testing::ScriptedActions::Body FailTimes(int times, std::string prints = "") {
    return [left = std::make_shared<std::atomic<int>>(times), prints](const Context&, action::Environment& e) {
      const VertexProgress vertex(&e.progress, "v", "v");
      // In two pieces: what is looked for may be cut.
      const size_t half = prints.size() / 2;
      vertex.Log(ProgressEvent::Stream::kStderr, prints.substr(0, half));
      vertex.Log(ProgressEvent::Stream::kStderr, prints.substr(half));
      return (*left)-- > 0 ? FailedPrecondition("exit code 7") : Status();
    };
  }

  task::Task task_;
  testing::FakeBuilder builder_;
  testing::ScriptedActions actions_;
  Watcher watcher_;
  RunOptions options_;
};

TEST_F(EngineSteps, ATaskWithoutStepsSucceeds) { EXPECT_TRUE(Run().status.ok()); }

TEST_F(EngineSteps, StepsThatDoNotWaitForEachOtherRunAtOnce) {
  Add("a");
  Add("b");
  Add("c", {"a", "b"});
  actions_.Hold("a");
  actions_.Hold("b");
  std::thread releaser([&] {
    EXPECT_TRUE(actions_.WaitForRunning(2));
    actions_.Release("b");
    EXPECT_TRUE(actions_.WaitForRunning(1));
    actions_.Release("a");
  });
  const Outcome outcome = Run();
  releaser.join();
  EXPECT_TRUE(outcome.status.ok());
  const auto trace = actions_.trace();
  EXPECT_EQ(std::vector<std::string>(trace.end() - 4, trace.end()), std::vector<std::string>({"/b", "/a", "c", "/c"}));
}

TEST_F(EngineSteps, FiftyStepsStayUnderTheLimitAndBeginInOrder) {
  for (int i = 0; i < 50; ++i) Add(fmt::format("s{}", i));
  options_.max_parallel = 4;
  task_.max_parallel = 2;
  const Outcome outcome = Run();
  EXPECT_TRUE(outcome.status.ok());
  EXPECT_LE(actions_.most_running(), 2U);
  std::vector<std::string> started;
  std::vector<std::string> in_order;
  for (const std::string& line : watcher_.all()) {
    if (line.starts_with("start ")) started.push_back(line);
  }
  for (int i = 0; i < 50; ++i) in_order.push_back(fmt::format("start s{}", i));
  EXPECT_EQ(started, in_order);
  for (const StepResult& result : outcome.steps) EXPECT_EQ(result.state, StepState::kSuccessful);
}

TEST_F(EngineSteps, OneAfterTheOtherWhereOnlyOneMayRun) {
  for (const char* id : {"a", "b", "c"}) Add(id);
  options_.max_parallel = 1;
  EXPECT_TRUE(Run().status.ok());
  EXPECT_THAT(actions_.trace(), ElementsAre("a", "/a", "b", "/b", "c", "/c"));
}

TEST_F(EngineSteps, TheFirstFailureStopsSiblingsAndSkipsTheRest) {
  Add("bad");
  Add("sibling");
  Add("later", {"sibling"});
  actions_.Hold("sibling");
  actions_.On("bad", [&](const Context&, action::Environment&) {
    EXPECT_TRUE(actions_.WaitForRunning(2));
    return FailedPrecondition("exit code 3");
  });
  const Outcome outcome = Run();
  EXPECT_EQ(outcome.status.message(), "exit code 3");
  EXPECT_EQ(outcome.failed_step, "bad");
  EXPECT_FALSE(outcome.step_timed_out);
  EXPECT_EQ(StateOf(outcome, "bad"), StepState::kFailed);
  EXPECT_EQ(StateOf(outcome, "sibling"), StepState::kCanceled);
  EXPECT_EQ(outcome.steps[1].status.message(), "step 'bad' failed");
  EXPECT_EQ(StateOf(outcome, "later"), StepState::kSkipped);
  EXPECT_FALSE(outcome.steps[2].start);
}

TEST_F(EngineSteps, AnIgnoredErrorIsAGoodEnd) {
  Add("bad").ignore_errors = true;
  Add("next", {"bad"});
  actions_.On("bad", Fail());
  const Outcome outcome = Run();
  EXPECT_TRUE(outcome.status.ok());
  EXPECT_TRUE(outcome.steps[0].errors_ignored);
  EXPECT_EQ(StateOf(outcome, "bad"), StepState::kSuccessful);
  EXPECT_EQ(StateOf(outcome, "next"), StepState::kSuccessful);
  EXPECT_THAT(watcher_.all(), Contains("bad: Step ID: bad encountered an error: exit code 1, but is set to ignore "
                                       "errors. Continuing..."));
}

TEST_F(EngineSteps, CleanUpRunsAfterAFailureWithoutItsCancellation) {
  Add("bad");
  Add("push", {"bad"});
  Add("undo", {"push"}).run_on = task::RunOn::kFailure;
  Add("tell", {"undo"}).run_on = task::RunOn::kAlways;
  actions_.On("bad", Fail());
  Status in_clean_up = Internal("did not run");
  actions_.On("tell", [&](const Context& ctx, action::Environment&) { return in_clean_up = ctx.Err(); });
  const Outcome outcome = Run();
  EXPECT_EQ(outcome.failed_step, "bad");
  EXPECT_TRUE(in_clean_up.ok()) << in_clean_up.message();
  EXPECT_EQ(StateOf(outcome, "push"), StepState::kSkipped);
  EXPECT_EQ(StateOf(outcome, "undo"), StepState::kSuccessful);
  EXPECT_EQ(StateOf(outcome, "tell"), StepState::kSuccessful);
}

TEST_F(EngineSteps, CleanUpRunsAfterTheRunsTime) {
  Add("long");
  Add("tell", {"long"}).run_on = task::RunOn::kAlways;
  actions_.Hold("long");
  options_.timeout = seconds(1);
  const Outcome outcome = Run();
  EXPECT_EQ(outcome.status.code(), Code::kDeadlineExceeded);
  EXPECT_TRUE(outcome.run_timed_out);
  EXPECT_FALSE(outcome.step_timed_out);
  EXPECT_EQ(StateOf(outcome, "tell"), StepState::kSuccessful);
}

TEST_F(EngineSteps, ARequestToCancelEndsEverything) {
  Add("long");
  Add("tell", {"long"}).run_on = task::RunOn::kAlways;
  actions_.Hold("long");
  const Context ctx = Context::Background().Child();
  std::thread canceller([&] {
    EXPECT_TRUE(actions_.WaitForRunning(1));
    ctx.Cancel(Cancelled("canceled by request"));
  });
  const Outcome outcome = Run(ctx);
  canceller.join();
  EXPECT_EQ(outcome.status.message(), "canceled by request");
  EXPECT_EQ(StateOf(outcome, "long"), StepState::kCanceled);
  EXPECT_EQ(StateOf(outcome, "tell"), StepState::kSkipped);
}

TEST_F(EngineSteps, ADelayEndsWithTheRun) {
  Add("late").start_delay = std::chrono::hours(1);
  Add("bad");
  actions_.On("bad", Fail());
  const Outcome outcome = Run();
  EXPECT_EQ(outcome.failed_step, "bad");
  EXPECT_EQ(actions_.executions("late"), 0);
  EXPECT_NE(StateOf(outcome, "late"), StepState::kSuccessful);
}

TEST_F(EngineSteps, AFailureIsFollowedByRetries) {
  Add("flaky").retries = 3;
  actions_.On("flaky", FailTimes(2));
  const Outcome outcome = Run();
  EXPECT_TRUE(outcome.status.ok());
  EXPECT_EQ(outcome.steps[0].attempts, 3);
  EXPECT_THAT(watcher_.all(),
              Contains("flaky: Container failed during run: flaky, waiting 0 seconds before retrying..."));
}

TEST_F(EngineSteps, RetriesEnd) {
  Add("bad").retries = 2;
  actions_.On("bad", Fail());
  const Outcome outcome = Run();
  EXPECT_EQ(outcome.steps[0].attempts, 3);
  EXPECT_THAT(watcher_.all(), Contains("bad: Container failed during run: bad. No retries remaining."));
}

TEST_F(EngineSteps, OnlyOutputThatSaysSoIsFollowedByARetry) {
  task::Step& step = Add("net");
  step.retries = 5;
  step.retry_on_errors = {"connection reset", "timed out"};
  actions_.On("net", FailTimes(1, "curl: connection reset by peer\n"));
  EXPECT_TRUE(Run().status.ok());
  EXPECT_EQ(actions_.executions("net"), 2);
}

TEST_F(EngineSteps, AFailureThatTheEngineFoundItselfIsFollowedByARetry) {
  task::Step& step = Add("build");
  step.retries = 3;
  step.retry_on_errors = {"timed out", "503"};
  actions_.On("build", [left = std::make_shared<std::atomic<int>>(2)](const Context&, action::Environment&) {
    return (*left)-- > 0 ? Unavailable("pull 'r.io/base:1': HTTP 503") : Status();
  });
  EXPECT_TRUE(Run().status.ok());
  EXPECT_EQ(actions_.executions("build"), 3);
}

TEST_F(EngineSteps, AnotherFailureOfTheEngineIsNot) {
  task::Step& step = Add("build");
  step.retries = 3;
  step.retry_on_errors = {"timed out", "503"};
  actions_.On("build", Fail("pull 'r.io/base:1': HTTP 404"));
  EXPECT_FALSE(Run().status.ok());
  EXPECT_EQ(actions_.executions("build"), 1);
}

TEST_F(EngineSteps, OtherOutputIsNot) {
  task::Step& step = Add("net");
  step.retries = 5;
  step.retry_on_errors = {"Connection reset"};  // case matters
  actions_.On("net", FailTimes(1, "curl: connection reset by peer\n"));
  EXPECT_FALSE(Run().status.ok());
  EXPECT_EQ(actions_.executions("net"), 1);
}

TEST_F(EngineSteps, RoundsGoOnAfterAFailureWhichCountsAtTheEnd) {
  Add("again").repeat = 2;
  actions_.On("again", FailTimes(2));
  const Outcome outcome = Run();
  EXPECT_EQ(outcome.steps[0].attempts, 3);
  EXPECT_EQ(outcome.status.message(), "exit code 7, exit code 7");
}

TEST_F(EngineSteps, ADeadlineEndsAllAttempts) {
  task::Step& step = Add("slow");
  step.retries = 10;
  step.repeat = 10;
  step.timeout = seconds(1);
  actions_.Hold("slow");
  const Outcome outcome = Run();
  EXPECT_EQ(outcome.status.code(), Code::kDeadlineExceeded);
  EXPECT_EQ(outcome.status.message(), "timed out after 1 s: step 'slow'");
  EXPECT_TRUE(outcome.step_timed_out);
  EXPECT_EQ(outcome.steps[0].attempts, 1);
  EXPECT_EQ(StateOf(outcome, "slow"), StepState::kFailed);
}

TEST_F(EngineSteps, AnAttemptHasItsOwnLimit) {
  task::Step& step = Add("slow");
  step.retries = 1;
  step.attempt_timeout = seconds(1);
  actions_.Hold("slow");
  // The first attempt runs into its limit; the second is let go.
  std::thread releaser([&] {
    EXPECT_TRUE(actions_.WaitForExecutions("slow", 2));
    actions_.Release("slow");
  });
  const Outcome outcome = Run();
  releaser.join();
  EXPECT_TRUE(outcome.status.ok()) << outcome.status.message();
  EXPECT_EQ(outcome.steps[0].attempts, 2);
}

TEST_F(EngineSteps, ReportsAreInTheOrderOfTheTask) {
  for (const char* id : {"a", "b"}) {
    Add(id);
    actions_.On(id, [id](const Context&, action::Environment& environment) {
      environment.report.builds.push_back({.step = id, .revision = "", .bases = {}});
      environment.report.outputs.push_back(
          {.build = 0, .name = *oci::Reference::Parse(fmt::format("r.io/{}:1", id)), .digest = {}, .pushed = false});
      return Status();
    });
  }
  Add("push", {"a", "b"});
  actions_.On("push", [](const Context&, action::Environment& environment) {
    environment.pushed.push_back({*oci::Reference::Parse("r.io/b:1"), Digest::Of("m")});
    return FailedPrecondition("the second could not be pushed");
  });
  const Outcome outcome = Run();
  // What was built is told although a later step failed.
  ASSERT_EQ(outcome.report.outputs.size(), 2U);
  EXPECT_EQ(outcome.report.outputs[0].name.repository, "a");
  EXPECT_EQ(outcome.report.outputs[1].build, 1U);
  EXPECT_FALSE(outcome.report.outputs[0].pushed);
  EXPECT_EQ(outcome.report.outputs[1].digest, Digest::Of("m"));
}

TEST_F(EngineSteps, AnExceptionFailsTheStepOnly) {
  Add("odd");
  actions_.On("odd", [](const Context&, action::Environment&) -> Status { throw std::runtime_error("out of range"); });
  const Outcome outcome = Run();
  EXPECT_EQ(outcome.status.code(), Code::kInternal);
  EXPECT_THAT(outcome.status.message(), HasSubstr("out of range"));
}

}  // namespace
}  // namespace slipway::engine
