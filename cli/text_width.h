// Text as it stands on a terminal: made harmless, measured in columns, cut and padded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::cli {

/// One line that a program wrote, as the terminal would have shown it in the end and without power over it: control
/// sequences are taken out, tabs become blanks, a carriage return begins the line anew, broken UTF-8 becomes '?'.
std::string Harmless(std::string_view line);

/// The same for each line of `text`; at least one.
std::vector<std::string> HarmlessLines(std::string_view text);

/// Columns that harmless `text` takes. East Asian wide characters and pictographs take two, combining ones none.
size_t Columns(std::string_view text);

/// `text` cut to at most `columns`.
std::string Cut(std::string_view text, size_t columns);

/// `text` cut or padded with blanks to exactly `columns`.
std::string Fit(std::string_view text, size_t columns);

/// "1 file", "2 files".
std::string Counted(uint64_t count, std::string_view noun);

}  // namespace slipway::cli
