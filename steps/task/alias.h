// Aliases of a task file: "$Registry" stands for a text, before templates are rendered. Follows ACR Tasks' alias block:
// `values`, `src` (files and URLs of further ones), `directive` (another character than '$'), and aliases that always
// exist.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "executor/base/context.h"
#include "executor/base/status.h"
#include "steps/task/source_map.h"

namespace slipway::task {

struct Aliases {
  std::map<std::string, std::string> values;
  std::string directive = "$";        ///< one character
  std::vector<std::string> warnings;  ///< with their places
};

/// The aliases that exist without being defined: $ID, $Registry, $bash …
const std::map<std::string, std::string>& GlobalAliases();

/// Gives the text of a `src`: a path in the source of the run, or a http(s) URL.
using AliasLoader = std::function<Result<std::string>(const Context& ctx, const std::string& source)>;

/// Reads the block, rendered already: `text` is YAML with the one key "alias", `map` tells where it came from. Empty
/// text: the global ones. Own values go before later sources, those before earlier ones, those before the global ones.
/// INVALID_ARGUMENT with the place.
Result<Aliases> ReadAliases(const Context& ctx, std::string_view file, const std::string& text, const SourceMap& map,
                            const AliasLoader& load);

/// `text` with aliases replaced. Names are letters and digits; a name that is no alias stays as it is, and so does what
/// directly follows it; the directive twice is the directive. What was put in is not looked at again.
/// RESOURCE_EXHAUSTED past `max_bytes`.
Result<std::string> Substitute(std::string_view text, const Aliases& aliases, size_t max_bytes);

}  // namespace slipway::task
