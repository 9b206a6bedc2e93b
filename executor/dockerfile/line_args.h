// How the rest of an instruction's line becomes flags and arguments. Pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "executor/base/status.h"
#include "executor/dockerfile/tree.h"

namespace slipway::dockerfile {

/// White space between arguments; a line end is none.
inline constexpr std::string_view kArgBlanks = "\t\v\f\r ";

/// Takes the leading "--…" words off `rest`, quotes and escapes resolved; a lone "--" ends them.
std::vector<std::string> TakeFlags(char32_t escape, std::string_view* rest);

/// Splits at blanks.
std::vector<std::string> SplitBlanks(std::string_view text);

/// Splits at blanks outside of quotes. Quotes and escapes stay in the words.
std::vector<std::string> SplitQuoted(std::string_view text, char32_t escape);

/// Fills args and json_form of a node whose keyword is known; ONBUILD is not handled here.
Status ParseArgs(std::string_view rest, char32_t escape, Node* node);

}  // namespace slipway::dockerfile
