// Numbers from and to text, as Go's strconv has them.
#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>

#include "steps/template/go_text.h"

namespace slipway::run_template {

namespace {

// With %g, from this exponent on the shortest digits are written with it.
constexpr int kGeneralDigits = 6;

bool IsHexDigit(char c) { return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f'); }

// Underscores may stand only between digits, or between a base prefix and a digit.
bool UnderscoresAreGood(std::string_view text) {
  char last = '^';
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  bool hex = false;
  if (text.size() >= 2 && text[0] == '0' && std::string_view("bBoOxX").find(text[1]) != std::string_view::npos) {
    hex = (text[1] | 0x20) == 'x';
    last = '0';
    text.remove_prefix(2);
  }
  for (const char c : text) {
    if ((c >= '0' && c <= '9') || (hex && IsHexDigit(c))) {
      last = '0';
    } else if (c == '_') {
      if (last != '0') return false;
      last = '_';
    } else {
      if (last == '_') return false;
      last = '!';
    }
  }
  return last != '_';
}

std::string WithoutUnderscores(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c != '_') out += c;
  }
  return out;
}

// digits[.digits][exponent], each part as Go wants it; hexadecimal ones need their p exponent.
bool IsFloatSyntax(std::string_view text, bool hex) {
  bool digits = false;
  bool point = false;
  size_t i = 0;
  for (; i < text.size(); ++i) {
    if (text[i] == '.' && !point) {
      point = true;
    } else if (hex ? IsHexDigit(text[i]) : text[i] >= '0' && text[i] <= '9') {
      digits = true;
    } else {
      break;
    }
  }
  if (!digits) return false;
  if (i == text.size()) return !hex;
  if ((text[i] | 0x20) != (hex ? 'p' : 'e')) return false;
  if (++i < text.size() && (text[i] == '+' || text[i] == '-')) ++i;
  if (i == text.size()) return false;
  return text.find_first_not_of("0123456789", i) == std::string_view::npos;
}

bool EqualsIgnoringCase(std::string_view a, std::string_view b) { return ToLower(a) == b; }

// The shortest digits that read back, and where the decimal point stands among them.
struct Decimal {
  std::string digits;  // without trailing zeros, "0" for zero
  int point = 0;       // value = 0.digits * 10^point
};

Decimal Shortest(double value) {
  std::array<char, 64> buffer;
  const auto [end, error] =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::scientific);
  const std::string_view text(buffer.data(), static_cast<size_t>(end - buffer.data()));
  const size_t e = text.find('e');
  Decimal out;
  for (const char c : text.substr(0, e)) {
    if (c != '.') out.digits += c;
  }
  out.point = std::atoi(std::string(text.substr(e + 1)).c_str()) + 1;
  if (value == 0) out.point = 0;
  return out;
}

std::string Exponential(const Decimal& decimal, char letter) {
  std::string out(1, decimal.digits[0]);
  if (decimal.digits.size() > 1) out += "." + decimal.digits.substr(1);
  const int exponent = decimal.digits == "0" ? 0 : decimal.point - 1;
  return out + fmt::format("{}{}{:02}", letter, exponent < 0 ? '-' : '+', std::abs(exponent));
}

std::string Plain(const Decimal& decimal) {
  const auto size = static_cast<int>(decimal.digits.size());
  if (decimal.digits == "0") return "0";
  if (decimal.point <= 0) return "0." + std::string(static_cast<size_t>(-decimal.point), '0') + decimal.digits;
  if (decimal.point >= size) return decimal.digits + std::string(static_cast<size_t>(decimal.point - size), '0');
  const auto point = static_cast<size_t>(decimal.point);
  return decimal.digits.substr(0, point) + "." + decimal.digits.substr(point);
}

// C leaves an exponent of one digit ("p+0"); Go writes two.
std::string HexFloat(double value, bool upper, int precision) {
  std::array<char, 2048> buffer;
  if (precision >= 0) {
    std::snprintf(buffer.data(), buffer.size(), "%.*a", std::min(precision, 1000), value);
  } else {
    std::snprintf(buffer.data(), buffer.size(), "%a", value);
  }
  std::string out = buffer.data();
  const size_t p = out.find('p');
  if (out.size() - p == 3) out.insert(p + 2, "0");
  return upper ? ToUpper(std::string_view(out)) : out;
}

}  // namespace

std::optional<uint64_t> ParseUint(std::string_view text, int base) {
  std::string digits(text);
  if (base == 0) {
    if (!UnderscoresAreGood(text)) return std::nullopt;
    digits = WithoutUnderscores(text);
    base = 10;
    if (digits.size() > 1 && digits[0] == '0') {
      const char mark = static_cast<char>(digits[1] | 0x20);
      base = mark == 'x' ? 16 : mark == 'b' ? 2 : 8;
      digits.erase(0, mark == 'x' || mark == 'b' || mark == 'o' ? 2 : 1);
    }
  }
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

std::optional<int64_t> ParseInt(std::string_view text, int base) {
  bool negative = false;
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  const std::optional<uint64_t> magnitude = ParseUint(text, base);
  constexpr uint64_t kLimit = uint64_t{1} << 63;
  if (!magnitude || *magnitude > kLimit || (*magnitude == kLimit && !negative)) return std::nullopt;
  return static_cast<int64_t>(negative ? ~*magnitude + 1 : *magnitude);
}

std::optional<double> ParseFloat(std::string_view text) {
  std::string_view body = text;
  bool negative = false;
  if (!body.empty() && (body[0] == '+' || body[0] == '-')) {
    negative = body[0] == '-';
    body.remove_prefix(1);
  }
  if (EqualsIgnoringCase(body, "inf") || EqualsIgnoringCase(body, "infinity")) {
    const double infinity = std::numeric_limits<double>::infinity();
    return negative ? -infinity : infinity;
  }
  if (EqualsIgnoringCase(text, "nan")) return std::numeric_limits<double>::quiet_NaN();
  const bool hex = body.size() > 2 && body[0] == '0' && (body[1] | 0x20) == 'x';
  // Underscores are for literals with a base prefix only.
  if (body.find('_') != std::string_view::npos && (!hex || !UnderscoresAreGood(text))) return std::nullopt;
  const std::string plain = WithoutUnderscores(body);
  if (!IsFloatSyntax(std::string_view(plain).substr(hex ? 2 : 0), hex)) return std::nullopt;
  const double value = std::strtod(plain.c_str(), nullptr);
  if (std::isinf(value)) return std::nullopt;
  return negative ? -value : value;
}

std::string FormatFloat(double value, char verb, int precision) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-Inf" : "+Inf";
  if (verb == 'x' || verb == 'X') return HexFloat(value, verb == 'X', precision);
  if (precision >= 0) {
    // Past this Go prints zeros as C does; a double has no more digits than some 1,100.
    std::string out(static_cast<size_t>(precision) + 400, '\0');
    const char format[] = {'%', '.', '*', verb, '\0'};
    if ((verb == 'g' || verb == 'G') && precision == 0) precision = 1;
    out.resize(static_cast<size_t>(std::snprintf(out.data(), out.size(), format, precision, value)));
    return out;
  }
  const std::string sign = std::signbit(value) ? "-" : "";
  const Decimal decimal = Shortest(std::fabs(value));
  if (verb == 'e' || verb == 'E') return sign + Exponential(decimal, verb);
  if (verb == 'f') return sign + Plain(decimal);
  const int exponent = decimal.point - 1;
  const bool exponential = decimal.digits != "0" && (exponent < -4 || exponent >= kGeneralDigits);
  return sign + (exponential ? Exponential(decimal, verb == 'G' ? 'E' : 'e') : Plain(decimal));
}

}  // namespace slipway::run_template
