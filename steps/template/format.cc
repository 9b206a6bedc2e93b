#include "steps/template/format.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "executor/base/utf8.h"
#include "steps/template/go_text.h"
#include "steps/template/go_time.h"
#include "steps/template/semver.h"

namespace slipway::run_template {

namespace {

constexpr int kMaxNumber = 1'000'000;  // of a width or precision

struct Flags {
  bool plus = false;
  bool minus = false;
  bool sharp = false;
  bool space = false;
  bool zero = false;
  bool plus_v = false;   // %+v
  bool sharp_v = false;  // %#v
  std::optional<int> width;
  std::optional<int> precision;
};

class Printer {
 public:
  explicit Printer(Workspace& work) : work_(work) {}

  std::string Take() { return std::move(out_); }
  void Print(const Value& value, char32_t verb, int depth);
  void Format(std::string_view format, std::span<const Value> values);
  void Literal(std::string_view text) { out_ += text; }

 private:
  void Pad(std::string_view text);
  void BadVerb(char32_t verb, const Value& value);
  void Boolean(const Value& value, char32_t verb);
  void Integer(const Value& value, char32_t verb);
  void Digits(uint64_t magnitude, bool negative, int base, char32_t verb);
  void Unicode(uint64_t rune);
  void Float(const Value& value, char32_t verb);
  void Text(std::string_view text, char32_t verb, const Value& value);
  void Hex(std::string_view text, bool upper);
  void Sequence(const Value& value, char32_t verb, int depth);
  void Mapping(const Value& value, char32_t verb, int depth);
  void Struct(const Certificate& certificate, char32_t verb, int depth);
  std::string_view Truncated(std::string_view text) const;

  // Of Format.
  bool ArgNumber(std::string_view format, size_t* at, size_t count);
  std::optional<int> Number(std::string_view format, size_t* at) const;
  std::optional<int> StarNumber(std::span<const Value> values);
  void ReadFlags(std::string_view format, size_t* at);
  void Width(std::string_view format, size_t* at, std::span<const Value> values);
  void Precision(std::string_view format, size_t* at, std::span<const Value> values);
  void Verb(std::string_view format, size_t* at, std::span<const Value> values);
  void Extra(std::span<const Value> values);

  Workspace& work_;
  std::string out_;
  Flags flags_;
  bool erroring_ = false;
  size_t arg_ = 0;
  bool reordered_ = false;
  bool good_arg_ = true;
  bool after_index_ = false;
};

void AppendRune(char32_t rune, std::string* out) { utf8::Append(rune, out); }

void Printer::Pad(std::string_view text) {
  const size_t length = RuneCount(text);
  const auto width = static_cast<size_t>(flags_.width.value_or(0));
  const size_t padding = width > length ? width - length : 0;
  if (!work_.Reserve(padding + text.size())) return;
  if (!flags_.minus) out_.append(padding, flags_.zero ? '0' : ' ');
  out_ += text;
  if (flags_.minus) out_.append(padding, ' ');
}

void Printer::BadVerb(char32_t verb, const Value& value) {
  erroring_ = true;
  out_ += "%!";
  AppendRune(verb, &out_);
  out_ += '(';
  if (value.IsNil()) {
    out_ += "<nil>";
  } else {
    out_ += TypeName(value);
    out_ += '=';
    Print(value, 'v', 0);
  }
  out_ += ')';
  erroring_ = false;
}

void Printer::Boolean(const Value& value, char32_t verb) {
  if (verb != 't' && verb != 'v') return BadVerb(verb, value);
  Pad(value.boolean() ? "true" : "false");
}

void Printer::Digits(uint64_t magnitude, bool negative, int base, char32_t verb) {
  const bool upper = verb == 'X';
  const std::string_view alphabet = upper ? "0123456789ABCDEF" : "0123456789abcdef";
  std::string digits;
  for (uint64_t rest = magnitude; rest != 0 || digits.empty(); rest /= static_cast<uint64_t>(base)) {
    digits += alphabet[rest % static_cast<uint64_t>(base)];
  }
  size_t precision = 0;
  if (flags_.precision) {
    precision = static_cast<size_t>(*flags_.precision);
    if (precision == 0 && magnitude == 0) digits.clear();
  } else if (flags_.zero && flags_.width) {
    precision = static_cast<size_t>(*flags_.width);
    if (precision > 0 && (negative || flags_.plus || flags_.space)) --precision;
  }
  const bool nothing = digits.empty();
  if (!work_.Reserve(precision)) return;
  if (digits.size() < precision) digits.append(precision - digits.size(), '0');
  std::reverse(digits.begin(), digits.end());
  if (flags_.sharp && !nothing) {
    if (base == 2) digits.insert(0, "0b");
    if (base == 8 && digits[0] != '0') digits.insert(0, "0");
    if (base == 16) digits.insert(0, upper ? "0X" : "0x");
  }
  if (verb == 'O' && !nothing) digits.insert(0, "0o");
  if (!nothing) {
    if (negative) {
      digits.insert(0, "-");
    } else if (flags_.plus) {
      digits.insert(0, "+");
    } else if (flags_.space) {
      digits.insert(0, " ");
    }
  }
  const bool zero = std::exchange(flags_.zero, false);
  Pad(digits);
  flags_.zero = zero;
}

void Printer::Unicode(uint64_t rune) {
  const int precision = std::max(4, flags_.precision.value_or(4));
  if (!work_.Reserve(static_cast<size_t>(precision))) return;
  std::string text = fmt::format("U+{:0{}X}", rune, precision);
  if (flags_.sharp && rune <= 0x10FFFF && IsPrint(static_cast<char32_t>(rune))) {
    text += " '";
    AppendRune(static_cast<char32_t>(rune), &text);
    text += "'";
  }
  const bool zero = std::exchange(flags_.zero, false);
  Pad(text);
  flags_.zero = zero;
}

void Printer::Integer(const Value& value, char32_t verb) {
  const bool is_signed = value.kind() != Kind::kUint8;
  const bool negative = is_signed && value.integer() < 0;
  const auto bits = static_cast<uint64_t>(value.integer());
  const uint64_t magnitude = negative ? ~bits + 1 : bits;
  const char32_t rune = bits > 0x10FFFF ? utf8::kReplacement : static_cast<char32_t>(bits);
  switch (verb) {
    case 'v':
      if (flags_.sharp_v && !is_signed) {
        const bool sharp = std::exchange(flags_.sharp, true);
        Digits(magnitude, negative, 16, verb);
        flags_.sharp = sharp;
        return;
      }
      return Digits(magnitude, negative, 10, verb);
    case 'd': return Digits(magnitude, negative, 10, verb);
    case 'b': return Digits(magnitude, negative, 2, verb);
    case 'o':
    case 'O': return Digits(magnitude, negative, 8, verb);
    case 'x':
    case 'X': return Digits(magnitude, negative, 16, verb);
    case 'c': {
      std::string text;
      AppendRune(rune, &text);
      return Pad(text);
    }
    case 'q': return Pad(QuoteRune(rune, flags_.plus));
    case 'U': return Unicode(bits);
    default: return BadVerb(verb, value);
  }
}

// "%#g" keeps the zeros that make up the precision.
std::string WithZeros(std::string number, char verb, int precision) {
  int digits = verb == 'g' || verb == 'G' ? (precision < 0 ? 6 : precision) : 0;
  const size_t exponent = std::min(number.find_first_of("eE"), number.size());
  std::string tail = number.substr(exponent);
  number.resize(exponent);
  bool nonzero = false;
  for (const char c : std::string_view(number).substr(1)) {
    if (c == '.') continue;
    nonzero = nonzero || c != '0';
    if (nonzero) --digits;
  }
  if (number.find('.') == std::string::npos) {
    if (number.size() == 2 && number[1] == '0') --digits;
    number += '.';
  }
  if (digits > 0) number.append(static_cast<size_t>(digits), '0');
  return number + tail;
}

void Printer::Float(const Value& value, char32_t verb) {
  char kind = static_cast<char>(verb);
  int precision = -1;
  switch (verb) {
    case 'v': kind = 'g'; break;
    case 'g':
    case 'G':
    case 'x':
    case 'X': break;
    case 'F': kind = 'f'; [[fallthrough]];
    case 'f':
    case 'e':
    case 'E': precision = 6; break;
    default: return BadVerb(verb, value);
  }
  if (flags_.precision) precision = *flags_.precision;
  if (!work_.Reserve(static_cast<size_t>(std::max(precision, 0)) + 64)) return;
  std::string number = FormatFloat(value.number(), kind, precision);
  if (number[0] != '-' && number[0] != '+') number.insert(0, "+");
  if (flags_.space && number[0] == '+' && !flags_.plus) number[0] = ' ';
  if (number[1] == 'I' || number[1] == 'N') {
    if (number[1] == 'N' && !flags_.space && !flags_.plus) number.erase(0, 1);
    // Go pads these with spaces, and shows the sign of +Inf only when asked.
    if (number[0] == '+' && number[1] == 'I' && !flags_.plus) number = "+Inf";
    const bool zero = std::exchange(flags_.zero, false);
    Pad(number);
    flags_.zero = zero;
    return;
  }
  if (flags_.sharp && kind != 'x' && kind != 'X') number = WithZeros(std::move(number), kind, precision);
  if (flags_.plus || number[0] != '+') {
    const auto width = static_cast<size_t>(flags_.width.value_or(0));
    if (flags_.zero && width > number.size()) number.insert(1, width - number.size(), '0');
    return Pad(number);
  }
  Pad(std::string_view(number).substr(1));
}

std::string_view Printer::Truncated(std::string_view text) const {
  if (!flags_.precision) return text;
  std::string_view rest = text;
  for (int i = 0; i < *flags_.precision && !rest.empty(); ++i) rest.remove_prefix(utf8::Decode(rest).size);
  return text.substr(0, text.size() - rest.size());
}

void Printer::Hex(std::string_view text, bool upper) {
  if (flags_.precision) text = text.substr(0, std::min(text.size(), static_cast<size_t>(*flags_.precision)));
  const std::string_view prefix = upper ? "0X" : "0x";
  std::string out;
  if (!work_.Reserve(text.size() * 5)) return;
  for (size_t i = 0; i < text.size(); ++i) {
    if (i > 0 && flags_.space) out += ' ';
    if (flags_.sharp && (i == 0 || flags_.space)) out += prefix;
    const auto byte = static_cast<unsigned char>(text[i]);
    out += upper ? fmt::format("{:02X}", byte) : fmt::format("{:02x}", byte);
  }
  Pad(out);
}

void Printer::Text(std::string_view text, char32_t verb, const Value& value) {
  if (verb == 'v' && !flags_.sharp_v) verb = 's';
  switch (verb) {
    case 's': return Pad(Truncated(text));
    case 'x':
    case 'X': return Hex(text, verb == 'X');
    case 'v':
    case 'q': {
      const std::string_view shown = Truncated(text);
      if (!work_.Reserve(shown.size() * 4)) return;
      return Pad(flags_.sharp && CanBackquote(shown) ? fmt::format("`{}`", shown) : Quote(shown, flags_.plus));
    }
    default: return BadVerb(verb, value);
  }
}

void Printer::Sequence(const Value& value, char32_t verb, int depth) {
  const List& list = value.list();
  if (flags_.sharp_v) {
    out_ += TypeName(value);
    if (list.nil) return Literal("(nil)");
  }
  out_ += flags_.sharp_v ? '{' : '[';
  for (size_t i = 0; i < list.items.size() && work_.status().ok(); ++i) {
    if (i > 0) out_ += flags_.sharp_v ? ", " : " ";
    Print(list.items[i], verb, depth + 1);
  }
  out_ += flags_.sharp_v ? '}' : ']';
}

void Printer::Mapping(const Value& value, char32_t verb, int depth) {
  out_ += flags_.sharp_v ? fmt::format("{}{{", TypeName(value)) : "map[";
  bool first = true;
  for (const auto& [key, element] : value.dict().items) {
    if (!work_.status().ok()) return;
    if (!first) out_ += flags_.sharp_v ? ", " : " ";
    first = false;
    Print(Value::Text(key), verb, depth + 1);
    out_ += ':';
    Print(element, verb, depth + 1);
  }
  out_ += flags_.sharp_v ? '}' : ']';
}

void Printer::Struct(const Certificate& certificate, char32_t verb, int depth) {
  const bool named = flags_.sharp_v || flags_.plus_v;
  if (flags_.sharp_v) out_ += "sprig.certificate";
  out_ += named ? "{Cert:" : "{";
  Print(Value::Text(certificate.cert), verb, depth + 1);
  out_ += flags_.sharp_v ? ", " : " ";
  if (named) out_ += "Key:";
  Print(Value::Text(certificate.key), verb, depth + 1);
  out_ += '}';
}

void Printer::Print(const Value& value, char32_t verb, int depth) {
  if (!work_.Enter(depth) || !work_.Reserve(16)) return;
  if (value.IsNil()) {
    if (depth == 0) return verb == 'v' || verb == 'T' ? Pad("<nil>") : BadVerb(verb, value);
    return Literal(flags_.sharp_v ? "interface {}(nil)" : "<nil>");
  }
  if (verb == 'T' && depth == 0) return Pad(Truncated(TypeName(value)));
  const bool string_verb = verb == 'v' || verb == 's' || verb == 'x' || verb == 'X' || verb == 'q';
  if (HasString(value) && string_verb && !flags_.sharp_v && !erroring_) return Text(StringOf(value), verb, value);
  switch (value.kind()) {
    case Kind::kBool: return Boolean(value, verb);
    case Kind::kInt:
    case Kind::kInt64:
    case Kind::kUint8:
    case Kind::kDuration:
    case Kind::kMonth:
    case Kind::kWeekday: return Integer(value, verb);
    case Kind::kFloat: return Float(value, verb);
    case Kind::kString: return Text(value.text(), verb, value);
    case Kind::kList: return Sequence(value, verb, depth);
    case Kind::kDict: return Mapping(value, verb, depth);
    case Kind::kCertificate: return Struct(value.certificate(), verb, depth);
    case Kind::kTime:
    case Kind::kVersion: return Text(StringOf(value), string_verb ? verb : 'v', value);
    case Kind::kInvalid:
    case Kind::kNil: return;
  }
}

std::optional<int> Printer::Number(std::string_view format, size_t* at) const {
  std::optional<int> out;
  for (; *at < format.size() && format[*at] >= '0' && format[*at] <= '9'; ++*at) {
    if (out.value_or(0) > kMaxNumber) {
      *at = format.size();
      return std::nullopt;
    }
    out = out.value_or(0) * 10 + (format[*at] - '0');
  }
  return out;
}

// "[3]": the argument to use next. Whether there was one.
bool Printer::ArgNumber(std::string_view format, size_t* at, size_t count) {
  if (*at >= format.size() || format[*at] != '[') return false;
  reordered_ = true;
  const size_t close = format.find(']', *at);
  work_.SpendBytes(std::min(close, format.size()) - *at);  // a format may have many '[' and no ']'
  if (format.size() - *at < 3 || close == std::string_view::npos) {
    good_arg_ = false;
    *at += 1;
    return false;
  }
  size_t digits = *at + 1;
  const std::optional<int> number = Number(format.substr(0, close), &digits);
  const bool ok = number.has_value() && digits == close;
  *at = close + 1;
  if (ok && *number >= 1 && static_cast<size_t>(*number) <= count) {
    arg_ = static_cast<size_t>(*number) - 1;
    return true;
  }
  good_arg_ = false;
  return ok;
}

std::optional<int> Printer::StarNumber(std::span<const Value> values) {
  if (arg_ >= values.size()) return std::nullopt;
  const Value& value = values[arg_++];
  if (!value.IsInteger() || value.integer() > kMaxNumber || value.integer() < -kMaxNumber) return std::nullopt;
  return static_cast<int>(value.integer());
}

void Printer::ReadFlags(std::string_view format, size_t* at) {
  for (; *at < format.size(); ++*at) {
    switch (format[*at]) {
      case '#': flags_.sharp = true; break;
      case '0': flags_.zero = !flags_.minus; break;
      case '+': flags_.plus = true; break;
      case '-':
        flags_.minus = true;
        flags_.zero = false;
        break;
      case ' ': flags_.space = true; break;
      default: return;
    }
  }
}

void Printer::Width(std::string_view format, size_t* at, std::span<const Value> values) {
  if (*at < format.size() && format[*at] == '*') {
    ++*at;
    flags_.width = StarNumber(values);
    if (!flags_.width) out_ += "%!(BADWIDTH)";
    if (flags_.width.value_or(0) < 0) {
      flags_.width = -*flags_.width;
      flags_.minus = true;
      flags_.zero = false;
    }
    after_index_ = false;
    return;
  }
  flags_.width = Number(format, at);
  if (after_index_ && flags_.width) good_arg_ = false;
}

void Printer::Precision(std::string_view format, size_t* at, std::span<const Value> values) {
  if (*at + 1 >= format.size() || format[*at] != '.') return;
  ++*at;
  if (after_index_) good_arg_ = false;
  after_index_ = ArgNumber(format, at, values.size());
  if (*at < format.size() && format[*at] == '*') {
    ++*at;
    flags_.precision = StarNumber(values);
    if (flags_.precision.value_or(0) < 0) flags_.precision.reset();
    if (!flags_.precision) out_ += "%!(BADPREC)";
    after_index_ = false;
    return;
  }
  flags_.precision = Number(format, at).value_or(0);
}

void Printer::Verb(std::string_view format, size_t* at, std::span<const Value> values) {
  const utf8::Rune verb = utf8::Decode(format.substr(*at));
  *at += verb.size;
  if (verb.value == '%') return Literal("%");
  if (!good_arg_ || arg_ >= values.size()) {
    out_ += "%!";
    AppendRune(verb.value, &out_);
    out_ += good_arg_ ? "(MISSING)" : "(BADINDEX)";
    return;
  }
  if (verb.value == 'v') {
    flags_.sharp_v = std::exchange(flags_.sharp, false);
    flags_.plus_v = std::exchange(flags_.plus, false);
  }
  const Value& value = values[arg_++];
  const bool pointer = value.kind() == Kind::kList || value.kind() == Kind::kDict || value.kind() == Kind::kVersion;
  // An address tells nobody anything and differs from run to run.
  if (verb.value == 'p' && pointer) return Literal("0xc000000000");
  Print(value, verb.value, 0);
}

void Printer::Extra(std::span<const Value> values) {
  flags_ = {};
  out_ += "%!(EXTRA ";
  for (size_t i = 0; i < values.size(); ++i) {
    if (i > 0) out_ += ", ";
    if (values[i].IsNil()) {
      out_ += "<nil>";
      continue;
    }
    out_ += TypeName(values[i]);
    out_ += '=';
    Print(values[i], 'v', 0);
  }
  out_ += ')';
}

void Printer::Format(std::string_view format, std::span<const Value> values) {
  size_t at = 0;
  while (at < format.size() && work_.Spend(1)) {
    const size_t percent = std::min(format.find('%', at), format.size());
    out_ += format.substr(at, percent - at);
    at = percent;
    if (at == format.size()) break;
    ++at;
    good_arg_ = true;
    after_index_ = false;
    flags_ = {};
    ReadFlags(format, &at);
    after_index_ = ArgNumber(format, &at, values.size());
    Width(format, &at, values);
    Precision(format, &at, values);
    if (!after_index_) after_index_ = ArgNumber(format, &at, values.size());
    if (at >= format.size()) {
      out_ += "%!(NOVERB)";
      break;
    }
    Verb(format, &at, values);
  }
  if (!reordered_ && arg_ < values.size()) Extra(values.subspan(arg_));
}

}  // namespace

bool HasString(const Value& value) {
  const Kind kind = value.kind();
  return kind == Kind::kTime || kind == Kind::kDuration || kind == Kind::kMonth || kind == Kind::kWeekday ||
         kind == Kind::kVersion;
}

std::string StringOf(const Value& value) {
  if (value.kind() == Kind::kTime) return TimeString(value.time());
  if (value.kind() == Kind::kDuration) return DurationString(value.integer());
  if (value.kind() == Kind::kVersion) return value.version().ToString();
  const bool month = value.kind() == Kind::kMonth;
  const std::string_view name = month ? MonthName(value.integer()) : WeekdayName(value.integer());
  if (!name.empty()) return std::string(name);
  return fmt::format("%!{}({})", month ? "Month" : "Weekday", value.integer());
}

std::string Sprint(Workspace& work, std::span<const Value> values) {
  Printer printer(work);
  bool was_string = false;
  for (size_t i = 0; i < values.size(); ++i) {
    const bool is_string = values[i].kind() == Kind::kString;
    if (i > 0 && !is_string && !was_string) printer.Literal(" ");
    printer.Print(values[i], 'v', 0);
    was_string = is_string;
  }
  return printer.Take();
}

std::string Sprintf(Workspace& work, std::string_view format, std::span<const Value> values) {
  constexpr size_t kLongestComplaint = 8;  // "%*d" without arguments becomes "%!(BADWIDTH)%!d(MISSING)"
  if (!work.Reserve(format.size() * kLongestComplaint)) return "";
  Printer printer(work);
  printer.Format(format, values);
  return printer.Take();
}

std::string ToText(Workspace& work, const Value& value) {
  if (value.kind() != Kind::kString) return Sprint(work, std::span(&value, 1));
  return work.Reserve(value.text().size()) ? std::string(value.text()) : "";
}

}  // namespace slipway::run_template
