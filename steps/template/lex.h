// Lexer: the text of a template as tokens, with Go's trim markers and comments done.
//
// Text outside "{{ }}" is one token; inside, blanks are tokens too, since they separate arguments. Reads ahead of
// nothing: the parser asks for one token after the other. `input` must outlive the lexer and its tokens.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace slipway::run_template {

enum class TokenType {
  kError,  ///< `text` is the message; no token follows
  kEnd,    ///< of the input
  kText,
  kLeftDelim,
  kRightDelim,
  kSpace,
  kAssign,   ///< =
  kDeclare,  ///< :=
  kPipe,
  kLeftParen,
  kRightParen,
  kChar,  ///< another ASCII character
  kString,
  kRawString,
  kCharConstant,
  kNumber,
  kComplex,
  kBool,
  kDot,
  kField,     ///< .name
  kVariable,  ///< $ or $name
  kIdentifier,
  kBlock,
  kBreak,
  kContinue,
  kDefine,
  kElse,
  kEndWord,
  kIf,
  kNil,
  kRange,
  kTemplate,
  kWith,
};

struct Token {
  TokenType type = TokenType::kEnd;
  size_t pos = 0;  ///< of its first byte in the input
  std::string text;
};

class Lexer {
 public:
  explicit Lexer(std::string_view input) : input_(input) {}
  Token Next();

 private:
  Token Emit(TokenType type);
  Token Error(std::string message);
  Token LexText();
  Token LexComment();
  Token LexInside();
  Token LexSpace();
  Token LexQuoted(char quote);
  Token LexRaw();
  Token LexNumber();
  Token LexWord();
  Token LexName(TokenType type);

  bool ScanNumber();
  bool Accept(std::string_view set);
  void AcceptRun(std::string_view set);
  /// Whether a field, variable or word may end here.
  bool AtTerminator() const;
  /// The length of "}}" or " -}}" here; 0 if neither.
  size_t RightDelim(bool* trim) const;

  std::string_view input_;
  size_t start_ = 0;
  size_t pos_ = 0;
  bool inside_ = false;
  int parens_ = 0;
  bool done_ = false;
};

}  // namespace slipway::run_template
