// PathGlob: shell patterns over paths, as Go's filepath.Match: `*` and `?` stop at a slash, `[a-z]` and `[^a]` are
// classes, a backslash takes the next character literally, and the whole name must match. Used for wildcards of COPY
// and ADD. Immutable once made, so threads may share it.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "executor/base/status.h"

namespace slipway {

class PathGlob {
 public:
  /// INVALID_ARGUMENT for an unclosed or empty class or a backslash at the end.
  static Result<PathGlob> Make(std::string_view pattern);

  bool Matches(std::string_view name) const;
  /// True if any of `*?[\` stands in the text, so that it is not simply a name.
  static bool HasMeta(std::string_view text) { return text.find_first_of("*?[\\") != std::string_view::npos; }

 private:
  struct Token {
    enum class Kind { kByte, kAny, kClass } kind;
    char byte = 0;
    bool negated = false;
    std::vector<std::pair<char32_t, char32_t>> ranges;
  };
  /// What stands between two stars.
  struct Chunk {
    bool after_star = false;
    std::vector<Token> tokens;
  };

  static Result<Token> ParseClass(std::string_view* rest);
  static Status ParseChunk(std::string_view text, Chunk* chunk);
  static bool MatchToken(const Token& token, std::string_view* name);
  static bool MatchChunk(const Chunk& chunk, std::string_view* name);

  std::vector<Chunk> chunks_;
};

/// PathGlob::Make and Matches in one.
Result<bool> MatchPath(std::string_view pattern, std::string_view name);

}  // namespace slipway
