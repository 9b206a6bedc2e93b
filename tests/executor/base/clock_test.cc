#include "executor/base/clock.h"

#include <gtest/gtest.h>

namespace slipway {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

SystemTime At(int64_t since_epoch, int64_t nanos = 0) { return SystemTime(seconds(since_epoch) + nanoseconds(nanos)); }

TEST(Time, HasAsManyDecimalsAsItNeeds) {
  EXPECT_EQ(FormatTime(At(0)), "1970-01-01T00:00:00Z");
  EXPECT_EQ(FormatTime(At(1'704'164'645, 600'000'000)), "2024-01-02T03:04:05.6Z");
  EXPECT_EQ(FormatTime(At(1'704'164'645, 1)), "2024-01-02T03:04:05.000000001Z");
  EXPECT_EQ(FormatTime(At(-1, 500'000'000)), "1969-12-31T23:59:59.5Z");
}

TEST(Time, ParsesRfc3339) {
  EXPECT_EQ(*ParseTime("2024-01-02T03:04:05Z"), At(1'704'164'645));
  EXPECT_EQ(*ParseTime("2024-01-02T03:04:05.123456789z"), At(1'704'164'645, 123'456'789));
  EXPECT_EQ(*ParseTime("2024-01-02T05:34:05+02:30"), At(1'704'164'645));
  EXPECT_EQ(*ParseTime("2024-01-01T22:04:05-05:00"), At(1'704'164'645));
  EXPECT_EQ(*ParseTime("2024-01-02T03:04:05.12345678987654321Z"), At(1'704'164'645, 123'456'789));
  EXPECT_EQ(*ParseTime("2016-12-31T23:59:60Z"), At(1'483'228'800)) << "a leap second";
}

TEST(Time, RefusesEverythingElse) {
  for (const char* bad :
       {"", "2024-01-02", "2024-01-02T03:04:05", "2024-13-02T03:04:05Z", "2024-02-30T03:04:05Z", "2024-01-02T24:04:05Z",
        "2024-01-02T03:60:05Z", "2024-01-02T03:04:05.Z", "2024-01-02T03:04:05Z ", "2024-01-02T03:04:05+2",
        "2024-01-02T03:04:05+25:00", "2024-01-02T03:04:05+02:61", "-024-01-02T03:04:05Z"}) {
    EXPECT_EQ(ParseTime(bad).code(), Code::kInvalidArgument) << bad;
  }
}

// The zero time of Go stands in many image configs; it is before what nanoseconds since 1970 can say.
TEST(Time, OutOfRangeIsTheNearestThatFits) {
  EXPECT_EQ(*ParseTime("0001-01-01T00:00:00Z"), SystemTime::min());
  EXPECT_EQ(*ParseTime("9999-12-31T23:59:59Z"), SystemTime::max());
  EXPECT_EQ(*ParseTime("2262-04-11T23:47:16.854775807Z"), SystemTime::max());
  EXPECT_EQ(*ParseTime("1677-09-21T00:12:43.145224192Z"), SystemTime::min());
  FormatTime(SystemTime::min());
  FormatTime(SystemTime::max());
}

TEST(Time, WhatIsPrintedIsParsed) {
  for (const SystemTime time : {At(0), At(1'704'164'645, 123'456'789), At(-1'000'000'000, 1), SystemTime::max()}) {
    EXPECT_EQ(*ParseTime(FormatTime(time)), time) << FormatTime(time);
  }
}

TEST(Duration, IsRoundedForPeople) {
  EXPECT_EQ(FormatDuration(nanoseconds(0)), "0ms");
  EXPECT_EQ(FormatDuration(milliseconds(350)), "350ms");
  EXPECT_EQ(FormatDuration(nanoseconds(999'700'000)), "1.0s");
  EXPECT_EQ(FormatDuration(milliseconds(1234)), "1.2s");
  EXPECT_EQ(FormatDuration(milliseconds(59'960)), "1m0s");
  EXPECT_EQ(FormatDuration(seconds(69)), "1m9s");
  EXPECT_EQ(FormatDuration(hours(25) + seconds(90)), "25h1m30s");
}

TEST(Bytes, AreDecimal) {
  EXPECT_EQ(FormatBytes(0), "0 B");
  EXPECT_EQ(FormatBytes(999), "999 B");
  EXPECT_EQ(FormatBytes(4800), "4.8 kB");
  EXPECT_EQ(FormatBytes(999'949), "999.9 kB");
  EXPECT_EQ(FormatBytes(999'951), "1.0 MB");
  EXPECT_EQ(FormatBytes(UINT64_MAX), "18446.7 PB");
}

}  // namespace
}  // namespace slipway
