#include "steps/template/go_time.h"

#include <fmt/format.h>

#include <array>
#include <limits>

#include "steps/template/time_layout.h"

namespace slipway::run_template {

namespace {

constexpr int64_t kDay = 86400;
constexpr std::array<std::string_view, 12> kMonths = {"January",   "February", "March",    "April",
                                                      "May",       "June",     "July",     "August",
                                                      "September", "October",  "November", "December"};
constexpr std::array<std::string_view, 7> kWeekdays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                       "Thursday", "Friday", "Saturday"};

int64_t FloorDiv(int64_t a, int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

// Days since 1970 of a date of the Gregorian calendar, month 1 to 12 (H. Hinnant's days_from_civil).
int64_t DaysFromCivil(int64_t year, int64_t month, int64_t day) {
  year -= month <= 2 ? 1 : 0;
  const int64_t era = FloorDiv(year, 400);
  const int64_t year_of_era = year - era * 400;
  const int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  const int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146097 + day_of_era - 719468;
}

}  // namespace

std::string_view MonthName(int64_t month) {
  return month < 1 || month > 12 ? std::string_view() : kMonths[static_cast<size_t>(month - 1)];
}
std::string_view WeekdayName(int64_t weekday) {
  return weekday < 0 || weekday > 6 ? std::string_view() : kWeekdays[static_cast<size_t>(weekday)];
}

CivilTime ToCivil(int64_t seconds_of_zone) {
  const int64_t days = FloorDiv(seconds_of_zone, kDay);
  const int64_t rest = seconds_of_zone - days * kDay;
  const int64_t shifted = days + 719468;
  const int64_t era = FloorDiv(shifted, 146097);
  const int64_t day_of_era = shifted - era * 146097;
  const int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t month = (5 * day_of_year + 2) / 153;
  CivilTime out;
  out.day = static_cast<int>(day_of_year - (153 * month + 2) / 5 + 1);
  out.month = static_cast<int>(month < 10 ? month + 3 : month - 9);
  out.year = year_of_era + era * 400 + (out.month <= 2 ? 1 : 0);
  out.hour = static_cast<int>(rest / 3600);
  out.minute = static_cast<int>(rest / 60 % 60);
  out.second = static_cast<int>(rest % 60);
  out.weekday = static_cast<int>(((days + 4) % 7 + 7) % 7);
  out.year_day = static_cast<int>(days - DaysFromCivil(out.year, 1, 1) + 1);
  return out;
}

int64_t FromCivil(int64_t year, int64_t month, int64_t day, int64_t hour, int64_t minute, int64_t second) {
  const int64_t carry = FloorDiv(month - 1, 12);
  return ((DaysFromCivil(year + carry, month - carry * 12, 1) + day - 1) * 24 + hour) * 3600 + minute * 60 + second;
}

CivilTime CivilOf(const GoTime& time) { return ToCivil(time.seconds + time.zone->At(time.seconds).seconds); }

GoTime ZeroTime() { return {.seconds = FromCivil(1, 1, 1, 0, 0, 0)}; }

GoTime FromSystem(SystemTime time) {
  const auto since = std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
  const int64_t seconds = FloorDiv(since, 1'000'000'000);
  return {.seconds = seconds, .nanoseconds = static_cast<int32_t>(since - seconds * 1'000'000'000)};
}

GoTime Plus(GoTime time, int64_t nanoseconds) {
  constexpr int64_t kSecond = 1'000'000'000;
  const int64_t rest = time.nanoseconds + nanoseconds % kSecond;
  const int64_t carry = FloorDiv(rest, kSecond);
  time.seconds += nanoseconds / kSecond + carry;
  time.nanoseconds = static_cast<int32_t>(rest - carry * kSecond);
  return time;
}

int64_t Minus(const GoTime& a, const GoTime& b) {
  const __int128 difference =
      (static_cast<__int128>(a.seconds) - b.seconds) * 1'000'000'000 + a.nanoseconds - b.nanoseconds;
  if (difference > std::numeric_limits<int64_t>::max()) return std::numeric_limits<int64_t>::max();
  if (difference < std::numeric_limits<int64_t>::min()) return std::numeric_limits<int64_t>::min();
  return static_cast<int64_t>(difference);
}

std::string TimeString(const GoTime& time) { return FormatLayout(time, "2006-01-02 15:04:05.999999999 -0700 MST"); }

}  // namespace slipway::run_template
