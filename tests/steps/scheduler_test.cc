#include "steps/engine/scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipway::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Phase = Scheduler::Phase;

task::Step Step(std::string id, std::vector<std::string> when, task::RunOn run_on = task::RunOn::kSuccess) {
  task::Step step;
  step.id = std::move(id);
  step.when = std::move(when);
  step.run_on = run_on;
  step.what = task::CmdStep();
  return step;
}

task::Task Make(std::vector<task::Step> steps) {
  task::Task task;
  task.steps = std::move(steps);
  return task;
}

void RunAll(Scheduler& scheduler, const std::vector<size_t>& steps, bool well = true) {
  for (const size_t step : steps) scheduler.Begin(step);
  for (const size_t step : steps) scheduler.End(step, well);
}

TEST(Scheduler, AStepBeginsWhenAllThatItWaitsForEndedWell) {
  const task::Task task = Make({Step("a", {}), Step("b", {}), Step("c", {"a", "b"})});
  Scheduler scheduler(task);
  EXPECT_THAT(scheduler.Ready(), ElementsAre(0, 1));
  scheduler.Begin(0);
  scheduler.Begin(1);
  scheduler.End(0, true);
  EXPECT_THAT(scheduler.Ready(), IsEmpty());
  scheduler.End(1, true);
  EXPECT_THAT(scheduler.Ready(), ElementsAre(2));
}

TEST(Scheduler, AfterAFailureNothingOfTheGoodWayBegins) {
  const task::Task task = Make({Step("a", {}), Step("b", {}), Step("c", {"b"})});
  Scheduler scheduler(task);
  scheduler.Begin(0);
  scheduler.End(0, false);
  EXPECT_THAT(scheduler.Ready(), IsEmpty());
  EXPECT_EQ(scheduler.phase(1), Phase::kSkipped);
  EXPECT_EQ(scheduler.phase(2), Phase::kSkipped);
}

TEST(Scheduler, CleanUpRunsAfterAFailureAndAfterSuccess) {
  const task::Task task = Make({Step("a", {}), Step("b", {"a"}), Step("undo", {"b"}, task::RunOn::kFailure),
                                Step("tell", {"undo"}, task::RunOn::kAlways)});
  Scheduler failing(task);
  RunAll(failing, failing.Ready(), false);
  EXPECT_THAT(failing.Ready(), ElementsAre(2));
  RunAll(failing, {2});
  EXPECT_THAT(failing.Ready(), ElementsAre(3));
  RunAll(failing, {3});
  EXPECT_THAT(failing.Ready(), IsEmpty());

  Scheduler good(task);
  RunAll(good, good.Ready());
  EXPECT_THAT(good.Ready(), ElementsAre(1));
  RunAll(good, {1});
  EXPECT_THAT(good.Ready(), ElementsAre(3));
  EXPECT_EQ(good.phase(2), Phase::kSkipped);
}

TEST(Scheduler, AStepBehindOneForFailuresGoesOnAsIfThatWereNotThere) {
  const task::Task task = Make({Step("a", {}), Step("undo", {"a"}, task::RunOn::kFailure),
                                Step("undo2", {"undo"}, task::RunOn::kFailure), Step("b", {"undo2"})});
  Scheduler scheduler(task);
  EXPECT_THAT(scheduler.Ready(), ElementsAre(0));
  RunAll(scheduler, {0});
  EXPECT_THAT(scheduler.Ready(), ElementsAre(3));
  RunAll(scheduler, {3}, false);
  EXPECT_THAT(scheduler.Ready(), ElementsAre(1));
  RunAll(scheduler, {1});
  EXPECT_THAT(scheduler.Ready(), ElementsAre(2));
}

TEST(Scheduler, AFailureOfACleanUpIsAFailure) {
  const task::Task task = Make({Step("tell", {}, task::RunOn::kAlways), Step("undo", {}, task::RunOn::kFailure)});
  Scheduler scheduler(task);
  EXPECT_THAT(scheduler.Ready(), ElementsAre(0));
  RunAll(scheduler, {0}, false);
  EXPECT_THAT(scheduler.Ready(), ElementsAre(1));
}

TEST(Scheduler, WhenItIsStoppedEverythingIsOver) {
  const task::Task task = Make({Step("a", {}), Step("tell", {"a"}, task::RunOn::kAlways)});
  Scheduler scheduler(task);
  scheduler.Stop();
  EXPECT_THAT(scheduler.Ready(), IsEmpty());
  EXPECT_EQ(scheduler.phase(0), Phase::kSkipped);
  EXPECT_EQ(scheduler.phase(1), Phase::kSkipped);
}

}  // namespace
}  // namespace slipway::engine
