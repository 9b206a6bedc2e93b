#include "executor/base/clock.h"

#include <fmt/chrono.h>

#include <array>
#include <cctype>
#include <cmath>
#include <ctime>

namespace slipway {

namespace {
class RealClock : public Clock {
 public:
  std::chrono::steady_clock::time_point Steady() const override { return std::chrono::steady_clock::now(); }
  SystemTime System() const override { return std::chrono::system_clock::now(); }
};

// Reads exactly `count` digits at `pos`.
bool Digits(std::string_view text, size_t& pos, size_t count, int& out) {
  if (pos + count > text.size()) return false;
  out = 0;
  for (size_t i = 0; i < count; ++i, ++pos) {
    if (!std::isdigit(static_cast<unsigned char>(text[pos]))) return false;
    out = out * 10 + (text[pos] - '0');
  }
  return true;
}

bool Expect(std::string_view text, size_t& pos, std::string_view any_of) {
  if (pos >= text.size() || any_of.find(text[pos]) == std::string_view::npos) return false;
  ++pos;
  return true;
}

// The offset from UTC in seconds at the end of an RFC 3339 time.
bool Offset(std::string_view text, size_t& pos, int& seconds) {
  if (Expect(text, pos, "Zz")) {
    seconds = 0;
    return true;
  }
  const bool minus = pos < text.size() && text[pos] == '-';
  int hours = 0;
  int minutes = 0;
  if (!Expect(text, pos, "+-") || !Digits(text, pos, 2, hours) || !Expect(text, pos, ":") ||
      !Digits(text, pos, 2, minutes) || hours > 23 || minutes > 59) {
    return false;
  }
  seconds = (hours * 60 + minutes) * 60 * (minus ? -1 : 1);
  return true;
}
}  // namespace

const Clock& Clock::Real() {
  static const RealClock clock;
  return clock;
}

std::string FormatTime(SystemTime time) {
  constexpr int64_t kNanos = 1'000'000'000;
  // By hand: the second in which SystemTime::min() lies begins before what SystemTime can say.
  const int64_t count = std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
  const int64_t nanos = (count % kNanos + kNanos) % kNanos;
  const auto seconds = static_cast<std::time_t>(count / kNanos - (count % kNanos < 0 ? 1 : 0));
  std::string out = fmt::format("{:%Y-%m-%dT%H:%M:%S}", fmt::gmtime(seconds));
  if (nanos != 0) {
    std::string fraction = fmt::format("{:09}", nanos);
    fraction.erase(fraction.find_last_not_of('0') + 1);
    out += "." + fraction;
  }
  return out + "Z";
}

Result<SystemTime> ParseTime(std::string_view text) {
  size_t pos = 0;
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, offset = 0;
  int64_t nanos = 0;
  bool good = Digits(text, pos, 4, year) && Expect(text, pos, "-") && Digits(text, pos, 2, month) &&
              Expect(text, pos, "-") && Digits(text, pos, 2, day) && Expect(text, pos, "Tt ") &&
              Digits(text, pos, 2, hour) && Expect(text, pos, ":") && Digits(text, pos, 2, minute) &&
              Expect(text, pos, ":") && Digits(text, pos, 2, second);
  if (good && pos < text.size() && text[pos] == '.') {
    ++pos;
    int64_t unit = 100'000'000;
    const size_t start = pos;
    for (; pos < text.size() && std::isdigit(static_cast<unsigned char>(text[pos])); ++pos, unit /= 10) {
      nanos += unit * (text[pos] - '0');
    }
    good = pos > start;
  }
  good = good && Offset(text, pos, offset) && pos == text.size();
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!good || !date.ok() || hour > 23 || minute > 59 || second > 60) {
    return InvalidArgument("'{}' is not a time as RFC 3339 writes it (2024-01-02T03:04:05Z)", text.substr(0, 64));
  }
  const int64_t since_epoch = std::chrono::seconds(std::chrono::sys_days(date).time_since_epoch()).count() +
                              (hour * 60 + minute) * 60 + second - offset;
  constexpr int64_t kMostSeconds = INT64_MAX / 1'000'000'000;
  if (since_epoch >= kMostSeconds) return SystemTime::max();
  if (since_epoch <= -kMostSeconds) return SystemTime::min();
  return SystemTime(std::chrono::seconds(since_epoch) + std::chrono::nanoseconds(nanos));
}

std::string FormatDuration(std::chrono::nanoseconds duration) {
  const double seconds = std::chrono::duration<double>(duration).count();
  if (seconds < 0.9995) return fmt::format("{}ms", std::lround(seconds * 1000));
  if (seconds < 59.95) return fmt::format("{:.1f}s", seconds);
  const int64_t whole = std::llround(seconds);
  if (whole < 3600) return fmt::format("{}m{}s", whole / 60, whole % 60);
  return fmt::format("{}h{}m{}s", whole / 3600, whole / 60 % 60, whole % 60);
}

std::string FormatBytes(uint64_t bytes) {
  static constexpr std::array kUnits = {"B", "kB", "MB", "GB", "TB", "PB"};
  auto value = static_cast<double>(bytes);
  size_t unit = 0;
  for (; value >= 999.95 && unit + 1 < kUnits.size(); ++unit) value /= 1000;
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

}  // namespace slipway
