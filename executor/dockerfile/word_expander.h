// WordExpander: variables and quotes in a Dockerfile word, as BuildKit's shell lexer does it.
//
// $v ${v} ${v:-w} ${v-w} ${v:+w} ${v+w} ${v:?m} ${v?m} ${v#p} ${v##p} ${v%p} ${v%%p} ${v/p/r} ${v//p/r}, nested; single
// quotes keep everything, double quotes all but $ and the escape character. One object is for one thread at a time.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "executor/base/status.h"

namespace slipway::dockerfile {

/// The value of a variable, nullopt if it is not set. What it points to must stay until the expansion is done.
using EnvLookup = std::function<std::optional<std::string_view>(std::string_view name)>;

/// How ExpandWord reads. The default is what Dockerfile words get.
struct WordOptions {
  char32_t escape = U'\\';
  /// Quote characters stay in the result.
  bool raw_quotes = false;
  /// Escape characters stay in the result.
  bool raw_escapes = false;
  /// Quotes are ordinary characters (the bodies of heredocs).
  bool ignore_quotes = false;
  /// $v stays as written if v is not set.
  bool keep_unset = false;
  /// Without, ExpandedWord::words stays empty, which saves time.
  bool split = true;
};

struct ExpandedWord {
  std::string text;
  /// The same, split at blanks that were not quoted.
  std::vector<std::string> words;
  /// Names of the variables that were looked at, by whether they were set.
  std::set<std::string> matched;
  std::set<std::string> unmatched;
};

/// The longest result; a longer one is RESOURCE_EXHAUSTED, so that `ENV A=$A$A` and nested ${a///…} cannot eat all memory
/// and time. Far more than a kernel takes in one argument.
inline constexpr size_t kMaxExpandedBytes = size_t{8} << 20;

/// INVALID_ARGUMENT names the word and what is wrong with it.
Result<ExpandedWord> ExpandWord(std::string_view word, const EnvLookup& env, const WordOptions& options = {});

/// An environment and an escape character, for Expand (expand.h) and for the words of FROM and ARG.
class WordExpander {
 public:
  WordExpander(char32_t escape, EnvLookup env) : escape_(escape), env_(std::move(env)) {}

  /// The word with variables put in and quotes taken off.
  Result<std::string> Word(std::string_view word) const;
  /// The same, split at unquoted blanks.
  Result<std::vector<std::string>> Words(std::string_view word) const;
  /// A heredoc's body: variables only, quotes stay; the escape character is always a backslash.
  Result<std::string> Body(std::string_view body) const;

  /// The variables that were used since the last Clear: set ones, and unset ones (rule UndefinedVar).
  const std::set<std::string>& matched() const { return matched_; }
  const std::set<std::string>& unmatched() const { return unmatched_; }
  void Clear() const;

 private:
  Result<ExpandedWord> Run(std::string_view word, const WordOptions& options) const;

  char32_t escape_;
  EnvLookup env_;
  mutable std::set<std::string> matched_;
  mutable std::set<std::string> unmatched_;
};

}  // namespace slipway::dockerfile
