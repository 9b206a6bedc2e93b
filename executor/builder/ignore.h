// What an ignore file leaves of a tree.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "executor/base/pattern_matcher.h"
#include "executor/base/status.h"
#include "executor/tree/entry.h"

namespace slipway::builder {

/// The tree without what the patterns exclude. An ignored folder stays where something below it is brought back.
tree::Tree WithoutIgnored(const tree::Tree& tree, const PatternMatcher& matcher);

/// The patterns that count for a build with the Dockerfile `dockerfile`: those of "<dockerfile>.dockerignore", or else
/// those of ".dockerignore"; a PatternMatcher takes them. `read` gives the text of a file, NOT_FOUND if there is none.
/// Errors name the file.
Result<std::vector<std::string>> IgnorePatterns(
    const std::string& dockerfile, const std::function<Result<std::string>(const std::string& path)>& read);

}  // namespace slipway::builder
