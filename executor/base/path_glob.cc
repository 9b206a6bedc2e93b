#include "executor/base/path_glob.h"

#include "executor/base/utf8.h"

namespace slipway {

namespace {

// The length of the text up to the next star that is outside of a class.
size_t ChunkLength(std::string_view pattern) {
  bool in_class = false;
  size_t i = 0;
  for (; i < pattern.size(); ++i) {
    if (pattern[i] == '\\') {
      if (i + 1 < pattern.size()) ++i;
    } else if (pattern[i] == '[') {
      in_class = true;
    } else if (pattern[i] == ']') {
      in_class = false;
    } else if (pattern[i] == '*' && !in_class) {
      break;
    }
  }
  return i;
}

// One end of a range; there must be more after it, at least the bracket that closes the class.
Result<char32_t> ClassRune(std::string_view* rest) {
  if (rest->empty() || rest->front() == '-' || rest->front() == ']') return InvalidArgument("empty class or range");
  if (rest->front() == '\\') rest->remove_prefix(1);
  if (rest->empty()) return InvalidArgument("nothing after a backslash");
  const utf8::Rune rune = utf8::Decode(*rest);
  if (rune.value == utf8::kReplacement && rune.size == 1) return InvalidArgument("invalid UTF-8 in a class");
  rest->remove_prefix(rune.size);
  if (rest->empty()) return InvalidArgument("class without ']'");
  return rune.value;
}

}  // namespace

Result<PathGlob::Token> PathGlob::ParseClass(std::string_view* rest) {
  Token token{Token::Kind::kClass};
  if (!rest->empty() && rest->front() == '^') {
    token.negated = true;
    rest->remove_prefix(1);
  }
  while (rest->empty() || rest->front() != ']' || token.ranges.empty()) {
    SLIPWAY_ASSIGN_OR_RETURN(const char32_t low, ClassRune(rest));
    char32_t high = low;
    if (rest->front() == '-') {
      rest->remove_prefix(1);
      SLIPWAY_ASSIGN_OR_RETURN(high, ClassRune(rest));
    }
    token.ranges.emplace_back(low, high);
  }
  rest->remove_prefix(1);
  return token;
}

Status PathGlob::ParseChunk(std::string_view text, Chunk* chunk) {
  while (!text.empty()) {
    const char c = text.front();
    text.remove_prefix(1);
    if (c == '[') {
      SLIPWAY_ASSIGN_OR_RETURN(Token token, ParseClass(&text));
      chunk->tokens.push_back(std::move(token));
    } else if (c == '?') {
      chunk->tokens.push_back({Token::Kind::kAny});
    } else if (c == '\\') {
      if (text.empty()) return InvalidArgument("nothing after a backslash");
      chunk->tokens.push_back({Token::Kind::kByte, text.front()});
      text.remove_prefix(1);
    } else {
      chunk->tokens.push_back({Token::Kind::kByte, c});
    }
  }
  return {};
}

Result<PathGlob> PathGlob::Make(std::string_view pattern) {
  PathGlob glob;
  std::string_view rest = pattern;
  do {
    Chunk chunk;
    while (!rest.empty() && rest.front() == '*') {
      chunk.after_star = true;
      rest.remove_prefix(1);
    }
    const size_t length = ChunkLength(rest);
    if (Status parsed = ParseChunk(rest.substr(0, length), &chunk); !parsed.ok()) {
      return std::move(parsed).With(fmt::format("pattern '{}'", pattern));
    }
    rest.remove_prefix(length);
    glob.chunks_.push_back(std::move(chunk));
  } while (!rest.empty());
  return glob;
}

bool PathGlob::MatchToken(const Token& token, std::string_view* name) {
  if (name->empty()) return false;
  if (token.kind == Token::Kind::kByte) {
    if (name->front() != token.byte) return false;
    name->remove_prefix(1);
    return true;
  }
  const utf8::Rune rune = utf8::Decode(*name);
  if (token.kind == Token::Kind::kAny) {
    if (rune.value == '/') return false;
  } else {
    bool found = false;
    for (const auto& [low, high] : token.ranges) found = found || (low <= rune.value && rune.value <= high);
    if (found == token.negated) return false;
  }
  name->remove_prefix(rune.size);
  return true;
}

bool PathGlob::MatchChunk(const Chunk& chunk, std::string_view* name) {
  std::string_view rest = *name;
  for (const Token& token : chunk.tokens) {
    if (!MatchToken(token, &rest)) return false;
  }
  *name = rest;
  return true;
}

// Each chunk is taken where it fits first: as a star cannot pass a slash, a later place never helps what follows.
bool PathGlob::Matches(std::string_view name) const {
  for (size_t i = 0; i < chunks_.size(); ++i) {
    const Chunk& chunk = chunks_[i];
    const bool last = i + 1 == chunks_.size();
    if (chunk.after_star && chunk.tokens.empty()) return name.find('/') == std::string_view::npos;
    while (true) {
      std::string_view rest = name;
      if (MatchChunk(chunk, &rest) && (!last || rest.empty())) {
        name = rest;
        break;
      }
      if (!chunk.after_star || name.empty() || name.front() == '/') return false;
      name.remove_prefix(1);
    }
  }
  return name.empty();
}

Result<bool> MatchPath(std::string_view pattern, std::string_view name) {
  SLIPWAY_ASSIGN_OR_RETURN(const PathGlob glob, PathGlob::Make(pattern));
  return glob.Matches(name);
}

}  // namespace slipway
