#include "daemon/tasks/task_timers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <mutex>
#include <string>
#include <vector>

#include "tests/daemon/tasks/tasks_fixture.h"

namespace slipway::tasks {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

class TaskTimersTest : public TasksFixture {
 protected:
  store::Task TimedTask() {
    store::Task task = HookedTask("timed");
    task.timers = {{.name = "t1", .schedule = "* * * * *"}};
    return task;
  }
};

struct Started {
  std::string task;
  store::RunTrigger trigger;
  std::string request_id;
};

TEST_F(TaskTimersTest, WhatWasMissedRunsOnceWithItsMoment) {
  const store::Task task = *store_->Create(TimedTask(), Clock::Real().System());
  const SystemTime before = Clock::Real().System() - std::chrono::hours(3);
  ASSERT_TRUE(store_->SetTimer({"timed", "t1", store::TimerKey(task.timers[0]), before}).ok());
  std::promise<Started> promise;
  std::once_flag first;  // a minute may end while this runs
  TaskTimers timers(*store_,
                    [&](const store::Task& started, const store::RunTrigger& trigger,
                        const std::string& request_id) -> Result<std::string> {
                      std::call_once(first, [&] { promise.set_value({started.name, trigger, request_id}); });
                      return std::string("ca1");
                    });
  ASSERT_TRUE(timers.Start().ok());
  const Started started = promise.get_future().get();
  EXPECT_EQ(started.task, "timed");
  EXPECT_EQ(started.trigger.kind, store::RunTrigger::Kind::kTimer);
  EXPECT_EQ(started.trigger.name, "t1");
  EXPECT_THAT(started.request_id, HasSubstr("timer:timed:t1:" + FormatTime(*started.trigger.occurrence)));
  EXPECT_TRUE(timers.NextTime("timed", "t1").has_value());
}

TEST_F(TaskTimersTest, AMomentThatFindsTheQueueFullIsTriedAgain) {
  store::Task task = TimedTask();
  task.timers[0].schedule = "0 0 1 1 *";
  task = *store_->Create(task, Clock::Real().System());
  const SystemTime before = Clock::Real().System() - std::chrono::hours(24 * 400);
  ASSERT_TRUE(store_->SetTimer({"timed", "t1", store::TimerKey(task.timers[0]), before}).ok());
  std::vector<std::string> asked;
  std::promise<void> started;
  {
    TaskTimers timers(
        *store_,
        [&](const store::Task&, const store::RunTrigger&, const std::string& request_id) -> Result<std::string> {
          asked.push_back(request_id);
          if (asked.size() == 1) return ResourceExhausted("5 runs are waiting");
          if (asked.size() == 2) return Cancelled("the database is locked");
          started.set_value();
          return std::string("ca1");
        },
        std::chrono::milliseconds(1));
    ASSERT_TRUE(timers.Start().ok());
    started.get_future().wait();
  }  // what was begun is brought to its end
  ASSERT_THAT(asked, SizeIs(3));
  EXPECT_EQ(asked[0], asked[1]);
  EXPECT_EQ(asked[0], asked[2]) << "so that it cannot become two runs";
  EXPECT_GT(store_->Timers()->at(0).last_time, before) << "it is done with";
}

TEST_F(TaskTimersTest, ANewTimerCountsFromNowAndChangesAreFollowed) {
  TaskTimers timers(*store_,
                    [](const store::Task&, const store::RunTrigger&, const std::string&) -> Result<std::string> {
                      return std::string("ca1");
                    });
  ASSERT_TRUE(timers.Start().ok());
  store::Task task = TimedTask();
  task.timers[0].schedule = "0 0 1 1 *";
  task = *store_->Create(task, Clock::Real().System());
  EXPECT_EQ(timers.NextTime("timed", "t1"), std::nullopt) << "nobody has told yet";
  ASSERT_TRUE(timers.Changed("timed").ok());
  ASSERT_TRUE(timers.NextTime("timed", "t1").has_value());
  EXPECT_GT(*timers.NextTime("timed", "t1"), Clock::Real().System());
  ASSERT_EQ(store_->Timers()->size(), 1U) << "when it began to count outlives a restart";
  task.timers[0].enabled = false;
  ASSERT_TRUE(store_->Update(task, Clock::Real().System()).ok());
  ASSERT_TRUE(timers.Changed("timed").ok());
  EXPECT_EQ(timers.NextTime("timed", "t1"), std::nullopt);
  ASSERT_TRUE(store_->Delete("timed", "").ok());
  EXPECT_TRUE(timers.Changed("timed").ok());
}

}  // namespace
}  // namespace slipway::tasks
