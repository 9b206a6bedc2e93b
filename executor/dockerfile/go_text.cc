#include "executor/dockerfile/go_text.h"

#include <array>
#include <charconv>
#include <limits>

#include "executor/base/utf8.h"
#include "executor/dockerfile/unicode.h"

namespace slipway::dockerfile {

namespace {

void AppendQuoted(std::string_view bytes, const utf8::Rune& rune, std::string* out) {
  constexpr std::string_view kEscaped = "\a\b\f\n\r\t\v\"\\";
  constexpr std::string_view kLetters = "abfnrtv\"\\";
  const char first = bytes.front();
  const size_t simple = rune.value < 0x80 ? kEscaped.find(first) : std::string_view::npos;
  if (simple != std::string_view::npos) {
    *out += '\\';
    *out += kLetters[simple];
  } else if (rune.value == utf8::kReplacement && rune.size == 1) {
    *out += fmt::format("\\x{:02x}", static_cast<unsigned char>(first));
  } else if (IsPrintable(rune.value)) {
    out->append(bytes.substr(0, rune.size));
  } else if (rune.value < ' ' || rune.value == 0x7F) {
    *out += fmt::format("\\x{:02x}", static_cast<uint32_t>(rune.value));
  } else if (rune.value < 0x10000) {
    *out += fmt::format("\\u{:04x}", static_cast<uint32_t>(rune.value));
  } else {
    *out += fmt::format("\\U{:08x}", static_cast<uint32_t>(rune.value));
  }
}

struct Unit {
  std::string_view name;
  uint64_t nanoseconds;
};
constexpr std::array<Unit, 8> kUnits = {{{"ns", 1},
                                         {"us", 1'000},
                                         {"\u00b5s", 1'000},
                                         {"\u03bcs", 1'000},
                                         {"ms", 1'000'000},
                                         {"s", 1'000'000'000},
                                         {"m", 60'000'000'000},
                                         {"h", 3'600'000'000'000}}};

size_t CountDigits(std::string_view text) { return std::min(text.find_first_not_of("0123456789"), text.size()); }

constexpr uint64_t kLongest = uint64_t{1} << 63;

// One "1.5h" off the front of `rest`, in nanoseconds; false if it is malformed or too large.
bool TakeDurationPart(std::string_view* rest, uint64_t* nanoseconds) {
  const size_t whole_digits = CountDigits(*rest);
  uint64_t whole = 0;
  for (const char c : rest->substr(0, whole_digits)) {
    if (whole > kLongest / 10) return false;
    whole = whole * 10 + static_cast<uint64_t>(c - '0');
  }
  rest->remove_prefix(whole_digits);
  uint64_t fraction = 0;
  double scale = 1;
  size_t fraction_digits = 0;
  if (rest->starts_with('.')) {
    rest->remove_prefix(1);
    fraction_digits = CountDigits(*rest);
    // Eighteen digits fit; more would not change a nanosecond.
    for (const char c : rest->substr(0, std::min<size_t>(fraction_digits, 18))) {
      fraction = fraction * 10 + static_cast<uint64_t>(c - '0');
      scale *= 10;
    }
    rest->remove_prefix(fraction_digits);
  }
  if (whole_digits + fraction_digits == 0) return false;
  const size_t unit_length = std::min(rest->find_first_of(".0123456789"), rest->size());
  for (const Unit& unit : kUnits) {
    if (rest->substr(0, unit_length) != unit.name) continue;
    rest->remove_prefix(unit_length);
    if (whole > kLongest / unit.nanoseconds) return false;
    *nanoseconds = whole * unit.nanoseconds;
    const double unit_size = static_cast<double>(unit.nanoseconds);
    *nanoseconds += static_cast<uint64_t>(static_cast<double>(fraction) * (unit_size / scale));
    return *nanoseconds <= kLongest;
  }
  return false;
}

std::string TrimZeros(std::string text) {
  if (text.find('.') == std::string::npos) return text;
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text;
}

}  // namespace

std::string Quote(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    const utf8::Rune rune = utf8::Decode(text);
    AppendQuoted(text, rune, &out);
    text.remove_prefix(rune.size);
  }
  return out + "\"";
}

std::string QuoteList(std::span<const std::string> texts) {
  std::string out = "[";
  for (size_t i = 0; i < texts.size(); ++i) out += (i > 0 ? " " : "") + Quote(texts[i]);
  return out + "]";
}

std::string PlainList(std::span<const std::string> texts) {
  return fmt::format("[{}]", fmt::join(texts.begin(), texts.end(), " "));
}

Result<std::chrono::nanoseconds> ParseDuration(std::string_view text) {
  std::string_view rest = text;
  const bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  if (rest == "0") return std::chrono::nanoseconds(0);
  uint64_t total = 0;
  bool valid = !rest.empty();
  while (valid && !rest.empty()) {
    uint64_t part = 0;
    valid = TakeDurationPart(&rest, &part) && part <= kLongest - total;
    total += part;
  }
  if (!valid || (!negative && total == kLongest)) {
    return InvalidArgument("'{}' is no duration; write a number with a unit, as in '30s', '1m30s' or '500ms'", text);
  }
  return std::chrono::nanoseconds(static_cast<int64_t>(negative ? ~total + 1 : total));
}

std::string FormatDuration(std::chrono::nanoseconds duration) {
  const int64_t count = duration.count();
  const uint64_t total = count < 0 ? ~static_cast<uint64_t>(count) + 1 : static_cast<uint64_t>(count);
  const std::string sign = count < 0 ? "-" : "";
  if (total == 0) return "0s";
  if (total < 1'000) return fmt::format("{}{}ns", sign, total);
  const auto scaled = [&](uint64_t unit, int digits) {
    return TrimZeros(fmt::format("{}.{:0{}}", total / unit, total % unit, digits));
  };
  if (total < 1'000'000) return sign + scaled(1'000, 3) + "\u00b5s";
  if (total < 1'000'000'000) return sign + scaled(1'000'000, 6) + "ms";
  constexpr uint64_t kMinute = 60'000'000'000;
  const uint64_t rest = total % kMinute;
  const std::string seconds = TrimZeros(fmt::format("{}.{:09}", rest / 1'000'000'000, rest % 1'000'000'000)) + "s";
  const uint64_t minutes = total / kMinute;
  if (minutes == 0) return sign + seconds;
  if (minutes < 60) return fmt::format("{}{}m{}", sign, minutes, seconds);
  return fmt::format("{}{}h{}m{}", sign, minutes / 60, minutes % 60, seconds);
}

Result<bool> ParseBool(std::string_view text) {
  for (const std::string_view word : {"1", "t", "T", "TRUE", "true", "True"}) {
    if (text == word) return true;
  }
  for (const std::string_view word : {"0", "f", "F", "FALSE", "false", "False"}) {
    if (text == word) return false;
  }
  return InvalidArgument("'{}' is neither 'true' nor 'false'", text);
}

Result<uint32_t> ParseUint32(std::string_view text, int base) {
  uint32_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value, base);
  if (error != std::errc() || stop != end || text.empty()) {
    return InvalidArgument("'{}' is no {} of 32 bits", text, base == 8 ? "octal number" : "number");
  }
  return value;
}

}  // namespace slipway::dockerfile
