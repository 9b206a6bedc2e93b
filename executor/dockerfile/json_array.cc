#include "executor/dockerfile/json_array.h"

#include <charconv>

#include "executor/base/utf8.h"

namespace slipway::dockerfile {

namespace {

// Reads JSON strictly, as an array that turns out malformed must count as text. Keeps only the outer array's strings.
class JsonReader {
 public:
  explicit JsonReader(std::string_view text) : rest_(text) {}

  // False if the text is not exactly one valid array.
  bool ReadAll() { return Array(0) && (SkipBlanks(), rest_.empty()); }

  bool only_strings() const { return only_strings_; }
  std::vector<std::string> TakeStrings() { return std::move(strings_); }

 private:
  static constexpr int kMaxDepth = 500;

  void SkipBlanks() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\r\n"), rest_.size())); }
  bool Take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool TakeWord(std::string_view word) {
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }

  bool Value(int depth, bool element) {
    SkipBlanks();
    if (rest_.starts_with('"')) {
      std::string text;
      if (!String(&text)) return false;
      if (element) strings_.push_back(std::move(text));
      return true;
    }
    if (element) only_strings_ = false;
    if (rest_.starts_with('[')) return Array(depth);
    if (rest_.starts_with('{')) return Object(depth);
    return TakeWord("true") || TakeWord("false") || TakeWord("null") || Number();
  }

  bool Array(int depth) {
    if (depth > kMaxDepth || !Take('[')) return false;
    SkipBlanks();
    if (Take(']')) return true;
    do {
      if (!Value(depth + 1, depth == 0)) return false;
      SkipBlanks();
    } while (Take(','));
    return Take(']');
  }

  bool Object(int depth) {
    if (depth > kMaxDepth || !Take('{')) return false;
    SkipBlanks();
    if (Take('}')) return true;
    do {
      SkipBlanks();
      std::string key;
      if (!String(&key)) return false;
      SkipBlanks();
      if (!Take(':') || !Value(depth + 1, false)) return false;
      SkipBlanks();
    } while (Take(','));
    return Take('}');
  }

  size_t TakeDigits() {
    const size_t count = std::min(rest_.find_first_not_of("0123456789"), rest_.size());
    rest_.remove_prefix(count);
    return count;
  }

  bool Number() {
    Take('-');
    if (!Take('0') && TakeDigits() == 0) return false;
    if (Take('.') && TakeDigits() == 0) return false;
    if (!Take('e') && !Take('E')) return true;
    if (!Take('+')) Take('-');
    return TakeDigits() > 0;
  }

  bool String(std::string* out) {
    if (!Take('"')) return false;
    while (!rest_.empty()) {
      const utf8::Rune rune = utf8::Decode(rest_);
      rest_.remove_prefix(rune.size);
      if (rune.value == '"') return true;
      if (rune.value < 0x20) return false;
      if (rune.value != '\\') {
        utf8::Append(rune.value, out);
      } else if (!Escape(out)) {
        return false;
      }
    }
    return false;
  }

  bool Escape(std::string* out) {
    constexpr std::string_view kLetters = "\"\\/bfnrtu";
    constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
    if (rest_.empty()) return false;
    const size_t index = kLetters.find(rest_.front());
    if (index == std::string_view::npos) return false;
    rest_.remove_prefix(1);
    if (index < kMeanings.size()) {
      *out += kMeanings[index];
      return true;
    }
    char32_t rune = 0;
    if (!FourHex(&rune)) return false;
    if (rune >= 0xD800 && rune < 0xDC00) {
      // A pair of surrogates is one character; half a pair becomes U+FFFD and what follows stands for itself.
      const std::string_view before = rest_;
      char32_t low = 0;
      if (TakeWord("\\u") && FourHex(&low) && low >= 0xDC00 && low < 0xE000) {
        rune = 0x10000 + ((rune - 0xD800) << 10) + (low - 0xDC00);
      } else {
        rest_ = before;
      }
    }
    utf8::Append(rune, out);
    return true;
  }

  bool FourHex(char32_t* rune) {
    if (rest_.size() < 4) return false;
    uint32_t value = 0;
    const auto [stop, error] = std::from_chars(rest_.data(), rest_.data() + 4, value, 16);
    if (error != std::errc() || stop != rest_.data() + 4) return false;
    rest_.remove_prefix(4);
    *rune = value;
    return true;
  }

  std::string_view rest_;
  std::vector<std::string> strings_;
  bool only_strings_ = true;
};

}  // namespace

Result<std::optional<std::vector<std::string>>> ParseJsonStrings(std::string_view text) {
  JsonReader reader(utf8::TrimLeft(text));
  if (!reader.ReadAll()) return std::optional<std::vector<std::string>>();
  if (!reader.only_strings()) return InvalidArgument("an array in JSON form may hold strings only; quote each element");
  return std::optional(reader.TakeStrings());
}

}  // namespace slipway::dockerfile
