// Shell words: the text of a `cmd` or `build` step as words, by the rules of a POSIX shell's quoting. There is no
// shell: nothing is expanded, and what only a shell could do (pipes, redirections, several commands) is refused.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "executor/base/status.h"

namespace slipway::task {

struct ShellWord {
  std::string text;   ///< without its quotes
  size_t offset = 0;  ///< where it begins
};

/// What a text asks of a shell.
struct ShellRequest {
  std::string what;   ///< the operator: "|", "&&", "(", or "" for a line end between two commands
  size_t offset = 0;  ///< where it stands
};

struct ShellSplit {
  std::vector<ShellWord> words;       ///< up to `shell`
  std::optional<ShellRequest> shell;  ///< the first thing that needs one
};

/// INVALID_ARGUMENT for a quote that is not closed and a backslash at the end.
///
/// Blanks separate; '…' is literal; "…" keeps blanks and knows \" \\ \$ \` and a backslash before a line end; outside
/// of quotes a backslash makes the next character literal. A '#' at the beginning of a word makes the rest of the line
/// a comment.
Result<ShellSplit> SplitShellWords(std::string_view text);

}  // namespace slipway::task
