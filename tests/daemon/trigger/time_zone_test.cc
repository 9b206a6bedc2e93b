#include "daemon/trigger/time_zone.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace slipway::trigger {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// The next `count` occurrences after `after` (RFC 3339), in UTC.
std::vector<std::string> Occurrences(const char* schedule, const char* zone, const char* after, int count) {
  const auto cron = CronSchedule::Parse(schedule);
  const auto where = TimeZone::Find(zone);
  EXPECT_TRUE(cron.ok() && where.ok()) << cron.status().message() << where.status().message();
  std::vector<std::string> out;
  std::optional<SystemTime> at = *ParseTime(after);
  for (int i = 0; i < count && at; ++i) {
    at = NextOccurrence(*cron, *where, *at);
    out.push_back(at ? FormatTime(*at) : "never");
  }
  return out;
}

TEST(TimeZone, UnknownZonesAreRefused) {
  EXPECT_TRUE(TimeZone::Find("").ok());
  EXPECT_EQ(TimeZone::Find("UTC")->name(), "UTC");
  EXPECT_EQ(TimeZone::Find("Europe/Berlin")->name(), "Europe/Berlin");
  for (const char* bad : {"Europe/Atlantis", "../../etc/passwd", "Berlin"}) {
    EXPECT_THAT(TimeZone::Find(bad).status().message(), HasSubstr("not in the tz database")) << bad;
  }
}

TEST(NextOccurrence, GoesByTheZonesWallClock) {
  EXPECT_THAT(Occurrences("0 9 * * *", "UTC", "2026-01-01T00:00:00Z", 2),
              ElementsAre("2026-01-01T09:00:00Z", "2026-01-02T09:00:00Z"));
  EXPECT_THAT(Occurrences("0 9 * * *", "Asia/Kolkata", "2026-01-01T00:00:00Z", 1), ElementsAre("2026-01-01T03:30:00Z"));
  EXPECT_THAT(Occurrences("0 9 * * *", "America/New_York", "2026-07-01T00:00:00Z", 1),
              ElementsAre("2026-07-01T13:00:00Z"));
  EXPECT_THAT(Occurrences("* * * * *", "UTC", "2026-01-01T00:00:59.5Z", 1), ElementsAre("2026-01-01T00:01:00Z"));
}

// Berlin, 29 March 2026: at 02:00 the clock goes to 03:00 (01:00 UTC).
TEST(NextOccurrence, ATimeInTheGapHappensOnceWhenItEnds) {
  EXPECT_THAT(Occurrences("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", 2),
              ElementsAre("2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"));
  EXPECT_THAT(Occurrences("10,20,30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", 2),
              ElementsAre("2026-03-29T01:00:00Z", "2026-03-30T00:10:00Z"));
  EXPECT_THAT(Occurrences("30 * * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", 3),
              ElementsAre("2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z", "2026-03-29T02:30:00Z"));
}

// Berlin, 25 October 2026: at 03:00 the clock is turned back to 02:00 (01:00 UTC).
TEST(NextOccurrence, ATimeThatComesTwiceHappensAtTheFirst) {
  EXPECT_THAT(Occurrences("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", 2),
              ElementsAre("2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"));
  EXPECT_THAT(Occurrences("30 2 * * *", "Europe/Berlin", "2026-10-25T01:10:00Z", 1),
              ElementsAre("2026-10-26T01:30:00Z"));
}

TEST(NextOccurrence, EveryHourGoesOnEvenlyThroughBoth) {
  EXPECT_THAT(
      Occurrences("30 * * * *", "Europe/Berlin", "2026-10-24T23:00:00Z", 4),
      ElementsAre("2026-10-24T23:30:00Z", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:30:00Z"));
  // From inside the first pass, an earlier minute of the second.
  EXPECT_THAT(Occurrences("10 * * * *", "Europe/Berlin", "2026-10-25T00:40:00Z", 1),
              ElementsAre("2026-10-25T01:10:00Z"));
}

// A schedule a zone, counted through a whole year with a clock that is moved by hand: as often as the calendar says, in
// order, never twice.
TEST(NextOccurrence, AYearInTwoZones) {
  const auto count = [](const char* schedule, const char* zone) {
    const auto cron = CronSchedule::Parse(schedule);
    const auto where = TimeZone::Find(zone);
    SystemTime at = *ParseTime("2025-12-31T23:59:59Z");
    const SystemTime end = *ParseTime("2027-01-01T00:00:00Z");
    int times = 0;
    while (true) {
      const auto next = NextOccurrence(*cron, *where, at);
      EXPECT_TRUE(next && *next > at);
      if (!next || *next >= end) return times;
      at = *next;
      ++times;
    }
  };
  for (const char* zone : {"Europe/Berlin", "America/New_York"}) {
    EXPECT_EQ(count("30 2 * * *", zone), 365) << zone;
    EXPECT_EQ(count("30 1 * * *", zone), 365) << zone;
    EXPECT_EQ(count("0 * * * *", zone), 365 * 24) << zone;
    EXPECT_EQ(count("*/10 * * * *", zone), 365 * 24 * 6) << zone;
    EXPECT_EQ(count("0 12 * * Mon-Fri", zone), 261) << zone;
  }
  EXPECT_EQ(count("30 2 * * *", "Australia/Lord_Howe"), 365) << "its clock moves by half an hour";
}

}  // namespace
}  // namespace slipway::trigger
