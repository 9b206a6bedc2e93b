#include "daemon/trigger/timer_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <mutex>

#include "daemon/trigger/timer_loop.h"

namespace slipway::trigger {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

SystemTime At(const char* text) { return *ParseTime(text); }

TimerPlan Plan(const char* schedule, const char* zone = "", bool run_missed = true) {
  return {.schedule = *CronSchedule::Parse(schedule), .zone = *TimeZone::Find(zone), .run_missed = run_missed};
}

const TimerName kNightly = {"nightly", "t1"};

TEST(TimerTable, EachMomentIsDueOnce) {
  TimerTable table;
  table.Set(kNightly, Plan("0 2 * * *"), At("2026-01-01T00:00:00Z"), At("2026-01-01T00:00:00Z"));
  EXPECT_EQ(table.NextTime(), At("2026-01-01T02:00:00Z"));
  EXPECT_THAT(table.TakeDue(At("2026-01-01T01:59:59Z")), IsEmpty());
  const auto due = table.TakeDue(At("2026-01-01T02:00:00Z"));
  ASSERT_THAT(due, SizeIs(1));
  EXPECT_EQ(due[0].name, kNightly);
  EXPECT_EQ(due[0].occurrence, At("2026-01-01T02:00:00Z"));
  EXPECT_FALSE(due[0].missed);
  EXPECT_TRUE(due[0].run);
  EXPECT_THAT(table.TakeDue(At("2026-01-01T02:00:30Z")), IsEmpty());
  EXPECT_EQ(table.NextTime(), At("2026-01-02T02:00:00Z"));
}

TEST(TimerTable, WhatWasMissedCountsOnceOrNotAtAll) {
  for (const bool run_missed : {true, false}) {
    TimerTable table;
    // The daemon was down for three days.
    table.Set(kNightly, Plan("0 2 * * *", "", run_missed), At("2026-01-01T02:00:00Z"), At("2026-01-04T12:00:00Z"));
    const auto due = table.TakeDue(At("2026-01-04T12:00:00Z"));
    ASSERT_THAT(due, SizeIs(1));
    EXPECT_EQ(due[0].occurrence, At("2026-01-04T02:00:00Z")) << "the last of them";
    EXPECT_TRUE(due[0].missed);
    EXPECT_EQ(due[0].run, run_missed);
    EXPECT_THAT(table.TakeDue(At("2026-01-04T12:00:00Z")), IsEmpty());
    EXPECT_EQ(table.NextTime(), At("2026-01-05T02:00:00Z"));
  }
}

TEST(TimerTable, ManyMissedMomentsAreOne) {
  TimerTable table;
  table.Set(kNightly, Plan("* * * * *"), At("2016-01-01T00:00:00Z"), At("2026-01-01T00:00:30Z"));
  const auto due = table.TakeDue(At("2026-01-01T00:00:30Z"));
  ASSERT_THAT(due, SizeIs(1));
  EXPECT_EQ(due[0].occurrence, At("2026-01-01T00:00:00Z"));
  EXPECT_FALSE(due[0].missed) << "the last one is on time";
}

TEST(TimerTable, AClockThatIsSetBackRepeatsNothing) {
  TimerTable table;
  table.Set(kNightly, Plan("*/10 * * * *"), At("2026-01-01T00:00:00Z"), At("2026-01-01T00:00:00Z"));
  ASSERT_THAT(table.TakeDue(At("2026-01-01T01:00:00Z")), SizeIs(1));
  EXPECT_THAT(table.TakeDue(At("2026-01-01T00:30:00Z")), IsEmpty());
  EXPECT_EQ(table.NextTime(), At("2026-01-01T01:10:00Z"));
  // A restart after it was set back: the record is ahead of the clock.
  table.Set(kNightly, Plan("*/10 * * * *"), At("2026-01-01T01:00:00Z"), At("2026-01-01T00:30:00Z"));
  EXPECT_EQ(table.NextTime(), At("2026-01-01T01:10:00Z"));
  // A record of a clock that was years ahead is not believed.
  table.Set(kNightly, Plan("*/10 * * * *"), At("2036-01-01T01:00:00Z"), At("2026-01-01T00:30:00Z"));
  EXPECT_EQ(table.NextTime(), At("2026-01-01T00:40:00Z"));
}

TEST(TimerTable, WhatIsPutOffComesAgainUntilTheNextMoment) {
  TimerTable table;
  table.Set(kNightly, Plan("0 2 * * *"), At("2026-01-01T00:00:00Z"), At("2026-01-01T00:00:00Z"));
  auto due = table.TakeDue(At("2026-01-01T02:00:00Z"));
  ASSERT_THAT(due, SizeIs(1));
  ASSERT_TRUE(table.PutOff(due[0], At("2026-01-01T02:10:00Z")));
  EXPECT_EQ(table.NextTime(), At("2026-01-01T02:10:00Z"));
  EXPECT_EQ(table.NextTime(kNightly), At("2026-01-02T02:00:00Z")) << "what people are told goes by the schedule";
  EXPECT_THAT(table.TakeDue(At("2026-01-01T02:09:59Z")), IsEmpty());
  due = table.TakeDue(At("2026-01-01T02:10:00Z"));
  ASSERT_THAT(due, SizeIs(1));
  EXPECT_EQ(due[0].occurrence, At("2026-01-01T02:00:00Z")) << "the same moment, so the same run";
  EXPECT_FALSE(due[0].missed);
  EXPECT_EQ(due[0].attempts, 1);
  EXPECT_EQ(table.NextTime(), At("2026-01-02T02:00:00Z"));

  EXPECT_FALSE(table.PutOff(due[0], At("2026-01-02T02:00:00Z"))) << "the next one is due by then";
  ASSERT_TRUE(table.PutOff(due[0], At("2026-01-02T01:59:00Z")));
  due = table.TakeDue(At("2026-01-02T02:00:30Z"));  // both have come
  ASSERT_THAT(due, SizeIs(1));
  EXPECT_EQ(due[0].occurrence, At("2026-01-02T02:00:00Z"));
  EXPECT_EQ(due[0].attempts, 0);

  ASSERT_TRUE(table.PutOff(due[0], At("2026-01-02T02:05:00Z")));
  table.RemoveTask("nightly");
  EXPECT_EQ(table.NextTime(), std::nullopt);
  EXPECT_FALSE(table.PutOff(due[0], At("2026-01-02T02:05:00Z"))) << "the timer is gone";
}

TEST(TimerTable, TimersComeByMoment) {
  TimerTable table;
  const SystemTime start = At("2026-06-01T00:00:00Z");
  table.Set({"b", "t"}, Plan("0 1 * * *"), start, start);
  table.Set({"a", "t"}, Plan("0 2 * * *"), start, start);
  table.Set({"c", "t"}, Plan("0 0 30 2 *"), start, start);
  EXPECT_EQ(table.NextTime({"c", "t"}), std::nullopt);
  const auto due = table.TakeDue(At("2026-06-01T02:00:00Z"));
  ASSERT_THAT(due, SizeIs(2));
  EXPECT_EQ(due[0].name.first, "b");
  table.Remove({"a", "t"});
  EXPECT_EQ(table.size(), 2U);
  table.Set({"b", "u"}, Plan("0 3 * * *"), start, start);
  table.RemoveTask("b");
  EXPECT_EQ(table.size(), 1U);
  table.Clear();
  EXPECT_EQ(table.NextTime(), std::nullopt);
}

// A clock moved by hand through a year, in steps that do not fit the minutes.
TEST(TimerTable, AYearOfTwoZones) {
  TimerTable table;
  SystemTime now = At("2025-12-31T23:59:59Z");
  const SystemTime end = At("2027-01-01T00:00:00Z");
  table.Set({"berlin", "t"}, Plan("30 2 * * *", "Europe/Berlin"), now, now);
  table.Set({"york", "t"}, Plan("30 1 * * Mon-Fri", "America/New_York"), now, now);
  std::map<std::string, int> counts;
  while (now < end) {
    for (const auto& due : table.TakeDue(now)) {
      EXPECT_FALSE(due.missed);
      ++counts[due.name.first];
    }
    now += std::chrono::seconds(97);
  }
  EXPECT_EQ(counts["berlin"], 365);
  EXPECT_EQ(counts["york"], 261);
}

TEST(TimerLoop, TellsWhatIsDueAndLooksAgainAfterAChange) {
  std::promise<TimerTable::Due> told;
  std::once_flag first;  // a minute may end while this runs
  TimerLoop loop(
      [&](const std::vector<TimerTable::Due>& due) { std::call_once(first, [&] { told.set_value(due.at(0)); }); });
  ASSERT_TRUE(loop.Start().ok());
  // It was due a minute ago, as far as the record says.
  const SystemTime now = Clock::Real().System();
  loop.Change([&](TimerTable& table) { table.Set(kNightly, Plan("* * * * *"), now - std::chrono::minutes(2), now); });
  const TimerTable::Due due = told.get_future().get();
  EXPECT_EQ(due.name, kNightly);
  EXPECT_LE(due.occurrence, Clock::Real().System());
  const auto next = loop.NextTime(kNightly);
  ASSERT_TRUE(next.has_value());
  EXPECT_GT(*next, now);
}

}  // namespace
}  // namespace slipway::trigger
