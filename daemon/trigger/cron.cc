#include "daemon/trigger/cron.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <span>
#include <vector>

#include "executor/base/ascii.h"

namespace slipway::trigger {

namespace {

constexpr std::array<std::string_view, 12> kMonths = {"January",   "February", "March",    "April",
                                                      "May",       "June",     "July",     "August",
                                                      "September", "October",  "November", "December"};
constexpr std::array<std::string_view, 7> kWeekdays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                       "Thursday", "Friday", "Saturday"};
constexpr size_t kLongest = 1000;
// A leap day on a given weekday comes back after 28 years, or 40 across a century without a leap year.
constexpr int kYearsToSearch = 41;

struct Field {
  std::string_view name;
  int least;
  int most;
  std::span<const std::string_view> words;
};

const std::array<Field, 5> kFields = {{{"minute", 0, 59, {}},
                                       {"hour", 0, 23, {}},
                                       {"day", 1, 31, {}},
                                       {"month", 1, 12, kMonths},
                                       {"weekday", 0, 6, kWeekdays}}};

bool BeginsWith(std::string_view word, std::string_view beginning) {
  return beginning.size() <= word.size() && std::equal(beginning.begin(), beginning.end(), word.begin(),
                                                       [](char a, char b) { return LowerAscii(a) == LowerAscii(b); });
}

Status Bad(const Field& field, std::string_view text, const std::string& why) {
  return InvalidArgument("'{}' is not valid for the {} field: {}", text, field.name, why);
}

std::string Allowed(const Field& field) {
  std::string out = fmt::format("give a number from {} to {}", field.least, field.most);
  if (!field.words.empty()) out += fmt::format(" or a name ({} to {})", field.words.front(), field.words.back());
  return out;
}

Result<int> ParseNumber(const Field& field, std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return Bad(field, text, Allowed(field));
  return value;
}

Result<int> ParseValue(const Field& field, std::string_view text) {
  if (text.empty()) return Bad(field, text, "a value is empty; " + Allowed(field));
  if (text.front() >= '0' && text.front() <= '9') {
    SLIPWAY_ASSIGN_OR_RETURN(const int value, ParseNumber(field, text));
    if (value < field.least || value > field.most) {
      const std::string_view sunday = field.most == 6 && value == 7 ? " (Sunday is 0)" : "";
      return Bad(field, text, fmt::format("it must be from {} to {}{}", field.least, field.most, sunday));
    }
    return value;
  }
  for (size_t i = 0; i < field.words.size(); ++i) {
    if (BeginsWith(field.words[i], text)) return static_cast<int>(i) + field.least;
  }
  return Bad(field, text, Allowed(field));
}

// One of a list: "*", "5", "5-9", each with "/step".
Status AddItem(const Field& field, std::string_view item, uint64_t* set) {
  if (item.empty()) return Bad(field, item, "a value of the list is empty");
  int step = 1;
  const size_t slash = item.find('/');
  const bool stepped = slash != std::string_view::npos && slash > 0;
  if (stepped) {
    SLIPWAY_ASSIGN_OR_RETURN(step, ParseNumber(field, item.substr(slash + 1)));
    step = std::max(step, 1);
    item = item.substr(0, slash);
  }
  int first = field.least;
  int last = field.most;
  if (item != "*") {
    const size_t dash = item.find('-');
    const bool range = dash != std::string_view::npos && dash > 0;
    SLIPWAY_ASSIGN_OR_RETURN(first, ParseValue(field, item.substr(0, range ? dash : item.size())));
    if (range) {
      SLIPWAY_ASSIGN_OR_RETURN(last, ParseValue(field, item.substr(dash + 1)));
    } else if (!stepped) {
      last = first;
    }
    if (first > last) std::swap(first, last);
  }
  for (int64_t value = first; value <= last; value += step) *set |= uint64_t{1} << value;
  return Status();
}

Result<uint64_t> ParseField(const Field& field, std::string_view text) {
  uint64_t set = 0;
  while (true) {
    const size_t comma = text.find(',');
    SLIPWAY_RETURN_IF_ERROR(AddItem(field, text.substr(0, comma), &set));
    if (comma == std::string_view::npos) return set;
    text.remove_prefix(comma + 1);
  }
}

std::vector<std::string_view> SplitAtBlanks(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const size_t blank = std::min(text.find(' '), text.size());
    if (blank > 0) out.push_back(text.substr(0, blank));
    text.remove_prefix(std::min(blank + 1, text.size()));
  }
  return out;
}

// The lowest bit of `set` that is not below `from`; -1 if there is none.
int FirstFrom(uint64_t set, int from) {
  if (from >= 64) return -1;
  const uint64_t rest = set >> from;
  return rest == 0 ? -1 : from + std::countr_zero(rest);
}

}  // namespace

int DaysInMonth(int year, int month) {
  constexpr std::array<int, 12> kDays = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return month == 2 && leap ? 29 : kDays[static_cast<size_t>(month - 1)];
}

int Weekday(int year, int month, int day) {
  // Sakamoto's method: a year begins in March.
  constexpr std::array<int, 12> kShift = {0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4};
  const int y = month < 3 ? year - 1 : year;
  return (y + y / 4 - y / 100 + y / 400 + kShift[static_cast<size_t>(month - 1)] + day) % 7;
}

Result<CronSchedule> CronSchedule::Parse(std::string_view text) {
  const std::string_view shown = text.substr(0, 100);
  if (text.size() > kLongest) {
    return InvalidArgument("schedule '{}…' is longer than {} characters", shown, kLongest);
  }
  const std::vector<std::string_view> parts = SplitAtBlanks(text);
  if (parts.size() != kFields.size()) {
    return InvalidArgument(
        "schedule '{}' has {} fields; it must have five, parted by blanks: minute, hour, day, month, weekday", shown,
        parts.size());
  }
  std::array<uint64_t, 5> sets{};
  for (size_t i = 0; i < kFields.size(); ++i) {
    Result<uint64_t> set = ParseField(kFields[i], parts[i]);
    if (!set.ok()) return std::move(set).status().With(fmt::format("schedule '{}'", shown));
    sets[i] = *set;
  }
  CronSchedule out;
  out.minutes_ = sets[0];
  out.hours_ = static_cast<uint32_t>(sets[1]);
  out.days_ = static_cast<uint32_t>(sets[2]);
  out.months_ = static_cast<uint32_t>(sets[3]);
  out.weekdays_ = static_cast<uint32_t>(sets[4]);
  return out;
}

bool CronSchedule::MatchesDay(int year, int month, int day) const {
  return ((days_ >> day) & 1U) != 0 && ((weekdays_ >> Weekday(year, month, day)) & 1U) != 0;
}

std::optional<CivilMinute> CronSchedule::Next(CivilMinute after) const {
  CivilMinute at = after;
  // Later in the same hour, or in a later hour of the same day.
  if (((months_ >> at.month) & 1U) != 0 && MatchesDay(at.year, at.month, at.day)) {
    if (((hours_ >> at.hour) & 1U) != 0) {
      if (const int minute = FirstFrom(minutes_, at.minute + 1); minute >= 0) {
        at.minute = minute;
        return at;
      }
    }
    if (const int hour = FirstFrom(hours_, at.hour + 1); hour >= 0) {
      at.hour = hour;
      at.minute = FirstFrom(minutes_, 0);
      return at;
    }
  }
  // On a later day.
  at.hour = FirstFrom(hours_, 0);
  at.minute = FirstFrom(minutes_, 0);
  int day = at.day + 1;
  int month = at.month;
  for (int year = at.year; year <= after.year + kYearsToSearch; ++year, month = 1) {
    for (; month <= 12; ++month, day = 1) {
      if (((months_ >> month) & 1U) == 0) continue;
      for (; day <= DaysInMonth(year, month); ++day) {
        if (!MatchesDay(year, month, day)) continue;
        return CivilMinute{.year = year, .month = month, .day = day, .hour = at.hour, .minute = at.minute};
      }
    }
  }
  return std::nullopt;
}

}  // namespace slipway::trigger
