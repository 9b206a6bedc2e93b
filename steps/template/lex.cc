#include "steps/template/lex.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "executor/base/utf8.h"
#include "steps/template/go_text.h"

namespace slipway::run_template {

namespace {

constexpr std::string_view kLeft = "{{";
constexpr std::string_view kRight = "}}";
constexpr std::string_view kBlank = " \t\r\n";
constexpr size_t kTrimMarker = 2;  // "- " and " -"

bool IsBlank(char c) { return kBlank.find(c) != std::string_view::npos; }
bool IsWordRune(char32_t rune) { return rune == '_' || IsLetter(rune) || IsDigit(rune); }

struct Keyword {
  std::string_view word;
  TokenType type;
};
constexpr std::array<Keyword, 13> kKeywords = {{{"block", TokenType::kBlock},
                                                {"break", TokenType::kBreak},
                                                {"continue", TokenType::kContinue},
                                                {"define", TokenType::kDefine},
                                                {"else", TokenType::kElse},
                                                {"end", TokenType::kEndWord},
                                                {"if", TokenType::kIf},
                                                {"nil", TokenType::kNil},
                                                {"range", TokenType::kRange},
                                                {"template", TokenType::kTemplate},
                                                {"with", TokenType::kWith},
                                                {"true", TokenType::kBool},
                                                {"false", TokenType::kBool}}};

bool TrimsLeft(std::string_view text) { return text.size() >= kTrimMarker && text[0] == '-' && IsBlank(text[1]); }

}  // namespace

Token Lexer::Emit(TokenType type) {
  Token token{type, start_, std::string(input_.substr(start_, pos_ - start_))};
  start_ = pos_;
  return token;
}

Token Lexer::Error(std::string message) {
  done_ = true;
  return {TokenType::kError, start_, std::move(message)};
}

Token Lexer::Next() {
  if (done_) return {TokenType::kEnd, input_.size(), ""};
  return inside_ ? LexInside() : LexText();
}

Token Lexer::LexText() {
  while (true) {
    const size_t open = input_.find(kLeft, pos_);
    if (open == std::string_view::npos) {
      pos_ = input_.size();
      if (pos_ > start_) return Emit(TokenType::kText);
      done_ = true;
      return {TokenType::kEnd, pos_, ""};
    }
    const bool trim = TrimsLeft(input_.substr(open + kLeft.size()));
    size_t text_end = open;
    if (trim) {
      while (text_end > start_ && IsBlank(input_[text_end - 1])) --text_end;
    }
    if (text_end > start_) {
      pos_ = text_end;
      return Emit(TokenType::kText);
    }
    start_ = pos_ = open;
    const size_t after = open + kLeft.size() + (trim ? kTrimMarker : 0);
    if (input_.substr(after).starts_with("/*")) {
      pos_ = after;
      Token error = LexComment();
      if (error.type == TokenType::kError) return error;
      continue;
    }
    pos_ = open + kLeft.size();
    Token token = Emit(TokenType::kLeftDelim);
    start_ = pos_ = after;
    inside_ = true;
    parens_ = 0;
    return token;
  }
}

Token Lexer::LexComment() {
  const size_t close = input_.find("*/", pos_ + 2);
  if (close == std::string_view::npos) return Error("unclosed comment");
  pos_ = close + 2;
  bool trim = false;
  const size_t delim = RightDelim(&trim);
  if (delim == 0) return Error("comment ends before closing delimiter");
  pos_ += delim;
  while (trim && pos_ < input_.size() && IsBlank(input_[pos_])) ++pos_;
  start_ = pos_;
  return {};
}

size_t Lexer::RightDelim(bool* trim) const {
  const std::string_view rest = input_.substr(pos_);
  *trim =
      rest.size() >= kTrimMarker && IsBlank(rest[0]) && rest[1] == '-' && rest.substr(kTrimMarker).starts_with(kRight);
  if (*trim) return kTrimMarker + kRight.size();
  return rest.starts_with(kRight) ? kRight.size() : 0;
}

Token Lexer::LexInside() {
  bool trim = false;
  if (const size_t delim = RightDelim(&trim); delim != 0) {
    if (parens_ != 0) return Error("unclosed left paren");
    pos_ += delim;
    Token token = Emit(TokenType::kRightDelim);
    while (trim && pos_ < input_.size() && IsBlank(input_[pos_])) ++pos_;
    start_ = pos_;
    inside_ = false;
    return token;
  }
  if (pos_ == input_.size()) return Error("unclosed action");
  const utf8::Rune rune = utf8::Decode(input_.substr(pos_));
  const char c = rune.value < 0x80 ? static_cast<char>(rune.value) : '\0';
  if (c != 0 && IsBlank(c)) return LexSpace();
  if (IsWordRune(rune.value) && (c < '0' || c > '9')) return LexWord();
  pos_ += rune.size;
  switch (c) {
    case '=': return Emit(TokenType::kAssign);
    case ':':
      if (pos_ == input_.size() || input_[pos_] != '=') return Error("expected :=");
      ++pos_;
      return Emit(TokenType::kDeclare);
    case '|': return Emit(TokenType::kPipe);
    case '"': return LexQuoted('"');
    case '\'': return LexQuoted('\'');
    case '`': return LexRaw();
    case '$': return LexName(TokenType::kVariable);
    case '.':
      if (pos_ < input_.size() && (input_[pos_] < '0' || input_[pos_] > '9')) return LexName(TokenType::kField);
      break;
    case '(': ++parens_; return Emit(TokenType::kLeftParen);
    case ')':
      if (--parens_ < 0) return Error("unexpected right paren");
      return Emit(TokenType::kRightParen);
    default: break;
  }
  if (c == '.' || c == '+' || c == '-' || (c >= '0' && c <= '9')) {
    --pos_;
    return LexNumber();
  }
  if (c >= 0x20 && c < 0x7f) return Emit(TokenType::kChar);
  return Error(fmt::format("unrecognized character in action: {}", RuneName(rune.value)));
}

Token Lexer::LexSpace() {
  while (pos_ < input_.size() && IsBlank(input_[pos_])) {
    bool trim = false;
    // The last blank belongs to " -}}".
    if (RightDelim(&trim) != 0) break;
    ++pos_;
  }
  if (pos_ == start_) return LexInside();
  return Emit(TokenType::kSpace);
}

Token Lexer::LexQuoted(char quote) {
  for (; pos_ < input_.size() && input_[pos_] != '\n'; ++pos_) {
    if (input_[pos_] == quote) {
      ++pos_;
      return Emit(quote == '"' ? TokenType::kString : TokenType::kCharConstant);
    }
    if (input_[pos_] == '\\' && (pos_ + 1 == input_.size() || input_[++pos_] == '\n')) break;
  }
  return Error(quote == '"' ? "unterminated quoted string" : "unterminated character constant");
}

Token Lexer::LexRaw() {
  const size_t close = input_.find('`', pos_);
  if (close == std::string_view::npos) return Error("unterminated raw quoted string");
  pos_ = close + 1;
  return Emit(TokenType::kRawString);
}

bool Lexer::Accept(std::string_view set) {
  if (pos_ == input_.size() || set.find(input_[pos_]) == std::string_view::npos) return false;
  ++pos_;
  return true;
}

void Lexer::AcceptRun(std::string_view set) {
  while (Accept(set)) {
  }
}

bool Lexer::ScanNumber() {
  Accept("+-");
  enum { kDecimal, kHex, kOther } base = kDecimal;
  std::string_view digits = "0123456789_";
  if (Accept("0")) {
    if (Accept("xX")) {
      digits = "0123456789abcdefABCDEF_";
      base = kHex;
    } else if (Accept("oO")) {
      digits = "01234567_";
      base = kOther;
    } else if (Accept("bB")) {
      digits = "01_";
      base = kOther;
    }
  }
  AcceptRun(digits);
  if (Accept(".")) AcceptRun(digits);
  if ((base == kDecimal && Accept("eE")) || (base == kHex && Accept("pP"))) {
    Accept("+-");
    AcceptRun("0123456789_");
  }
  Accept("i");
  if (pos_ == input_.size()) return true;
  const utf8::Rune next = utf8::Decode(input_.substr(pos_));
  if (!IsWordRune(next.value)) return true;
  pos_ += next.size;
  return false;
}

Token Lexer::LexNumber() {
  bool good = ScanNumber();
  TokenType type = TokenType::kNumber;
  if (good && pos_ < input_.size() && (input_[pos_] == '+' || input_[pos_] == '-')) {
    good = ScanNumber() && input_[pos_ - 1] == 'i';
    type = TokenType::kComplex;
  }
  if (!good) return Error(fmt::format("bad number syntax: {}", Quote(input_.substr(start_, pos_ - start_))));
  return Emit(type);
}

bool Lexer::AtTerminator() const {
  if (pos_ == input_.size()) return true;
  return IsBlank(input_[pos_]) || std::string_view(".,|:)(").find(input_[pos_]) != std::string_view::npos ||
         input_.substr(pos_).starts_with(kRight);
}

Token Lexer::LexWord() {
  Token token = LexName(TokenType::kIdentifier);
  const auto* keyword =
      std::find_if(kKeywords.begin(), kKeywords.end(), [&](const Keyword& k) { return k.word == token.text; });
  if (token.type == TokenType::kIdentifier && keyword != kKeywords.end()) token.type = keyword->type;
  return token;
}

Token Lexer::LexName(TokenType type) {
  if (type != TokenType::kIdentifier && AtTerminator()) {
    return Emit(type == TokenType::kField ? TokenType::kDot : TokenType::kVariable);
  }
  while (pos_ < input_.size()) {
    const utf8::Rune rune = utf8::Decode(input_.substr(pos_));
    if (!IsWordRune(rune.value)) break;
    pos_ += rune.size;
  }
  if (!AtTerminator()) {
    return Error(fmt::format("bad character {}", RuneName(utf8::Decode(input_.substr(pos_)).value)));
  }
  return Emit(type);
}

}  // namespace slipway::run_template
