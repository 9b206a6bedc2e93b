#include "steps/template/go_text.h"

#include <fmt/format.h>
#include <utf8proc.h>

#include <algorithm>

#include "executor/base/utf8.h"

namespace slipway::run_template {

namespace {

utf8proc_category_t Category(char32_t rune) {
  if (rune > 0x10FFFF) return UTF8PROC_CATEGORY_CN;
  return utf8proc_category(static_cast<utf8proc_int32_t>(rune));
}

char32_t Convert(utf8proc_int32_t (*convert)(utf8proc_int32_t), char32_t rune) {
  return rune > 0x10FFFF ? rune : static_cast<char32_t>(convert(static_cast<utf8proc_int32_t>(rune)));
}

std::string Convert(std::string_view text, char32_t (*convert)(char32_t)) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const utf8::Rune rune = utf8::Decode(text);
    utf8::Append(convert(rune.value), &out);
    text.remove_prefix(rune.size);
  }
  return out;
}

bool IsBroken(const utf8::Rune& rune) { return rune.value == utf8::kReplacement && rune.size == 1; }

void AppendEscaped(char32_t rune, char quote, bool ascii_only, std::string* out) {
  if (rune == static_cast<char32_t>(quote) || rune == '\\') {
    *out += {'\\', static_cast<char>(rune)};
    return;
  }
  if (ascii_only ? rune < 0x80 && IsPrint(rune) : IsPrint(rune)) return utf8::Append(rune, out);
  constexpr std::string_view kNamed = "\a\b\f\n\r\t\v";
  constexpr std::string_view kNames = "abfnrtv";
  const size_t named = rune < 0x80 ? kNamed.find(static_cast<char>(rune)) : std::string_view::npos;
  if (named != std::string_view::npos) {
    *out += {'\\', kNames[named]};
  } else if (rune < ' ' || rune == 0x7f) {
    *out += fmt::format("\\x{:02x}", static_cast<uint32_t>(rune));
  } else if (rune < 0x10000) {
    *out += fmt::format("\\u{:04x}", static_cast<uint32_t>(rune));
  } else {
    *out += fmt::format("\\U{:08x}", static_cast<uint32_t>(rune));
  }
}

int DigitValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'z') return c - 'a' + 10;
  if (c >= 'A' && c <= 'Z') return c - 'A' + 10;
  return 99;
}

// One character of a literal, taken from the front of `text`; a \x or octal escape is a byte, not a rune.
bool TakeChar(std::string_view& text, char quote, bool* is_byte, char32_t* value) {
  *is_byte = false;
  if (text.empty() || text[0] == quote || text[0] == '\n') return false;
  if (text[0] != '\\') {
    const utf8::Rune rune = utf8::Decode(text);
    *is_byte = IsBroken(rune);
    *value = *is_byte ? static_cast<unsigned char>(text[0]) : rune.value;
    text.remove_prefix(rune.size);
    return true;
  }
  if (text.size() < 2) return false;
  const char c = text[1];
  text.remove_prefix(2);
  constexpr std::string_view kNames = "abfnrtv\\";
  constexpr std::string_view kValues = "\a\b\f\n\r\t\v\\";
  if (const size_t at = kNames.find(c); at != std::string_view::npos) {
    *value = static_cast<char32_t>(kValues[at]);
    return true;
  }
  if (c == '\'' || c == '"') {
    *value = static_cast<char32_t>(c);
    return c == quote;
  }
  size_t digits = 0;
  int base = 16;
  if (c == 'x') digits = 2;
  if (c == 'u') digits = 4;
  if (c == 'U') digits = 8;
  char32_t number = 0;
  if (c >= '0' && c <= '7') {
    number = static_cast<char32_t>(c - '0');
    digits = 2;
    base = 8;
  }
  if (digits == 0 || text.size() < digits) return false;
  for (const char d : text.substr(0, digits)) {
    if (DigitValue(d) >= base) return false;
    number = number * static_cast<char32_t>(base) + static_cast<char32_t>(DigitValue(d));
  }
  text.remove_prefix(digits);
  *is_byte = base == 8 || c == 'x';
  *value = number;
  if (*is_byte) return number <= 255;
  return number <= 0x10FFFF && (number < 0xD800 || number > 0xDFFF);
}

}  // namespace

bool IsLetter(char32_t rune) {
  const auto category = Category(rune);
  return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
}
bool IsDigit(char32_t rune) { return Category(rune) == UTF8PROC_CATEGORY_ND; }
bool IsUpper(char32_t rune) { return Category(rune) == UTF8PROC_CATEGORY_LU; }
bool IsLower(char32_t rune) { return Category(rune) == UTF8PROC_CATEGORY_LL; }
bool IsTitle(char32_t rune) { return Category(rune) == UTF8PROC_CATEGORY_LT; }

bool IsPrint(char32_t rune) {
  if (rune == ' ') return true;
  const auto category = Category(rune);
  return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_SO;
}

char32_t ToUpper(char32_t rune) { return Convert(utf8proc_toupper, rune); }
char32_t ToLower(char32_t rune) { return Convert(utf8proc_tolower, rune); }
char32_t ToTitle(char32_t rune) { return Convert(utf8proc_totitle, rune); }
std::string ToUpper(std::string_view text) { return Convert(text, &ToUpper); }
std::string ToLower(std::string_view text) { return Convert(text, &ToLower); }

std::vector<char32_t> Runes(std::string_view text) {
  std::vector<char32_t> out;
  out.reserve(text.size());
  while (!text.empty()) {
    const utf8::Rune rune = utf8::Decode(text);
    out.push_back(rune.value);
    text.remove_prefix(rune.size);
  }
  return out;
}

std::string FromRunes(const std::vector<char32_t>& runes) {
  std::string out;
  for (const char32_t rune : runes) utf8::Append(rune, &out);
  return out;
}

size_t RuneCount(std::string_view text) {
  size_t count = 0;
  for (; !text.empty(); ++count) text.remove_prefix(utf8::Decode(text).size);
  return count;
}

std::string RuneName(char32_t rune) {
  std::string out = fmt::format("U+{:04X}", static_cast<uint32_t>(rune));
  if (!IsPrint(rune)) return out;
  out += " '";
  utf8::Append(rune, &out);
  return out + "'";
}

std::string Quote(std::string_view text, bool ascii_only) {
  std::string out = "\"";
  while (!text.empty()) {
    const utf8::Rune rune = utf8::Decode(text);
    if (IsBroken(rune)) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[0]));
    } else {
      AppendEscaped(rune.value, '"', ascii_only, &out);
    }
    text.remove_prefix(rune.size);
  }
  return out + '"';
}

std::string QuoteRune(char32_t rune, bool ascii_only) {
  std::string out = "'";
  if (rune > 0x10FFFF || (rune >= 0xD800 && rune <= 0xDFFF)) rune = utf8::kReplacement;
  AppendEscaped(rune, '\'', ascii_only, &out);
  return out + "'";
}

bool CanBackquote(std::string_view text) {
  while (!text.empty()) {
    const utf8::Rune rune = utf8::Decode(text);
    if (IsBroken(rune) || rune.value == 0xFEFF || rune.value == '`' || rune.value == 0x7f) return false;
    if (rune.value < ' ' && rune.value != '\t') return false;
    text.remove_prefix(rune.size);
  }
  return true;
}

std::optional<std::string> Unquote(std::string_view literal) {
  if (literal.size() < 2 || literal.front() != literal.back()) return std::nullopt;
  const char quote = literal.front();
  std::string_view inside = literal.substr(1, literal.size() - 2);
  std::string out;
  if (quote == '`') {
    if (inside.find('`') != std::string_view::npos) return std::nullopt;
    std::copy_if(inside.begin(), inside.end(), std::back_inserter(out), [](char c) { return c != '\r'; });
    return out;
  }
  if (quote != '"') return std::nullopt;
  while (!inside.empty()) {
    bool is_byte = false;
    char32_t value = 0;
    if (!TakeChar(inside, quote, &is_byte, &value)) return std::nullopt;
    if (is_byte) {
      out += static_cast<char>(value);
    } else {
      utf8::Append(value, &out);
    }
  }
  return out;
}

std::optional<char32_t> UnquoteRune(std::string_view literal) {
  if (literal.size() < 3 || literal.front() != '\'' || literal.back() != '\'') return std::nullopt;
  std::string_view inside = literal.substr(1, literal.size() - 2);
  bool is_byte = false;
  char32_t value = 0;
  if (!TakeChar(inside, '\'', &is_byte, &value) || !inside.empty()) return std::nullopt;
  return value;
}

}  // namespace slipway::run_template
