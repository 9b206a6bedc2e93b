#include "executor/dockerfile/word_expander.h"

#include "executor/base/utf8.h"
#include "executor/dockerfile/unicode.h"
#include "executor/dockerfile/word_pattern.h"

namespace slipway::dockerfile {

namespace {

constexpr char32_t kEnd = 0xFFFFFFFF;
constexpr int kMaxDepth = 200;
constexpr size_t kMaxShownBytes = 200;

// Collects the words of a text that is read character by character.
class WordSplitter {
 public:
  // A blank ends the word.
  void Add(char32_t rune) {
    if (!utf8::IsSpace(rune)) {
      AddRaw(rune);
    } else if (in_word_ && !word_.empty()) {
      Finish();
    }
  }
  void AddRaw(char32_t rune) {
    utf8::Append(rune, &word_);
    in_word_ = true;
  }
  void Add(std::string_view text) {
    while (!text.empty()) {
      const utf8::Rune rune = utf8::Decode(text);
      Add(rune.value);
      text.remove_prefix(rune.size);
    }
  }
  void AddRaw(std::string_view text) {
    word_ += text;
    in_word_ = true;
  }
  // Loses the word so far. BuildKit does so before the operand of `${v:-operand}`, and EXPOSE shows it: with v unset,
  // `EXPOSE 1${v:-80}` is port 80.
  void Forget() { word_.clear(); }
  std::vector<std::string> Take() {
    if (!word_.empty()) Finish();
    return std::move(words_);
  }

 private:
  void Finish() {
    words_.push_back(std::move(word_));
    word_.clear();
    in_word_ = false;
  }

  std::string word_;
  std::vector<std::string> words_;
  bool in_word_ = false;
};

class WordLexer {
 public:
  WordLexer(std::string_view word, const EnvLookup& env, const WordOptions& options, ExpandedWord* result)
      : rest_(word), env_(env), options_(options), raw_escapes_(options.raw_escapes), result_(result) {
    constexpr std::string_view kBom = "\xEF\xBB\xBF";
    if (rest_.starts_with(kBom)) rest_.remove_prefix(kBom.size());
  }

  Status Run() {
    SLIPWAY_RETURN_IF_ERROR(Outer(&result_->text));
    result_->words = splitter_.Take();
    return {};
  }

 private:
  char32_t Peek() const { return rest_.empty() ? kEnd : utf8::Decode(rest_).value; }
  char32_t Next() {
    if (rest_.empty()) return kEnd;
    const utf8::Rune rune = utf8::Decode(rest_);
    rest_.remove_prefix(rune.size);
    return rune.value;
  }

  static Status CheckSize(const std::string& text) {
    if (text.size() <= kMaxExpandedBytes) return {};
    return ResourceExhausted("the result is longer than {} bytes", kMaxExpandedBytes);
  }

  // The word itself: like an operand, but its words count.
  Status Outer(std::string* out) {
    WordSplitter* const words = options_.split ? &splitter_ : nullptr;
    while (!rest_.empty()) SLIPWAY_RETURN_IF_ERROR(Step(words, out));
    return {};
  }

  // What stands between an operator and `stop`, for instance the word of ${v:-word}.
  Status Operand(char32_t stop, bool raw_escapes, std::string* out) {
    if (depth_ == kMaxDepth) return InvalidArgument("substitutions are nested deeper than {}", kMaxDepth);
    ++depth_;
    splitter_.Forget();
    const bool outer_raw = raw_escapes_;
    raw_escapes_ = raw_escapes;
    Status status = OperandText(stop, out);
    raw_escapes_ = outer_raw;
    --depth_;
    if (!status.ok() && status.code() == Code::kInvalidArgument && rest_.empty()) {
      return InvalidArgument("missing '{}' of a substitution", static_cast<char>(stop));
    }
    return status;
  }

  Status OperandText(char32_t stop, std::string* out) {
    while (Peek() != stop) {
      if (rest_.empty()) return InvalidArgument("missing '{}'", static_cast<char>(stop));
      SLIPWAY_RETURN_IF_ERROR(Step(nullptr, out));
    }
    Next();
    return {};
  }

  // One character, quoted text or substitution. `words` may be null.
  Status Step(WordSplitter* words, std::string* out) {
    const char32_t c = Peek();
    const bool quote = !options_.ignore_quotes && (c == '\'' || c == '"');
    if (c == '$' || c == '<' || quote) {
      std::string text;
      SLIPWAY_RETURN_IF_ERROR(Special(c, &text));
      *out += text;
      if (words != nullptr && c == '$') words->Add(text);
      if (words != nullptr && c != '$') words->AddRaw(text);
      return CheckSize(*out);
    }
    Next();
    if (c != options_.escape) {
      if (words != nullptr) words->Add(c);
      utf8::Append(c, out);
      return CheckSize(*out);
    }
    if (raw_escapes_) {
      if (words != nullptr) words->AddRaw(c);
      utf8::Append(c, out);
    }
    const char32_t escaped = Next();
    if (escaped == kEnd) return {};
    if (words != nullptr) words->AddRaw(escaped);
    utf8::Append(escaped, out);
    return CheckSize(*out);
  }

  Status Special(char32_t c, std::string* out) {
    if (c == '$') return Dollar(out);
    if (c == '\'') return SingleQuoted(out);
    if (c == '"') return DoubleQuoted(out);
    Less(out);
    return {};
  }

  // `<< EOF` stays one word.
  void Less(std::string* out) {
    Next();
    *out += '<';
    if (Peek() != '<') return;
    Next();
    *out += '<';
    for (char32_t c = Peek(); c == ' ' || c == '\t' || c == '\r'; c = Peek()) utf8::Append(Next(), out);
  }

  Status SingleQuoted(std::string* out) {
    Next();
    if (options_.raw_quotes) *out += '\'';
    for (char32_t c = Next(); c != '\''; c = Next()) {
      if (c == kEnd) return InvalidArgument("missing the closing single quote");
      utf8::Append(c, out);
    }
    if (options_.raw_quotes) *out += '\'';
    return {};
  }

  Status DoubleQuoted(std::string* out) {
    Next();
    if (options_.raw_quotes) *out += '"';
    while (true) {
      const char32_t c = Peek();
      if (c == kEnd) return InvalidArgument("missing the closing double quote");
      if (c == '$') {
        SLIPWAY_RETURN_IF_ERROR(Dollar(out));
        SLIPWAY_RETURN_IF_ERROR(CheckSize(*out));
        continue;
      }
      Next();
      if (c == '"') break;
      EscapedInQuotes(c, out);
    }
    if (options_.raw_quotes) *out += '"';
    return {};
  }

  // Within double quotes an escape character only takes away the meaning of a quote, a dollar and itself.
  void EscapedInQuotes(char32_t c, std::string* out) {
    if (c == options_.escape) {
      if (raw_escapes_) utf8::Append(c, out);
      const char32_t next = Peek();
      if (next == kEnd) return;
      if (next == '"' || next == '$' || next == options_.escape) c = Next();
    }
    utf8::Append(c, out);
  }

  std::string Name() {
    std::string name;
    const char32_t first = Peek();
    if (first != kEnd && IsDigit(first)) {
      while (Peek() != kEnd && IsDigit(Peek())) utf8::Append(Next(), &name);
      return name;
    }
    if (first < 0x80 && std::string_view("@*#?-$!").find(static_cast<char>(first)) != std::string_view::npos) {
      return {static_cast<char>(Next())};
    }
    for (char32_t c = first; c != kEnd && (IsLetter(c) || IsDigit(c) || c == '_'); c = Peek()) {
      utf8::Append(Next(), &name);
    }
    return name;
  }

  std::optional<std::string_view> Lookup(const std::string& name) {
    const std::optional<std::string_view> value = env_(name);
    (value.has_value() ? result_->matched : result_->unmatched).insert(name);
    return value;
  }

  Status Dollar(std::string* out) {
    Next();
    if (Peek() == '{') return Braced(out);
    const std::string name = Name();
    if (name.empty()) {
      *out += '$';
      return {};
    }
    const auto value = Lookup(name);
    if (value.has_value()) {
      *out += *value;
    } else if (options_.keep_unset) {
      *out += "$" + name;
    }
    return {};
  }

  Status Braced(std::string* out) {
    Next();
    const char32_t first = Peek();
    if (first == kEnd) return InvalidArgument("missing '}}' of a substitution");
    if (first == '{' || first == '}' || first == ':') return InvalidArgument("bad substitution: no name after '${{'");
    const std::string name = Name();
    const char32_t op = Next();
    if (op == '}') {
      const auto value = Lookup(name);
      if (value.has_value()) {
        *out += *value;
      } else if (options_.keep_unset) {
        *out += "${" + name + "}";
      }
      return {};
    }
    if (op == '/') return Replacement(name, out);
    const bool colon = op == ':';
    const char32_t modifier = colon ? Next() : op;
    const bool known =
        modifier < 0x80 && std::string_view("+-?#%").find(static_cast<char>(modifier)) != std::string_view::npos;
    if (!known && !colon) return UnknownModifier(colon, modifier);
    return Modified(name, colon, modifier, out);
  }

  static Status UnknownModifier(bool colon, char32_t modifier) {
    if (modifier == kEnd) return InvalidArgument("missing '}}' of a substitution");
    std::string text = colon ? ":" : "";
    utf8::Append(modifier, &text);
    return InvalidArgument("modifier '{}' of a substitution is not known; there are :- - :+ + :? ? # ## % %% / //",
                           text);
  }

  Status Modified(const std::string& name, bool colon, char32_t modifier, std::string* out) {
    const bool pattern = modifier == '#' || modifier == '%';
    if (modifier == kEnd || (colon && pattern)) return UnknownModifier(colon, modifier);
    std::string operand;
    SLIPWAY_RETURN_IF_ERROR(Operand('}', pattern, &operand));
    const auto value = Lookup(name);
    if (options_.keep_unset && !value.has_value()) {
      *out += "${" + name + (colon ? ":" : "");
      utf8::Append(modifier, out);
      *out += operand + "}";
      return {};
    }
    const bool counts_as_unset = !value.has_value() || (colon && value->empty());
    switch (modifier) {
      case '-': *out += counts_as_unset ? std::string_view(operand) : *value; return {};
      case '+': *out += counts_as_unset ? "" : operand; return {};
      case '?':
        if (counts_as_unset) return Required(name, value.has_value(), operand);
        *out += *value;
        return {};
      case '#':
      case '%': return Trimmed(modifier == '#', operand, value.value_or(""), out);
      default: return UnknownModifier(colon, modifier);
    }
  }

  static Status Required(const std::string& name, bool set, const std::string& message) {
    if (!message.empty()) return InvalidArgument("{}: {}", name, message);
    return InvalidArgument("{}: must not be {}", name, set ? "empty" : "unset");
  }

  Status Trimmed(bool prefix, std::string_view pattern, std::string_view value, std::string* out) {
    const bool longest = pattern.starts_with(prefix ? '#' : '%');
    if (longest) pattern.remove_prefix(1);
    SLIPWAY_ASSIGN_OR_RETURN(const std::string rest,
                             prefix ? RemovePrefix(pattern, value, longest) : RemoveSuffix(pattern, value, longest));
    *out += rest;
    return {};
  }

  Status Replacement(const std::string& name, std::string* out) {
    const bool all = Peek() == '/';
    if (all) Next();
    std::string pattern;
    SLIPWAY_RETURN_IF_ERROR(Operand('/', true, &pattern));
    std::string replacement;
    SLIPWAY_RETURN_IF_ERROR(Operand('}', true, &replacement));
    const auto value = Lookup(name);
    if (options_.keep_unset && !value.has_value()) {
      *out += "${" + name + "/" + pattern + "/" + replacement + "}";
      return {};
    }
    SLIPWAY_ASSIGN_OR_RETURN(const std::string replaced, ReplaceMatches(pattern, replacement, value.value_or(""), all));
    *out += replaced;
    return {};
  }

  std::string_view rest_;
  const EnvLookup& env_;
  const WordOptions& options_;
  bool raw_escapes_;
  ExpandedWord* result_;
  WordSplitter splitter_;
  int depth_ = 0;
};

}  // namespace

Result<ExpandedWord> ExpandWord(std::string_view word, const EnvLookup& env, const WordOptions& options) {
  ExpandedWord result;
  Status status = WordLexer(word, env, options, &result).Run();
  if (status.ok()) return result;
  const std::string shown(word.substr(0, std::min(word.find('\n'), kMaxShownBytes)));
  return std::move(status).With(fmt::format("expand '{}{}'", shown, word.size() > shown.size() ? "…" : ""));
}

Result<ExpandedWord> WordExpander::Run(std::string_view word, const WordOptions& options) const {
  Result<ExpandedWord> result = ExpandWord(word, env_, options);
  if (result.ok()) {
    matched_.insert(result->matched.begin(), result->matched.end());
    unmatched_.insert(result->unmatched.begin(), result->unmatched.end());
  }
  return result;
}

Result<std::string> WordExpander::Word(std::string_view word) const {
  SLIPWAY_ASSIGN_OR_RETURN(ExpandedWord result, Run(word, {.escape = escape_, .split = false}));
  return std::move(result.text);
}

Result<std::vector<std::string>> WordExpander::Words(std::string_view word) const {
  SLIPWAY_ASSIGN_OR_RETURN(ExpandedWord result, Run(word, {.escape = escape_}));
  return std::move(result.words);
}

Result<std::string> WordExpander::Body(std::string_view body) const {
  SLIPWAY_ASSIGN_OR_RETURN(ExpandedWord result, Run(body, {.ignore_quotes = true, .split = false}));
  return std::move(result.text);
}

void WordExpander::Clear() const {
  matched_.clear();
  unmatched_.clear();
}

}  // namespace slipway::dockerfile
