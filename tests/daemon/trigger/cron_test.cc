#include "daemon/trigger/cron.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace slipway::trigger {
namespace {

using ::testing::HasSubstr;

CivilMinute At(const char* text) {
  CivilMinute out;
  EXPECT_EQ(std::sscanf(text, "%d-%d-%d %d:%d", &out.year, &out.month, &out.day, &out.hour, &out.minute), 5) << text;
  return out;
}

std::string Show(const std::optional<CivilMinute>& at) {
  if (!at) return "never";
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}", at->year, at->month, at->day, at->hour, at->minute);
}

std::string Next(const char* schedule, const char* after) {
  const auto parsed = CronSchedule::Parse(schedule);
  EXPECT_TRUE(parsed.ok()) << parsed.status().message();
  return parsed.ok() ? Show(parsed->Next(At(after))) : "";
}

TEST(Cron, TheNextMinuteIsStrictlyLater) {
  EXPECT_EQ(Next("* * * * *", "2003-01-01 23:59"), "2003-01-02 00:00");
  EXPECT_EQ(Next("* * * * *", "2003-01-01 00:00"), "2003-01-01 00:01");
  EXPECT_EQ(Next("0 0 1 1 *", "2003-01-01 00:00"), "2004-01-01 00:00");
  EXPECT_EQ(Next("59 23 31 12 *", "2003-12-31 23:58"), "2003-12-31 23:59");
}

TEST(Cron, StepsCountFromTheirBegin) {
  EXPECT_EQ(Next("2/5 * * * *", "2003-01-01 00:00"), "2003-01-01 00:02");
  EXPECT_EQ(Next("2/5 * * * *", "2003-01-01 00:02"), "2003-01-01 00:07");
  EXPECT_EQ(Next("2/5 * * * *", "2003-01-01 00:57"), "2003-01-01 01:02");
  EXPECT_EQ(Next("*/20 * * * *", "2003-01-01 00:20"), "2003-01-01 00:40");
  EXPECT_EQ(Next("10-20/7 * * * *", "2003-01-01 00:10"), "2003-01-01 00:17");
  EXPECT_EQ(Next("10-20/7 * * * *", "2003-01-01 00:17"), "2003-01-01 01:10");
  // A step below one is one.
  EXPECT_EQ(Next("58/0 * * * *", "2003-01-01 00:58"), "2003-01-01 00:59");
  EXPECT_EQ(Next("58/-3 * * * *", "2003-01-01 00:58"), "2003-01-01 00:59");
}

TEST(Cron, ListsRangesAndNames) {
  EXPECT_EQ(Next("45-47,48,49 * * * *", "2003-01-01 00:49"), "2003-01-01 01:45");
  EXPECT_EQ(Next("10 * * February,April-Jun *", "2002-07-01 05:00"), "2003-02-01 00:10");
  EXPECT_EQ(Next("30 6 * * sunday", "2003-06-26 10:00"), "2003-06-29 06:30");
  // The first month that begins so.
  EXPECT_EQ(Next("0 0 1 J *", "2003-02-01 00:00"), "2004-01-01 00:00");
  EXPECT_EQ(Next("0 0 1 ju *", "2003-02-01 00:00"), "2003-06-01 00:00");
  EXPECT_EQ(Next("0 0 * * T", "2003-01-01 00:00"), "2003-01-07 00:00") << "Tuesday before Thursday";
}

TEST(Cron, ABackwardsRangeIsTurnedRound) {
  EXPECT_EQ(Next("0 22-2 * * *", "2003-01-01 02:00"), "2003-01-01 03:00");
  EXPECT_EQ(Next("0 0 * * FRI-MON", "2003-06-27 00:00"), "2003-06-30 00:00") << "Monday to Friday";
}

TEST(Cron, DayAndWeekdayMustBothMatch) {
  EXPECT_EQ(Next("45 16 1 * Mon", "2003-01-01 12:00"), "2003-09-01 16:45");
  EXPECT_EQ(Next("0 0 13 * 5", "2024-01-01 00:00"), "2024-09-13 00:00");
}

TEST(Cron, DaysThatAMonthLacksArePassedOver) {
  EXPECT_EQ(Next("* * 30,31 * *", "2003-07-10 00:00"), "2003-07-30 00:00");
  EXPECT_EQ(Next("0 0 15,30,31 * *", "2000-02-15 00:00"), "2000-03-15 00:00");
  EXPECT_EQ(Next("1 12 29 2 *", "2000-02-29 12:01"), "2004-02-29 12:01");
  EXPECT_EQ(Next("0 0 29 2 *", "1896-03-01 00:00"), "1904-02-29 00:00") << "1900 was no leap year";
  EXPECT_EQ(Next("0 0 29 2 Mon", "2072-03-01 00:00"), "2112-02-29 00:00") << "forty years, across 2100";
  EXPECT_EQ(Next("0 0 30 2 *", "2003-01-01 00:00"), "never");
}

TEST(Cron, BlanksPartFieldsTabsDoNot) {
  EXPECT_TRUE(CronSchedule::Parse("  *  * * *   * ").ok());
  EXPECT_FALSE(CronSchedule::Parse("*\t*\t*\t*\t*").ok());
}

TEST(Cron, ErrorsNameTheFieldAndWhatItMayBe) {
  const auto error = [](const char* text) { return CronSchedule::Parse(text).status().message(); };
  EXPECT_THAT(error("* * * *"), HasSubstr("has 4 fields; it must have five"));
  EXPECT_THAT(error(""), HasSubstr("has 0 fields"));
  EXPECT_THAT(error("* * * * * *"), HasSubstr("has 6 fields"));
  EXPECT_THAT(error("* * 32 * *"), HasSubstr("'32' is not valid for the day field: it must be from 1 to 31"));
  EXPECT_THAT(error("* * 0 * *"), HasSubstr("day field"));
  EXPECT_THAT(error("60 * * * *"), HasSubstr("minute field: it must be from 0 to 59"));
  EXPECT_THAT(error("* * * * 7"), HasSubstr("weekday field: it must be from 0 to 6 (Sunday is 0)"));
  EXPECT_THAT(error("* * * foo *"), HasSubstr("give a number from 1 to 12 or a name (January to December)"));
  EXPECT_THAT(error("* a * * *"), HasSubstr("give a number from 0 to 23"));
  EXPECT_THAT(error("1,,2 * * * *"), HasSubstr("a value of the list is empty"));
  EXPECT_THAT(error("1- * * * *"), HasSubstr("minute field"));
  for (const char* bad : {"5x * * * *", "-1 * * * *", "*/x * * * *", "*/ * * * *", "** * * * *", "@daily", "? * * * *",
                          "* * L * *", "99999999999999999999 * * * *", "/5 * * * *", "*/99999999999999 * * * *"}) {
    EXPECT_FALSE(CronSchedule::Parse(bad).ok()) << bad;
  }
  EXPECT_LT(CronSchedule::Parse(std::string(1'000'000, '*')).status().message().size(), 500U);
  EXPECT_LT(error(std::string(999, '*').c_str()).size(), 500U);
}

TEST(Cron, WeekdaysOfTheCalendar) {
  EXPECT_EQ(Weekday(2000, 1, 1), 6);
  EXPECT_EQ(Weekday(2024, 2, 29), 4);
  EXPECT_EQ(Weekday(1900, 3, 1), 4);
  EXPECT_EQ(DaysInMonth(1900, 2), 28);
  EXPECT_EQ(DaysInMonth(2000, 2), 29);
}

}  // namespace
}  // namespace slipway::trigger
