// PatternMatcher: .dockerignore patterns (and COPY --exclude), with the semantics of Docker's own matcher.
//
// Patterns are tried in order and the last that matches wins; `!p` brings back what an earlier one took. A pattern that
// matches a folder matches all below it. `**` is any number of folders, `*` and `?` stop at a slash, `[..]` is a class.
// A backslash before a punctuation mark takes it literally; before a letter it means what it means in a regular
// expression (Docker makes one of the pattern), so `\a.txt` does not match "a.txt". Case counts. Immutable once made,
// so threads may share it. Paths are relative, clean, with slashes.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "executor/base/status.h"

namespace slipway {

/// The patterns of an ignore file, cleaned: comments, blank lines, a BOM and leading slashes are gone.
/// INVALID_ARGUMENT for a line of 64 KiB or more.
Result<std::vector<std::string>> ParseIgnoreFile(std::string_view text);
/// The lines, from 1, that hold those patterns, in their order.
std::vector<int> IgnoreFileLines(std::string_view text);
/// INVALID_ARGUMENT with the line of the first pattern that is not valid.
Status CheckIgnoreFile(std::string_view text);

class PatternMatcher {
 public:
  /// Which patterns matched a folder; what is below it needs that. Empty for the root.
  class Folder {
    friend class PatternMatcher;
    std::vector<bool> matched_;
  };

  /// Matches nothing.
  PatternMatcher();
  ~PatternMatcher();
  PatternMatcher(PatternMatcher&&) noexcept;
  PatternMatcher& operator=(PatternMatcher&&) noexcept;

  /// INVALID_ARGUMENT for a pattern that is malformed, or "!" alone.
  static Result<PatternMatcher> Make(std::span<const std::string> patterns);

  bool empty() const { return patterns_.empty(); }

  /// True if `path` or a folder above it is matched. For single paths.
  bool Matches(std::string_view path) const;
  /// The same for a walk, where `parent` is what this gave for the folder that holds `path`; fills `self` if not null.
  /// This is what BuildKit does with a context, and differs from the above where a later `!dir` meets an earlier
  /// `dir/x`.
  bool Matches(std::string_view path, const Folder& parent, Folder* self) const;
  /// Which of the patterns given to Make is the one that takes `path` in such a walk: the last that counted. Nothing if
  /// the path stays.
  std::optional<size_t> Taker(std::string_view path) const;
  /// For a matched folder and its `self`: true if nothing below can be brought back, so the walk may skip it.
  bool CanSkip(std::string_view folder, const Folder& self) const;

 private:
  class Pattern;
  std::optional<size_t> LastHit(std::string_view path, const Folder& parent, Folder* self) const;
  std::vector<std::unique_ptr<Pattern>> patterns_;
};

}  // namespace slipway
