// GoTime: a moment with its zone, and what Go's package time does with it: layouts, durations, zones.
//
// "Local" is UTC here, as in the container that ACR's engine runs in: a template's result does not depend on where the
// daemon stands. Other zones are read from the system's zoneinfo files. Values.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "executor/base/clock.h"

namespace slipway::run_template {

/// The rules of a place: how far its clocks are from UTC at a moment, and what it is called then.
class Zone {
 public:
  struct Offset {
    int seconds = 0;  ///< east of UTC
    std::string abbreviation;
  };
  virtual ~Zone() = default;
  virtual Offset At(int64_t unix_seconds) const = 0;
};

/// "", "UTC" and "Local", or an IANA name such as "Europe/Paris"; null for one that is not there.
std::shared_ptr<const Zone> LoadZone(std::string_view name);
/// A zone that never changes. An empty abbreviation prints as the offset.
std::shared_ptr<const Zone> FixedZone(int seconds, std::string abbreviation);
std::shared_ptr<const Zone> UtcZone();

struct GoTime {
  int64_t seconds = 0;  ///< since 1970 in UTC; may be before the year 1
  int32_t nanoseconds = 0;
  std::shared_ptr<const Zone> zone = UtcZone();

  bool operator==(const GoTime& other) const {
    return seconds == other.seconds && nanoseconds == other.nanoseconds && zone == other.zone;
  }
};

/// 1 January of the year 1, 00:00 UTC: Go's zero time.
GoTime ZeroTime();
GoTime FromSystem(SystemTime time);

/// Later by a duration.
GoTime Plus(GoTime time, int64_t nanoseconds);
/// From `b` to `a` in nanoseconds; the largest or smallest duration if it is longer, as Go's Sub.
int64_t Minus(const GoTime& a, const GoTime& b);

struct CivilTime {
  int64_t year = 1;
  int month = 1;  ///< 1 to 12
  int day = 1;
  int hour = 0;
  int minute = 0;
  int second = 0;
  int weekday = 0;   ///< 0 is Sunday
  int year_day = 1;  ///< 1 to 366
};

CivilTime ToCivil(int64_t seconds_of_zone);
/// Seconds since 1970 of a date whose fields may be out of range, as Go's time.Date normalises them.
int64_t FromCivil(int64_t year, int64_t month, int64_t day, int64_t hour, int64_t minute, int64_t second);
CivilTime CivilOf(const GoTime& time);

std::string_view MonthName(int64_t month);      ///< "January"; "%!Month(13)" is the caller's
std::string_view WeekdayName(int64_t weekday);  ///< "Sunday" for 0

/// Go's Time.Format.
std::string FormatLayout(const GoTime& time, std::string_view layout);
/// Go's Time.String: "2006-01-02 15:04:05.999999999 -0700 MST".
std::string TimeString(const GoTime& time);
/// Go's time.ParseInLocation in UTC; nothing if the text does not fit the layout.
std::optional<GoTime> ParseLayout(std::string_view layout, std::string_view text);

/// Go's Duration.String: "1h15m30.918s".
std::string DurationString(int64_t nanoseconds);
/// Go's time.ParseDuration in nanoseconds.
std::optional<int64_t> ParseDuration(std::string_view text);

}  // namespace slipway::run_template
