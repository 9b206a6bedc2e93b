// The patterns of ${v#p}, ${v%p} and ${v/p/r}: `*` is any text and `?` any character, neither a line end; `\*`, `\?`
// and
// `\\` are the characters themselves, as are `\}` and `\/`. No bracket classes. Pure functions.
#pragma once

#include <string>
#include <string_view>

#include "executor/base/status.h"

namespace slipway::dockerfile {

/// `value` without the shortest (or longest) start that matches. INVALID_ARGUMENT for another character after a
/// backslash.
Result<std::string> RemovePrefix(std::string_view pattern, std::string_view value, bool longest);
/// The same for the end.
Result<std::string> RemoveSuffix(std::string_view pattern, std::string_view value, bool longest);
/// Replaces the first or all longest matches. When all are replaced, `$0` in the replacement is the match and `$$` a
/// dollar sign, as BuildKit leaves that to Go's regexp package.
Result<std::string> ReplaceMatches(std::string_view pattern, std::string_view replacement, std::string_view value,
                                   bool all);

}  // namespace slipway::dockerfile
