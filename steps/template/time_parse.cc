// Text to times and durations, as Go's package time reads it.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <limits>

#include "steps/template/go_text.h"
#include "steps/template/go_time.h"
#include "steps/template/time_layout.h"

namespace slipway::run_template {

namespace {

bool IsDigitAt(std::string_view text, size_t at) { return at < text.size() && text[at] >= '0' && text[at] <= '9'; }

class LayoutParser {
 public:
  explicit LayoutParser(std::string_view text) : text_(text) {}

  std::optional<GoTime> Run(std::string_view layout) {
    while (true) {
      const LayoutChunk chunk = NextChunk(layout);
      if (!SkipLiteral(chunk.text)) return std::nullopt;
      if (chunk.std == Std::kNone) break;
      if (!Take(chunk, layout)) return std::nullopt;
    }
    if (!text_.empty()) return std::nullopt;
    return Build();
  }

 private:
  // A run of blanks of the layout fits any run of blanks, also none.
  bool SkipLiteral(std::string_view prefix) {
    while (!prefix.empty()) {
      if (prefix[0] == ' ') {
        if (!text_.empty() && text_[0] != ' ') return false;
        prefix.remove_prefix(std::min(prefix.find_first_not_of(' '), prefix.size()));
        text_.remove_prefix(std::min(text_.find_first_not_of(' '), text_.size()));
        continue;
      }
      if (text_.empty() || text_[0] != prefix[0]) return false;
      prefix.remove_prefix(1);
      text_.remove_prefix(1);
    }
    return true;
  }

  // One or two digits; two are a must if `fixed`.
  bool Number(bool fixed, int* out) {
    if (!IsDigitAt(text_, 0) || (fixed && !IsDigitAt(text_, 1))) return false;
    const size_t size = IsDigitAt(text_, 1) ? 2 : 1;
    return Digits(size, out);
  }

  bool Digits(size_t size, int* out) {
    if (text_.size() < size) return false;
    *out = 0;
    for (size_t i = 0; i < size; ++i) {
      if (!IsDigitAt(text_, i)) return false;
      *out = *out * 10 + (text_[i] - '0');
    }
    text_.remove_prefix(size);
    return true;
  }

  // A name in any case, long or its first three letters; its index.
  bool Name(std::string_view (*name)(int64_t), int64_t first, int64_t last, bool is_long, int* out) {
    for (int64_t i = first; i <= last; ++i) {
      const std::string_view wanted = is_long ? name(i) : name(i).substr(0, 3);
      if (text_.size() >= wanted.size() && ToLower(text_.substr(0, wanted.size())) == ToLower(wanted)) {
        *out = static_cast<int>(i);
        text_.remove_prefix(wanted.size());
        return true;
      }
    }
    return false;
  }

  // Blanks in front of a padded day.
  void SkipBlank() {
    if (text_.starts_with(' ')) text_.remove_prefix(1);
  }

  bool Take(const LayoutChunk& chunk, std::string_view layout) {
    int ignored = 0;
    switch (chunk.std) {
      case Std::kNone: return true;
      case Std::kYear:
        if (!Digits(2, &year_)) return false;
        year_ += year_ >= 69 ? 1900 : 2000;
        return true;
      case Std::kLongYear: return Digits(4, &year_);
      case Std::kMonth:
      case Std::kLongMonth: return Name(MonthName, 1, 12, chunk.std == Std::kLongMonth, &month_);
      case Std::kNumMonth:
      case Std::kZeroMonth: return Number(chunk.std == Std::kZeroMonth, &month_) && month_ >= 1 && month_ <= 12;
      case Std::kWeekday:
      case Std::kLongWeekday: return Name(WeekdayName, 0, 6, chunk.std == Std::kLongWeekday, &ignored);
      case Std::kDay:
      case Std::kUnderDay:
      case Std::kZeroDay:
        if (chunk.std == Std::kUnderDay) SkipBlank();
        return Number(chunk.std == Std::kZeroDay, &day_);
      case Std::kUnderYearDay:
      case Std::kZeroYearDay: return TakeYearDay(chunk.std == Std::kUnderYearDay);
      case Std::kHour: return Number(false, &hour_) && hour_ < 24;
      case Std::kHour12:
      case Std::kZeroHour12: return Number(chunk.std == Std::kZeroHour12, &hour_) && hour_ <= 12;
      case Std::kMinute:
      case Std::kZeroMinute: return Number(chunk.std == Std::kZeroMinute, &minute_) && minute_ < 60;
      case Std::kSecond:
      case Std::kZeroSecond: return TakeSecond(chunk.std == Std::kZeroSecond, layout);
      case Std::kUpperPm:
      case Std::kLowerPm: return TakeHalf(chunk.std == Std::kUpperPm);
      case Std::kZone: return TakeOffset(chunk.pattern);
      case Std::kZoneName: return TakeZoneName();
      case Std::kFraction0: return TakeFraction(chunk.pattern.size());
      case Std::kFraction9: {
        // It may be missing altogether.
        if (text_.size() < 2 || (text_[0] != '.' && text_[0] != ',') || !IsDigitAt(text_, 1)) return true;
        size_t size = 1;
        while (size < 10 && IsDigitAt(text_, size)) ++size;
        return TakeFraction(size);
      }
    }
    return false;
  }

  bool TakeYearDay(bool padded) {
    size_t blanks = 0;
    for (; padded && blanks < 2 && text_.starts_with(' '); ++blanks) text_.remove_prefix(1);
    return Digits(3 - blanks, &year_day_);
  }

  // A fraction after the seconds is read even where the layout has none.
  bool TakeSecond(bool fixed, std::string_view layout) {
    if (!Number(fixed, &second_) || second_ >= 60) return false;
    if (text_.size() < 2 || (text_[0] != '.' && text_[0] != ',') || !IsDigitAt(text_, 1)) return true;
    const LayoutChunk next = NextChunk(layout);
    if (next.std == Std::kFraction0 || next.std == Std::kFraction9) return true;
    size_t size = 2;
    while (IsDigitAt(text_, size)) ++size;
    return TakeFraction(size);
  }

  bool TakeFraction(size_t size) {
    if (text_.size() < size || (text_[0] != '.' && text_[0] != ',')) return false;
    int64_t value = 0;
    for (size_t i = 1; i < size; ++i) {
      if (!IsDigitAt(text_, i)) return false;
      if (i <= 9) value = value * 10 + (text_[i] - '0');
    }
    for (size_t i = size - 1; i < 9; ++i) value *= 10;
    nanoseconds_ = static_cast<int32_t>(value);
    text_.remove_prefix(size);
    return true;
  }

  bool TakeHalf(bool upper) {
    const std::string_view half = text_.substr(0, 2);
    if (half == (upper ? "PM" : "pm")) {
      pm_ = true;
    } else if (half == (upper ? "AM" : "am")) {
      am_ = true;
    } else {
      return false;
    }
    text_.remove_prefix(2);
    return true;
  }

  bool TakeOffset(std::string_view pattern) {
    if (pattern[0] == 'Z' && text_.starts_with('Z')) {
      text_.remove_prefix(1);
      utc_ = true;
      return true;
    }
    if (text_.size() < pattern.size() || (text_[0] != '+' && text_[0] != '-')) return false;
    const int sign = text_[0] == '-' ? -1 : 1;
    text_.remove_prefix(1);
    const bool colon = pattern.find(':') != std::string_view::npos;
    int offset = 0;
    for (int unit = 3600, size = 3; size <= static_cast<int>(pattern.size()); unit /= 60, size += colon ? 3 : 2) {
      if (unit < 3600 && colon) {
        if (!text_.starts_with(':')) return false;
        text_.remove_prefix(1);
      }
      int part = 0;
      if (!Digits(2, &part)) return false;
      offset += part * unit;
      if (unit == 1) break;
    }
    offset_ = sign * offset;
    return true;
  }

  bool TakeZoneName() {
    if (text_.starts_with("UTC")) {
      text_.remove_prefix(3);
      utc_ = true;
      return true;
    }
    const size_t size = ZoneNameSize();
    if (size == 0) return false;
    zone_name_ = text_.substr(0, size);
    text_.remove_prefix(size);
    return true;
  }

  // Three or four capitals (five for a few), "GMT+3" or "+03".
  size_t ZoneNameSize() const {
    if (text_.size() < 3) return 0;
    if (text_.starts_with("ChST") || text_.starts_with("MeST")) return 4;
    if (text_.starts_with("GMT")) return 3 + SignedSize(text_.substr(3));
    if (text_[0] == '+' || text_[0] == '-') return SignedSize(text_);
    size_t capitals = 0;
    while (capitals < 6 && capitals < text_.size() && text_[capitals] >= 'A' && text_[capitals] <= 'Z') ++capitals;
    if (capitals == 3) return 3;
    if (capitals == 4) return text_[3] == 'T' || text_.starts_with("WITA") ? 4 : 0;
    return capitals == 5 && text_[4] == 'T' ? 5 : 0;
  }

  static size_t SignedSize(std::string_view text) {
    if (text.empty() || (text[0] != '+' && text[0] != '-')) return 0;
    size_t size = 1;
    int value = 0;
    for (; IsDigitAt(text, size) && size < 4; ++size) value = value * 10 + (text[size] - '0');
    return size == 1 || value > 23 ? 0 : size;
  }

  static bool IsLeap(int year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }
  static int DaysIn(int month, int year) {
    constexpr std::string_view kDays = "\x1F\x1C\x1F\x1E\x1F\x1E\x1F\x1F\x1E\x1F\x1E\x1F";
    return month == 2 && IsLeap(year) ? 29 : kDays[static_cast<size_t>(month - 1)];
  }

  std::optional<GoTime> Build() {
    if (pm_ && hour_ < 12) hour_ += 12;
    if (am_ && hour_ == 12) hour_ = 0;
    int month = month_ < 0 ? 1 : month_;
    int day = day_ < 0 ? 1 : day_;
    if (year_day_ >= 0) {
      if (year_day_ < 1 || year_day_ > (IsLeap(year_) ? 366 : 365)) return std::nullopt;
      const CivilTime civil = ToCivil(FromCivil(year_, 1, year_day_, 0, 0, 0));
      if ((month_ >= 0 && month_ != civil.month) || (day_ >= 0 && day_ != civil.day)) return std::nullopt;
      month = civil.month;
      day = civil.day;
    }
    if (day < 1 || day > DaysIn(month, year_)) return std::nullopt;
    GoTime out{.seconds = FromCivil(year_, month, day, hour_, minute_, second_), .nanoseconds = nanoseconds_};
    if (utc_) return out;
    if (offset_) {
      out.seconds -= *offset_;
      if (*offset_ != 0 || (!zone_name_.empty() && zone_name_ != "UTC")) out.zone = FixedZone(*offset_, zone_name_);
    } else if (!zone_name_.empty()) {
      // A name alone says nothing of its offset, but for GMT+3.
      int hours = 0;
      if (zone_name_.starts_with("GMT") && zone_name_.size() > 3) {
        hours = static_cast<int>(ParseInt(std::string_view(zone_name_).substr(3), 10).value_or(0));
      }
      out.seconds -= hours * 3600;
      out.zone = FixedZone(hours * 3600, zone_name_);
    }
    return out;
  }

  std::string_view text_;
  int year_ = 0;
  int month_ = -1;
  int day_ = -1;
  int year_day_ = -1;
  int hour_ = 0;
  int minute_ = 0;
  int second_ = 0;
  int32_t nanoseconds_ = 0;
  bool pm_ = false;
  bool am_ = false;
  bool utc_ = false;
  std::optional<int> offset_;
  std::string zone_name_;
};

std::optional<uint64_t> UnitOf(std::string_view unit) {
  if (unit == "ns") return 1;
  if (unit == "us" || unit == "µs" || unit == "μs") return 1000;
  if (unit == "ms") return 1'000'000;
  if (unit == "s") return 1'000'000'000;
  if (unit == "m") return 60'000'000'000;
  if (unit == "h") return 3'600'000'000'000;
  return std::nullopt;
}

// "1.5h", taken from the front of `text`; nothing for what is none or too long.
std::optional<uint64_t> TakeAmount(std::string_view& text) {
  constexpr uint64_t kLimit = uint64_t{1} << 63;
  uint64_t whole = 0;
  size_t at = 0;
  for (; IsDigitAt(text, at); ++at) {
    if (whole > kLimit / 10) return std::nullopt;
    whole = whole * 10 + static_cast<uint64_t>(text[at] - '0');
  }
  bool digits = at > 0;
  uint64_t part = 0;
  double scale = 1;
  if (at < text.size() && text[at] == '.') {
    for (++at; IsDigitAt(text, at); ++at) {
      digits = true;
      if (part > (kLimit - 1) / 10 - 1) continue;
      part = part * 10 + static_cast<uint64_t>(text[at] - '0');
      scale *= 10;
    }
  }
  if (!digits) return std::nullopt;
  text.remove_prefix(at);
  const size_t unit_size = std::min(text.find_first_of(".0123456789"), text.size());
  const std::optional<uint64_t> unit = UnitOf(text.substr(0, unit_size));
  if (!unit || whole > kLimit / *unit) return std::nullopt;
  text.remove_prefix(unit_size);
  const uint64_t out =
      whole * *unit + static_cast<uint64_t>(static_cast<double>(part) * (static_cast<double>(*unit) / scale));
  return out > kLimit ? std::nullopt : std::optional(out);
}

}  // namespace

std::optional<GoTime> ParseLayout(std::string_view layout, std::string_view text) {
  return LayoutParser(text).Run(layout);
}

std::optional<int64_t> ParseDuration(std::string_view text) {
  constexpr uint64_t kLimit = uint64_t{1} << 63;
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (text == "0") return 0;
  if (text.empty()) return std::nullopt;
  uint64_t total = 0;
  while (!text.empty()) {
    const std::optional<uint64_t> amount = TakeAmount(text);
    if (!amount || total > kLimit - *amount) return std::nullopt;
    total += *amount;
  }
  if (negative) return static_cast<int64_t>(~total + 1);
  if (total == kLimit) return std::nullopt;
  return static_cast<int64_t>(total);
}

}  // namespace slipway::run_template
