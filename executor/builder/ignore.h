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

/// The ignore file of a build context.
class IgnoreFile {
 public:
  using ReadFile = std::function<Result<std::string>(const std::string& path)>;

  /// There is none.
  IgnoreFile() = default;
  /// The one that counts for a build with the Dockerfile `dockerfile`: "<dockerfile>.dockerignore", or else
  /// ".dockerignore". `read` gives the text of a file, NOT_FOUND if there is none. Errors name file and line.
  static Result<IgnoreFile> Read(const std::string& dockerfile, const ReadFile& read);

  const std::string& name() const { return name_; }
  /// As PatternMatcher takes them.
  const std::vector<std::string>& patterns() const { return patterns_; }
  /// "is left out by line 3 of '.dockerignore' ('*.log')" if the file leaves `path` out of the context, else "".
  std::string WhyMissing(const std::string& path) const;

 private:
  std::string name_;
  std::vector<std::string> patterns_;
  std::vector<int> lines_;
};

}  // namespace slipway::builder
