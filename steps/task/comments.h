// What comes before YAML: comment lines, the version, the alias block. Works on lines of text; knows just enough of
// YAML to tell the inside of a block scalar.
#pragma once

#include <string>

#include "steps/task/source_map.h"

namespace slipway::task {

/// Without the lines whose first character that is no blank is '#', so that neither aliases nor templates are looked
/// for in them. Such lines within a literal block scalar ("|") stay, as they are content; within a folded one (">")
/// they go, since what follows them would become a part of them.
SourceLines WithoutComments(const SourceLines& lines);

/// The version as the text has it, which decides about aliases: the rest of the first line that begins with "version:"
/// in column 0, without blanks and quotes around it; "" if there is none.
std::string RawVersion(const SourceLines& lines);

struct AliasSplit {
  SourceLines alias;  ///< the block, with its first line; empty if there is none
  SourceLines rest;   ///< all other lines
};

/// Takes the top-level key "alias" out: from its line to the next one that begins a key in column 0.
AliasSplit SplitAlias(const SourceLines& lines);

}  // namespace slipway::task
