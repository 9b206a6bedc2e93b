// Heredocs: which a line opens. The delimiters are read like words of a shell, always with a backslash as escape.
// Pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "executor/base/status.h"
#include "executor/dockerfile/instructions.h"

namespace slipway::dockerfile {

/// The heredoc if `word` as a whole is one ("3<<-'EOF'"), without content; nullopt if it is another word.
/// INVALID_ARGUMENT if the delimiter has an open quote.
Result<std::optional<Heredoc>> ParseHeredocWord(std::string_view word);

/// All that a line opens, in order. A line that is no valid sequence of words (an open quote) opens none.
Result<std::vector<Heredoc>> HeredocsOfLine(std::string_view line);

/// Without the tabs at the start of each line.
std::string StripLeadingTabs(std::string_view content);

}  // namespace slipway::dockerfile
