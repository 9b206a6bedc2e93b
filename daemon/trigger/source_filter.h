// SourceFilter: which events of a git host a trigger wants. Immutable; thread-safe.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/trigger/git_event.h"
#include "executor/base/path_glob.h"
#include "executor/base/pattern_matcher.h"
#include "executor/base/status.h"

namespace slipway::trigger {

/// As the user states it.
struct SourceConditions {
  bool on_commit = true;
  bool on_pull_request = false;
  bool allow_forks = true;            ///< pull requests from forks run, without secrets; false: they do not
  std::string repository;             ///< any form of its address
  std::vector<std::string> branches;  ///< globs: "main", "release/*", "feature/**"; empty: every branch
  std::vector<std::string> tags;      ///< globs; empty: no tag
  std::vector<std::string> paths;     ///< as in an ignore file, `!` takes away: "services/api/**"; empty: all
};

class SourceFilter {
 public:
  /// INVALID_ARGUMENT names the glob or pattern that is malformed.
  static Result<SourceFilter> Make(SourceConditions conditions);

  struct Verdict {
    bool run = false;
    /// It depends on the paths that were changed, which the delivery does not tell: ask again with them.
    bool needs_paths = false;
    std::string reason;  ///< for people: why not, or "push to 'main'"
  };
  /// `changed_paths` may be null: those of the event are taken, if it has them.
  Verdict Judge(const GitEvent& event, const std::vector<std::string>* changed_paths = nullptr) const;

  const SourceConditions& conditions() const { return conditions_; }

 private:
  struct Glob {
    std::string text;
    std::string prefix;  ///< of "prefix/**"; "" otherwise
    PathGlob glob;
    bool any = false;  ///< "**"
  };
  static Result<std::vector<Glob>> MakeGlobs(const std::vector<std::string>& texts, std::string_view what);
  static bool MatchesAny(const std::vector<Glob>& globs, const std::string& name);
  bool WantsPaths(const std::vector<std::string>& changed) const;

  SourceConditions conditions_;
  std::vector<Glob> branches_;
  std::vector<Glob> tags_;
  PatternMatcher paths_;
};

/// Whether two addresses are those of one repository: scheme, user, port 22/80/443, ".git", a slash at the end and
/// upper or lower case do not count (the big hosts do not tell "Org" from "org").
bool SameRepository(std::string_view a, std::string_view b);

/// Whether the commit asks for no run: "[skip ci]", "[ci skip]", "[no ci]" in its message, in any case.
bool AsksToSkip(std::string_view message);

}  // namespace slipway::trigger
