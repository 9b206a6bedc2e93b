#include "executor/dockerfile/word_pattern.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include "executor/base/utf8.h"
#include "executor/dockerfile/unicode.h"
#include "executor/dockerfile/word_expander.h"

namespace slipway::dockerfile {

namespace {

// Pattern length times text length: a match is refused rather than left to run for minutes.
constexpr size_t kMaxWork = size_t{1} << 28;

struct Character {
  char32_t rune;
  size_t begin;
  size_t size;
};
using Characters = std::vector<Character>;

Characters Decode(std::string_view text) {
  Characters characters;
  characters.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const utf8::Rune rune = utf8::Decode(text.substr(at));
    characters.push_back({rune.value, at, rune.size});
    at += rune.size;
  }
  return characters;
}

struct Token {
  enum class Kind { kRune, kAny, kStar } kind;
  char32_t rune = 0;
};

Result<std::vector<Token>> Compile(const Characters& pattern) {
  std::vector<Token> tokens;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const char32_t rune = pattern[i].rune;
    if (rune == '*') {
      tokens.push_back({Token::Kind::kStar});
    } else if (rune == '?') {
      tokens.push_back({Token::Kind::kAny});
    } else if (rune != '\\') {
      tokens.push_back({Token::Kind::kRune, rune});
    } else {
      const char32_t next = i + 1 < pattern.size() ? pattern[i + 1].rune : 0;
      if (next == '}' || next == '/') continue;  // the backslash only kept it from ending the pattern
      if (next != '*' && next != '?' && next != '\\') {
        return InvalidArgument("a backslash in a pattern must stand before '*', '?', '\\', '}}' or '/'");
      }
      tokens.push_back({Token::Kind::kRune, next});
      ++i;
    }
  }
  return tokens;
}

constexpr int64_t kNoMatch = -1;

// For each place in `text`: where a match that begins there ends, or kNoMatch. Works backwards through the pattern, so
// time is the product of both lengths whatever the stars.
Result<std::vector<int64_t>> MatchEnds(const std::vector<Token>& tokens, const Characters& text, bool longest) {
  if (tokens.size() > kMaxWork / (text.size() + 1)) {
    return ResourceExhausted("pattern of {} characters over a value of {} is too much work", tokens.size(),
                             text.size());
  }
  std::vector<int64_t> ends(text.size() + 1);
  for (size_t i = 0; i < ends.size(); ++i) ends[i] = static_cast<int64_t>(i);
  std::vector<int64_t> now(ends.size());
  for (auto token = tokens.rbegin(); token != tokens.rend(); ++token) {
    for (size_t i = ends.size(); i-- > 0;) {
      const bool there = i < text.size();
      const bool in_line = there && text[i].rune != '\n';
      switch (token->kind) {
        case Token::Kind::kRune: now[i] = there && text[i].rune == token->rune ? ends[i + 1] : kNoMatch; break;
        case Token::Kind::kAny: now[i] = in_line ? ends[i + 1] : kNoMatch; break;
        case Token::Kind::kStar: {
          const int64_t further = in_line ? now[i + 1] : kNoMatch;
          const bool go_on = longest ? further != kNoMatch : ends[i] == kNoMatch;
          now[i] = go_on ? further : ends[i];
          break;
        }
      }
    }
    ends.swap(now);
  }
  return ends;
}

// A pattern backwards, with each escape kept before its character. A lone backslash at the end comes first.
Characters Reverse(const Characters& pattern) {
  const size_t size = pattern.size();
  Characters reversed(size);
  for (size_t i = 0; i < size; ++i) {
    const size_t mirrored = size - 1 - i;
    if (pattern[i].rune == '\\' && i + 1 < size) {
      reversed[mirrored - 1] = pattern[i];
      reversed[mirrored] = pattern[++i];
    } else {
      reversed[mirrored] = pattern[i];
    }
  }
  return reversed;
}

// What follows a dollar sign in a replacement: `0`, `{0}`, `name`, `{name}`. Takes it from `rest`; false if it is none.
bool TakeReference(std::string_view* rest, std::string_view* name) {
  std::string_view text = *rest;
  const bool brace = text.starts_with('{');
  if (brace) text.remove_prefix(1);
  size_t length = 0;
  while (length < text.size()) {
    const utf8::Rune rune = utf8::Decode(text.substr(length));
    if (!IsLetter(rune.value) && !IsDigit(rune.value) && rune.value != '_') break;
    length += rune.size;
  }
  if (length == 0) return false;
  *name = text.substr(0, length);
  text.remove_prefix(length);
  if (brace) {
    if (!text.starts_with('}')) return false;
    text.remove_prefix(1);
  }
  *rest = text;
  return true;
}

void AppendReplacement(std::string_view replacement, std::string_view match, std::string* out) {
  while (true) {
    const size_t dollar = replacement.find('$');
    if (dollar == std::string_view::npos) break;
    out->append(replacement.substr(0, dollar));
    replacement.remove_prefix(dollar + 1);
    std::string_view name;
    if (replacement.starts_with('$')) {
      out->push_back('$');
      replacement.remove_prefix(1);
    } else if (!TakeReference(&replacement, &name)) {
      out->push_back('$');
    } else if (name == "0") {
      out->append(match);
    }
  }
  out->append(replacement);
}

std::string_view Slice(std::string_view value, const Characters& text, size_t from, size_t to) {
  const size_t begin = from < text.size() ? text[from].begin : value.size();
  const size_t end = to < text.size() ? text[to].begin : value.size();
  return value.substr(begin, end - begin);
}

}  // namespace

Result<std::string> RemovePrefix(std::string_view pattern, std::string_view value, bool longest) {
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<Token> tokens, Compile(Decode(pattern)));
  const Characters text = Decode(value);
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<int64_t> ends, MatchEnds(tokens, text, longest));
  if (ends[0] == kNoMatch) return std::string(value);
  return std::string(Slice(value, text, static_cast<size_t>(ends[0]), text.size()));
}

// The shortest match at the end is not found by looking from the left: both are turned round.
Result<std::string> RemoveSuffix(std::string_view pattern, std::string_view value, bool longest) {
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<Token> tokens, Compile(Reverse(Decode(pattern))));
  Characters text = Decode(value);
  const Characters forward = text;
  std::reverse(text.begin(), text.end());
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<int64_t> ends, MatchEnds(tokens, text, longest));
  if (ends[0] == kNoMatch) return std::string(value);
  return std::string(Slice(value, forward, 0, forward.size() - static_cast<size_t>(ends[0])));
}

Result<std::string> ReplaceMatches(std::string_view pattern, std::string_view replacement, std::string_view value,
                                   bool all) {
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<Token> tokens, Compile(Decode(pattern)));
  const Characters text = Decode(value);
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<int64_t> ends, MatchEnds(tokens, text, true));
  std::string out;
  size_t copied = 0;
  for (size_t at = 0; at <= text.size();) {
    if (ends[at] == kNoMatch) {
      ++at;
      continue;
    }
    const size_t end = static_cast<size_t>(ends[at]);
    out.append(Slice(value, text, copied, at));
    if (!all) {
      out.append(replacement);
      copied = end;
      break;
    }
    // An empty match right behind another match is none.
    if (end > copied || at == 0) AppendReplacement(replacement, Slice(value, text, at, end), &out);
    if (out.size() > kMaxExpandedBytes)
      return ResourceExhausted("the result is longer than {} bytes", kMaxExpandedBytes);
    copied = end;
    at = std::max(at + 1, end);
  }
  out.append(Slice(value, text, copied, text.size()));
  return out;
}

}  // namespace slipway::dockerfile
