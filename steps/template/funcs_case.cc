// sprig's functions on the case of letters: upper, title, snakecase and their like.
#include <utf8proc.h>

#include "executor/base/utf8.h"
#include "steps/template/functions.h"
#include "steps/template/go_text.h"
#include "steps/template/strings.h"

namespace slipway::run_template {

namespace {

bool IsConnector(char32_t rune) { return rune == '-' || rune == '_' || utf8::IsSpace(rune); }

utf8proc_category_t Category(char32_t rune) { return utf8proc_category(static_cast<utf8proc_int32_t>(rune)); }
bool IsPunct(char32_t rune) { return Category(rune) >= UTF8PROC_CATEGORY_PC && Category(rune) <= UTF8PROC_CATEGORY_PO; }
bool IsNumber(char32_t rune) {
  return Category(rune) >= UTF8PROC_CATEGORY_ND && Category(rune) <= UTF8PROC_CATEGORY_NO;
}

using Text = std::vector<char32_t>;

// The words of xstrings' snake case: what "HTTPServer2xx" falls into.
enum class WordType { kNone, kNumber, kUpper, kAlphabet, kConnector, kPunct, kOther };

struct Word {
  WordType type = WordType::kNone;
  Text text;
};

class WordReader {
 public:
  explicit WordReader(const Text& text) {
    for (const char32_t rune : text) {
      if (rune != utf8::kReplacement) text_.push_back(rune);
    }
  }

  bool AtEnd() const { return at_ == text_.size(); }

  Word Next() {
    Word word;
    if (AtEnd()) return word;
    const size_t start = at_;
    const char32_t first = text_[at_];
    if (IsConnector(first)) {
      word.type = WordType::kConnector;
      Skip([](char32_t r) { return IsConnector(r); });
    } else if (IsPunct(first)) {
      word.type = WordType::kPunct;
      Skip([](char32_t r) { return IsPunct(r); });
    } else if (IsUpper(first)) {
      word.type = WordType::kUpper;
      Capitals();
    } else if (IsLetter(first)) {
      word.type = WordType::kAlphabet;
      Skip(IsSmall);
    } else if (IsNumber(first)) {
      word.type = WordType::kNumber;
      Skip([](char32_t r) { return IsNumber(r); });
    } else {
      word.type = WordType::kOther;
      Skip([](char32_t r) { return !IsConnector(r) && !IsLetter(r) && !IsNumber(r) && !IsPunct(r); });
    }
    word.text.assign(text_.begin() + static_cast<ptrdiff_t>(start), text_.begin() + static_cast<ptrdiff_t>(at_));
    return word;
  }

 private:
  static bool IsSmall(char32_t rune) { return IsLetter(rune) && !IsUpper(rune); }

  template <typename Keep>
  void Skip(Keep keep) {
    ++at_;
    while (!AtEnd() && keep(text_[at_])) ++at_;
  }

  // "First" is one word; of "HTTPStatus" the last capital belongs to the next.
  void Capitals() {
    ++at_;
    if (AtEnd()) return;
    if (IsSmall(text_[at_])) return Skip(IsSmall);
    if (!IsUpper(text_[at_])) return;
    while (!AtEnd() && IsUpper(text_[at_])) ++at_;
    if (!AtEnd() && IsLetter(text_[at_])) --at_;
  }

  Text text_;
  size_t at_ = 0;
};

class CaseWriter {
 public:
  CaseWriter(const Text& text, char connector) : reader_(text), connector_(connector) {}

  std::string Run() {
    Step();
    while (!reader_.AtEnd()) {
      if (word_.type != WordType::kConnector) Write(word_);
      const Word last = word_;
      Step();
      if (last.type == WordType::kNumber) {
        AfterNumber();
      } else if (last.type == WordType::kConnector) {
        Write(last);
      } else if (last.type != WordType::kPunct) {
        AfterLetters();
      }
    }
    Write(word_);
    return std::move(out_);
  }

 private:
  void Step() { word_ = reader_.Next(); }

  bool IsRun() const { return word_.type == WordType::kAlphabet || word_.type == WordType::kNumber; }

  // What follows a number without a capital belongs to it.
  void WriteRun() {
    while (IsRun()) {
      Write(word_);
      Step();
    }
  }

  void AfterNumber() {
    WriteRun();
    if (word_.type != WordType::kNone && word_.type != WordType::kPunct) out_ += connector_;
  }

  bool Separates() const { return word_.type != WordType::kConnector && word_.type != WordType::kPunct; }

  void AfterLetters() {
    if (word_.type != WordType::kNumber) {
      if (Separates()) out_ += connector_;
      return;
    }
    if (reader_.AtEnd()) return;
    const Word number = word_;
    Step();
    // "Bld4Floor": the number is part of the word before it; "HTTP2xx": of the one after it.
    if (word_.type != WordType::kAlphabet) {
      Write(number);
      if (Separates()) out_ += connector_;
      return;
    }
    out_ += connector_;
    Write(number);
    WriteRun();
    if (word_.type != WordType::kNone && Separates()) out_ += connector_;
  }

  void Write(const Word& word) {
    const bool lower = word.type == WordType::kUpper || word.type == WordType::kConnector;
    for (const char32_t rune : word.text) {
      if (!lower) {
        utf8::Append(rune, &out_);
      } else if (IsConnector(rune)) {
        out_ += connector_;
      } else {
        utf8::Append(IsUpper(rune) ? ToLower(rune) : rune, &out_);
      }
    }
  }

  WordReader reader_;
  char connector_;
  Word word_;
  std::string out_;
};

Result<Value> Connected(const Call& call, char connector) {
  constexpr size_t kCopies = 4;  // the reader's, two words and a number, each of which may be nearly all of it
  const Text text = ToRunes(call.work, call.text(0));
  if (!call.work.Reserve(text.size() * sizeof(char32_t) * kCopies)) return Value();
  return call.Text(CaseWriter(text, connector).Run());
}

Result<Value> SnakeCase(const Call& call) { return Connected(call, '_'); }
Result<Value> KebabCase(const Call& call) { return Connected(call, '-'); }

// As xstrings: a letter after a connector is upper, any other lower; connectors at the start stay.
Result<Value> CamelCase(const Call& call) {
  const Text text = ToRunes(call.work, call.text(0));
  if (!call.work.Reserve(text.size() * sizeof(char32_t))) return Value();
  Text out;
  size_t at = 0;
  char32_t held = 0;
  bool found = false;
  while (at < text.size() && !found) {
    held = text[at++];
    found = !IsConnector(held);
    if (found) {
      held = ToUpper(held);
    } else {
      out.push_back(held);
    }
  }
  if (at == text.size()) {
    if (!text.empty()) out.push_back(held);
    return call.Text(FromRunes(out));
  }
  while (at < text.size()) {
    const char32_t before = held;
    held = text[at++];
    if (IsConnector(held) && IsConnector(before)) {
      out.push_back(before);
    } else if (IsConnector(before)) {
      held = ToUpper(held);
    } else {
      held = ToLower(held);
      out.push_back(before);
    }
  }
  out.push_back(held);
  return call.Text(FromRunes(out));
}

Result<Value> Upper(const Call& call) { return call.Text(ToUpper(call.text(0))); }
Result<Value> Lower(const Call& call) { return call.Text(ToLower(call.text(0))); }

// strings.Title's idea of what stands between words.
bool IsSeparator(char32_t rune) {
  if (rune < 0x80) return rune != '_' && !IsLetter(rune) && !IsDigit(rune);
  return !IsLetter(rune) && !IsDigit(rune) && utf8::IsSpace(rune);
}

Result<Value> Title(const Call& call) {
  Text text = ToRunes(call.work, call.text(0));
  char32_t before = ' ';
  for (char32_t& rune : text) {
    const char32_t here = rune;
    if (IsSeparator(before)) rune = ToTitle(rune);
    before = here;
  }
  return call.Text(FromRunes(text));
}

Result<Value> Untitle(const Call& call) {
  Text text = ToRunes(call.work, call.text(0));
  bool start = true;
  for (char32_t& rune : text) {
    const bool space = utf8::IsSpace(rune);
    if (start && !space) rune = ToLower(rune);
    start = space;
  }
  return call.Text(FromRunes(text));
}

Result<Value> SwapCase(const Call& call) {
  Text text = ToRunes(call.work, call.text(0));
  bool space = true;
  for (char32_t& rune : text) {
    if (IsUpper(rune) || IsTitle(rune)) {
      rune = ToLower(rune);
      space = false;
    } else if (IsLower(rune)) {
      rune = space ? ToTitle(rune) : ToUpper(rune);
      space = false;
    } else {
      space = utf8::IsSpace(rune);
    }
  }
  return call.Text(FromRunes(text));
}

constexpr std::array kFunctions = {
    Function{"upper", Upper, {Type::kString}},         Function{"lower", Lower, {Type::kString}},
    Function{"title", Title, {Type::kString}},         Function{"untitle", Untitle, {Type::kString}},
    Function{"swapcase", SwapCase, {Type::kString}},   Function{"snakecase", SnakeCase, {Type::kString}},
    Function{"camelcase", CamelCase, {Type::kString}}, Function{"kebabcase", KebabCase, {Type::kString}},
};

}  // namespace

std::span<const Function> CaseFunctions() { return kFunctions; }

}  // namespace slipway::run_template
