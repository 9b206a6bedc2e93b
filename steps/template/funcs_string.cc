// sprig's functions on strings: cutting, joining, padding, testing.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "executor/base/utf8.h"
#include "steps/template/format.h"
#include "steps/template/functions.h"
#include "steps/template/go_text.h"
#include "steps/template/random.h"
#include "steps/template/strings.h"

namespace slipway::run_template {

namespace {

// Go's s[begin:end] in bytes, with its error.
Result<std::string_view> Slice(std::string_view text, int64_t begin, int64_t end) {
  const auto size = static_cast<int64_t>(text.size());
  if (end < 0) return InvalidArgument("slice bounds out of range [:{}]", end);
  if (end > size) return InvalidArgument("slice bounds out of range [:{}] with length {}", end, size);
  if (begin < 0) return InvalidArgument("slice bounds out of range [{}:]", begin);
  if (begin > end) return InvalidArgument("slice bounds out of range [{}:{}]", begin, end);
  return text.substr(static_cast<size_t>(begin), static_cast<size_t>(end - begin));
}

// As goutils.AbbreviateFull; `text` is longer than `width`.
std::string Abbreviated(std::string_view text, int64_t offset, int64_t width) {
  const auto size = static_cast<int64_t>(text.size());
  if (width < 4) return "";
  if (size <= width) return std::string(text);
  offset = std::min(offset, size);
  if (size - offset < width - 3) offset = size - (width - 3);
  if (offset <= 4) return std::string(text.substr(0, static_cast<size_t>(width - 3))) + "...";
  if (width < 7) return "";
  if (offset + width - 3 < size) return "..." + Abbreviated(text.substr(static_cast<size_t>(offset)), 0, width - 3);
  return "..." + std::string(text.substr(static_cast<size_t>(size - (width - 3))));
}

Result<Value> Abbrev(const Call& call) {
  if (call.integer(0) < 4 || call.text(1).empty()) return call[1];
  return call.Text(Abbreviated(call.text(1), 0, call.integer(0)));
}

Result<Value> AbbrevBoth(const Call& call) {
  const int64_t left = call.integer(0);
  const int64_t right = call.integer(1);
  if (right < 4 || (left > 0 && right < 7) || call.text(2).empty()) return call[2];
  return call.Text(Abbreviated(call.text(2), left, right));
}

Result<Value> Trunc(const Call& call) {
  const std::string_view text = call.text(1);
  if (static_cast<int64_t>(text.size()) <= call.integer(0)) return call[1];
  SLIPWAY_ASSIGN_OR_RETURN(const std::string_view part, Slice(text, 0, call.integer(0)));
  return Value::Text(part);
}

Result<Value> Substr(const Call& call) {
  const std::string_view text = call.text(2);
  const auto size = static_cast<int64_t>(text.size());
  const int64_t start = call.integer(0);
  int64_t end = call.integer(1);
  if (start >= 0 && (end < 0 || end > size)) end = size;
  SLIPWAY_ASSIGN_OR_RETURN(const std::string_view part, Slice(text, std::max<int64_t>(start, 0), end));
  return Value::Text(part);
}

Result<Value> Trim(const Call& call) { return Value::Text(utf8::Trim(call.text(0))); }

// strings.Trim: characters of the first argument off both ends of the second.
Result<Value> TrimAll(const Call& call) {
  constexpr size_t kNode = 40;
  std::set<char32_t> cut;
  for (std::string_view rest = call.text(0); !rest.empty();) {
    const utf8::Rune rune = utf8::Decode(rest);
    if (cut.insert(rune.value).second && !call.work.Reserve(kNode)) return Value();
    rest.remove_prefix(rune.size);
  }
  const auto cuts = [&](std::string_view one) { return cut.contains(utf8::Decode(one).value); };
  std::string_view text = call.text(1);
  while (!text.empty() && cuts(text)) text.remove_prefix(utf8::Decode(text).size);
  while (!text.empty()) {
    size_t start = text.size() - 1;
    while (start > 0 && text.size() - start < 4 && (text[start] & 0xC0) == 0x80) --start;
    if (utf8::Decode(text.substr(start)).size != text.size() - start) start = text.size() - 1;
    if (!cuts(text.substr(start))) break;
    text.remove_suffix(text.size() - start);
  }
  return Value::Text(text);
}

Result<Value> TrimSuffix(const Call& call) {
  std::string_view text = call.text(1);
  if (text.ends_with(call.text(0))) text.remove_suffix(call.text(0).size());
  return Value::Text(text);
}

Result<Value> TrimPrefix(const Call& call) {
  std::string_view text = call.text(1);
  if (text.starts_with(call.text(0))) text.remove_prefix(call.text(0).size());
  return Value::Text(text);
}

Result<Value> RepeatText(const Call& call) {
  if (call.integer(0) < 0) return InvalidArgument("strings: negative Repeat count");
  return call.Text(Repeat(call.work, call.text(1), call.integer(0)));
}

Result<Value> NoSpace(const Call& call) {
  std::string out;
  for (std::string_view rest = call.text(0); !rest.empty();) {
    const utf8::Rune rune = utf8::Decode(rest);
    if (!utf8::IsSpace(rune.value)) out += rest.substr(0, rune.size);
    rest.remove_prefix(rune.size);
  }
  return call.Text(std::move(out));
}

Result<Value> Initials(const Call& call) {
  std::string out;
  bool gap = true;
  for (std::string_view rest = call.text(0); !rest.empty();) {
    const utf8::Rune rune = utf8::Decode(rest);
    const bool space = utf8::IsSpace(rune.value);
    if (!space && gap) out += rest.substr(0, rune.size);
    gap = space;
    rest.remove_prefix(rune.size);
  }
  return call.Text(std::move(out));
}

// As goutils.WrapCustom, in bytes. Blanks at the start of a new line are dropped.
Result<Value> Wrapped(const Call& call, std::string_view text, int64_t width, std::string_view line_end,
                      bool cut_words) {
  std::string out;
  size_t offset = 0;
  const size_t length = width < 1 ? 1 : static_cast<size_t>(width);
  while (text.size() - offset > length) {
    if (!call.work.Spend(1) || !call.work.Reserve(line_end.size())) return Value();
    if (text[offset] == ' ') {
      ++offset;
      continue;
    }
    size_t cut = text.substr(offset, length + 1).rfind(' ');
    size_t skip = 1;
    if (cut == std::string_view::npos && cut_words) {
      cut = length;
      skip = 0;
    } else if (cut == std::string_view::npos) {
      cut = text.find(' ', offset + length);
      if (cut == std::string_view::npos) break;
      cut -= offset;
    }
    out += text.substr(offset, cut);
    out += line_end;
    offset += cut + skip;
  }
  return call.Text(out.append(text.substr(std::min(offset, text.size()))));
}

Result<Value> Wrap(const Call& call) { return Wrapped(call, call.text(1), call.integer(0), "\n", false); }

Result<Value> WrapWith(const Call& call) {
  return Wrapped(call, call.text(2), call.integer(0), call.text(1).empty() ? "\n" : call.text(1), true);
}

Result<Value> Contains(const Call& call) {
  return Value::Bool(FindText(call.text(1), call.text(0)) != std::string_view::npos);
}
Result<Value> HasPrefix(const Call& call) { return Value::Bool(call.text(1).starts_with(call.text(0))); }
Result<Value> HasSuffix(const Call& call) { return Value::Bool(call.text(1).ends_with(call.text(0))); }

// Each argument that is not nil, written by `write` in up to `growth` times its size, with blanks between.
template <typename Write>
Result<Value> JoinArguments(const Call& call, size_t growth, Write write) {
  std::string out;
  bool first = true;
  for (const Value& value : call.args) {
    if (value.IsNil()) continue;
    if (!std::exchange(first, false)) out += ' ';
    std::string text = ToText(call.work, value);
    if (!call.work.Reserve(text.size() * growth)) return Value();
    out += write(std::move(text));
  }
  return call.Text(std::move(out));
}

Result<Value> QuoteAll(const Call& call) {
  constexpr size_t kEscaped = 4;  // bytes of "\\x01"
  return JoinArguments(call, kEscaped, [](const std::string& text) { return Quote(text); });
}
Result<Value> SingleQuoteAll(const Call& call) {
  return JoinArguments(call, 1, [](const std::string& text) { return fmt::format("'{}'", text); });
}
Result<Value> Cat(const Call& call) {
  return JoinArguments(call, 1, [](std::string text) { return text; });
}

Result<std::string> Indented(const Call& call) {
  if (call.integer(0) < 0) return InvalidArgument("strings: negative Repeat count");
  const std::string pad = Repeat(call.work, " ", call.integer(0));
  return pad + ReplaceAll(call.work, call.text(1), "\n", "\n" + pad);
}

Result<Value> Indent(const Call& call) {
  SLIPWAY_ASSIGN_OR_RETURN(std::string text, Indented(call));
  return call.Text(std::move(text));
}

Result<Value> NewlineIndent(const Call& call) {
  SLIPWAY_ASSIGN_OR_RETURN(const std::string text, Indented(call));
  return call.Text("\n" + text);
}

Result<Value> Replace(const Call& call) {
  return call.Text(ReplaceAll(call.work, call.text(2), call.text(0), call.text(1)));
}

Result<Value> Plural(const Call& call) { return call.integer(2) == 1 ? call[0] : call[1]; }

Result<Value> Shuffle(const Call& call) {
  std::vector<char32_t> runes = ToRunes(call.work, call.text(0));
  if (!call.work.Spend(runes.size())) return Value();
  for (size_t i = runes.size(); i > 1; --i) std::swap(runes[i - 1], runes[RandomBelow(i)]);
  return call.Text(FromRunes(runes));
}

Result<Value> RandomFrom(const Call& call, std::string_view alphabet) {
  const int64_t count = call.integer(0);
  if (count <= 0) return Value::Text("");
  if (!call.work.Spend(static_cast<uint64_t>(count)) || !call.work.Reserve(static_cast<size_t>(count))) return Value();
  std::string out;
  for (int64_t i = 0; i < count; ++i) out += alphabet[RandomBelow(alphabet.size())];
  return call.Text(std::move(out));
}

constexpr std::string_view kAlphaNumeric = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
constexpr size_t kLetters = 52;

Result<Value> RandAlphaNum(const Call& call) { return RandomFrom(call, kAlphaNumeric); }
Result<Value> RandAlpha(const Call& call) { return RandomFrom(call, kAlphaNumeric.substr(0, kLetters)); }
Result<Value> RandNumeric(const Call& call) { return RandomFrom(call, kAlphaNumeric.substr(kLetters)); }
Result<Value> RandAscii(const Call& call) {
  static const std::string kPrintable = [] {
    std::string all;
    for (char c = ' '; c < 0x7f; ++c) all += c;
    return all;
  }();
  return RandomFrom(call, kPrintable);
}

Result<Value> ToStringOf(const Call& call) {
  if (call[0].kind() == Kind::kString) return call[0];
  return call.Text(ToText(call.work, call[0]));
}

Value Numbered(const Call& call, std::vector<std::string> parts) {
  const Value out = call.work.NewDict(Element::kString);
  for (size_t i = 0; i < parts.size(); ++i)
    call.work.Set(out.dict(), fmt::format("_{}", i), call.Text(std::move(parts[i])));
  return out;
}

Result<Value> Split(const Call& call) { return Numbered(call, SplitN(call.work, call.text(1), call.text(0), -1)); }
Result<Value> SplitLimited(const Call& call) {
  return Numbered(call, SplitN(call.work, call.text(2), call.text(0), call.integer(1)));
}
Result<Value> SplitList(const Call& call) {
  return call.work.Strings(SplitN(call.work, call.text(1), call.text(0), -1));
}
Result<Value> ToStrings(const Call& call) { return call.work.Strings(ToTexts(call.work, call[0])); }
Result<Value> JoinList(const Call& call) {
  return call.Text(Join(call.work, ToTexts(call.work, call[1]), call.text(0)));
}

Result<Value> SortAlpha(const Call& call) {
  if (call[0].IsNil()) return call.work.Strings({"<nil>"});
  std::vector<std::string> texts = ToTexts(call.work, call[0]);
  if (!call.work.Spend(texts.size() * 16)) return Value();
  std::sort(texts.begin(), texts.end());
  return call.work.Strings(std::move(texts));
}

Result<Value> Hello(const Call&) { return Value::Text("Hello!"); }
Result<Value> Fail(const Call& call) { return InvalidArgument("{}", call.text(0)); }

using T = Type;
constexpr std::array kFunctions = {
    Function{"hello", Hello, {}},
    Function{"abbrev", Abbrev, {T::kInt, T::kString}},
    Function{"abbrevboth", AbbrevBoth, {T::kInt, T::kInt, T::kString}},
    Function{"trunc", Trunc, {T::kInt, T::kString}},
    Function{"trim", Trim, {T::kString}},
    Function{"substr", Substr, {T::kInt, T::kInt, T::kString}},
    Function{"repeat", RepeatText, {T::kInt, T::kString}},
    Function{"trimall", TrimAll, {T::kString, T::kString}},
    Function{"trimAll", TrimAll, {T::kString, T::kString}},
    Function{"trimSuffix", TrimSuffix, {T::kString, T::kString}},
    Function{"trimPrefix", TrimPrefix, {T::kString, T::kString}},
    Function{"nospace", NoSpace, {T::kString}},
    Function{"initials", Initials, {T::kString}},
    Function{"randAlphaNum", RandAlphaNum, {T::kInt}},
    Function{"randAlpha", RandAlpha, {T::kInt}},
    Function{"randAscii", RandAscii, {T::kInt}},
    Function{"randNumeric", RandNumeric, {T::kInt}},
    Function{"shuffle", Shuffle, {T::kString}},
    Function{"wrap", Wrap, {T::kInt, T::kString}},
    Function{"wrapWith", WrapWith, {T::kInt, T::kString, T::kString}},
    Function{"contains", Contains, {T::kString, T::kString}},
    Function{"hasPrefix", HasPrefix, {T::kString, T::kString}},
    Function{"hasSuffix", HasSuffix, {T::kString, T::kString}},
    Function{"quote", QuoteAll, {T::kAny}, true},
    Function{"squote", SingleQuoteAll, {T::kAny}, true},
    Function{"cat", Cat, {T::kAny}, true},
    Function{"indent", Indent, {T::kInt, T::kString}},
    Function{"nindent", NewlineIndent, {T::kInt, T::kString}},
    Function{"replace", Replace, {T::kString, T::kString, T::kString}},
    Function{"plural", Plural, {T::kString, T::kString, T::kInt}},
    Function{"toString", ToStringOf, {T::kAny}},
    Function{"split", Split, {T::kString, T::kString}},
    Function{"splitList", SplitList, {T::kString, T::kString}},
    Function{"splitn", SplitLimited, {T::kString, T::kInt, T::kString}},
    Function{"toStrings", ToStrings, {T::kAny}},
    Function{"join", JoinList, {T::kString, T::kAny}},
    Function{"sortAlpha", SortAlpha, {T::kAny}},
    Function{"fail", Fail, {T::kString}},
};

}  // namespace

std::span<const Function> StringFunctions() { return kFunctions; }

}  // namespace slipway::run_template
