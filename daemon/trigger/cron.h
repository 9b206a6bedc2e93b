// CronSchedule: five fields "minute hour day month weekday", in the grammar of NCrontab, which ACR Tasks' timers use.
//
// Not Unix cron in three points: day and weekday must both match; a range that is written backwards is turned round
// ("FRI-MON" is Monday to Friday), it does not wrap; names may be any beginning of the English word ("J", "Tu"). A
// value with a step ("5/10") goes on to the field's end. Sunday is 0, there is no 7. Immutable value.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "executor/base/status.h"

namespace slipway::trigger {

/// A minute on a wall clock, without a zone.
struct CivilMinute {
  int year = 1970;
  int month = 1;  ///< 1 to 12
  int day = 1;    ///< 1 to 31
  int hour = 0;
  int minute = 0;

  auto operator<=>(const CivilMinute&) const = default;
};

class CronSchedule {
 public:
  /// INVALID_ARGUMENT says which field is wrong, why, and what it may be.
  static Result<CronSchedule> Parse(std::string_view text);

  /// The first matching minute after `after`; nullopt if there is none within the 40 years in which every possible
  /// combination of month, day and weekday comes.
  std::optional<CivilMinute> Next(CivilMinute after) const;

  /// Whether it goes by every hour, so that a schedule runs on evenly through a change of the clocks.
  bool every_hour() const { return hours_ == (1U << 24) - 1; }

 private:
  bool MatchesDay(int year, int month, int day) const;

  uint64_t minutes_ = 0;  // bit n: minute n
  uint32_t hours_ = 0;
  uint32_t days_ = 0;    // bits 1 to 31
  uint32_t months_ = 0;  // bits 1 to 12
  uint32_t weekdays_ = 0;
};

/// 0 is Sunday. Of the Gregorian calendar.
int Weekday(int year, int month, int day);
int DaysInMonth(int year, int month);

}  // namespace slipway::trigger
