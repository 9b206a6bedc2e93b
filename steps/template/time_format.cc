// Times and durations to text, as Go's package time writes them.
#include <fmt/format.h>

#include <cstdlib>

#include "steps/template/go_time.h"
#include "steps/template/time_layout.h"

namespace slipway::run_template {

namespace {

constexpr int64_t kSecond = 1'000'000'000;

std::string ZoneOffset(std::string_view pattern, int seconds) {
  if (pattern[0] == 'Z' && seconds == 0) return "Z";
  const int minutes = std::abs(seconds / 60);
  const bool colon = pattern.find(':') != std::string_view::npos;
  const std::string_view separator = colon ? ":" : "";
  std::string out = fmt::format("{}{:02}", seconds / 60 < 0 ? '-' : '+', minutes / 60);
  if (pattern.size() > 3) out += fmt::format("{}{:02}", separator, minutes % 60);
  if (pattern.size() > 6) out += fmt::format("{}{:02}", separator, std::abs(seconds % 60));
  return out;
}

std::string Fraction(std::string_view pattern, int32_t nanoseconds, bool trim) {
  std::string digits = fmt::format("{:09}", nanoseconds);
  digits.resize(pattern.size() - 1, '0');
  if (trim) {
    digits.erase(digits.find_last_not_of('0') + 1);
    if (digits.empty()) return "";
  }
  return pattern[0] + digits;
}

std::string Year(int64_t year) { return year < 0 ? fmt::format("-{:04}", -year) : fmt::format("{:04}", year); }

// "9", "09": hours of half a day.
int Hour12(int hour) { return hour % 12 == 0 ? 12 : hour % 12; }

std::string Written(const LayoutChunk& chunk, const GoTime& time, const CivilTime& civil, const Zone::Offset& offset) {
  switch (chunk.std) {
    case Std::kNone: return "";
    case Std::kLongMonth: return std::string(MonthName(civil.month));
    case Std::kMonth: return std::string(MonthName(civil.month).substr(0, 3));
    case Std::kNumMonth: return fmt::format("{}", civil.month);
    case Std::kZeroMonth: return fmt::format("{:02}", civil.month);
    case Std::kLongWeekday: return std::string(WeekdayName(civil.weekday));
    case Std::kWeekday: return std::string(WeekdayName(civil.weekday).substr(0, 3));
    case Std::kDay: return fmt::format("{}", civil.day);
    case Std::kUnderDay: return fmt::format("{:2}", civil.day);
    case Std::kZeroDay: return fmt::format("{:02}", civil.day);
    case Std::kUnderYearDay: return fmt::format("{:3}", civil.year_day);
    case Std::kZeroYearDay: return fmt::format("{:03}", civil.year_day);
    case Std::kHour: return fmt::format("{:02}", civil.hour);
    case Std::kHour12: return fmt::format("{}", Hour12(civil.hour));
    case Std::kZeroHour12: return fmt::format("{:02}", Hour12(civil.hour));
    case Std::kMinute: return fmt::format("{}", civil.minute);
    case Std::kZeroMinute: return fmt::format("{:02}", civil.minute);
    case Std::kSecond: return fmt::format("{}", civil.second);
    case Std::kZeroSecond: return fmt::format("{:02}", civil.second);
    case Std::kLongYear: return Year(civil.year);
    case Std::kYear: return fmt::format("{:02}", civil.year < 0 ? 0 : civil.year % 100);
    case Std::kUpperPm: return civil.hour >= 12 ? "PM" : "AM";
    case Std::kLowerPm: return civil.hour >= 12 ? "pm" : "am";
    case Std::kZoneName: return offset.abbreviation.empty() ? ZoneOffset("-0700", offset.seconds) : offset.abbreviation;
    case Std::kZone: return ZoneOffset(chunk.pattern, offset.seconds);
    case Std::kFraction0: return Fraction(chunk.pattern, time.nanoseconds, false);
    case Std::kFraction9: return Fraction(chunk.pattern, time.nanoseconds, true);
  }
  return "";
}

// A fraction without zeros at its end: "5", "5.25".
std::string Decimal(uint64_t value, uint64_t unit) {
  std::string out = std::to_string(value / unit);
  if (value % unit == 0) return out;
  std::string digits = fmt::format("{:0{}}", value % unit, std::to_string(unit).size() - 1);
  digits.erase(digits.find_last_not_of('0') + 1);
  return out + "." + digits;
}

}  // namespace

std::string FormatLayout(const GoTime& time, std::string_view layout) {
  const Zone::Offset offset = time.zone->At(time.seconds);
  const CivilTime civil = ToCivil(time.seconds + offset.seconds);
  std::string out;
  while (!layout.empty()) {
    const LayoutChunk chunk = NextChunk(layout);
    out += chunk.text;
    out += Written(chunk, time, civil, offset);
  }
  return out;
}

std::string DurationString(int64_t nanoseconds) {
  if (nanoseconds == 0) return "0s";
  const bool negative = nanoseconds < 0;
  const uint64_t value = negative ? ~static_cast<uint64_t>(nanoseconds) + 1 : static_cast<uint64_t>(nanoseconds);
  const std::string sign = negative ? "-" : "";
  if (value < 1000) return fmt::format("{}{}ns", sign, value);
  if (value < 1'000'000) return sign + Decimal(value, 1000) + "µs";
  if (value < kSecond) return sign + Decimal(value, 1'000'000) + "ms";
  const uint64_t minutes = value / kSecond / 60;
  std::string out = Decimal(value - minutes * 60 * kSecond, kSecond) + "s";
  if (minutes > 0) out = fmt::format("{}m{}", minutes % 60, out);
  if (minutes >= 60) out = fmt::format("{}h{}", minutes / 60, out);
  return sign + out;
}

}  // namespace slipway::run_template
