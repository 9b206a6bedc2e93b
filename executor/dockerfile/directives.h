// Parser directives: the `# name=value` comments at a Dockerfile's top.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "executor/base/status.h"
#include "executor/dockerfile/instructions.h"

namespace slipway::dockerfile {

struct Directive {
  std::string name;
  std::string value;
};

/// "# name=value"; nullopt for any other comment.
std::optional<Directive> ParseDirective(std::string_view line);

/// Is shown the lines one by one and stops looking at the first that is no directive.
class DirectiveReader {
 public:
  /// The directive on this line, if it is one. INVALID_ARGUMENT if the same was there before.
  Result<std::optional<Directive>> Read(std::string_view line);
  bool done() const { return done_; }

 private:
  std::set<std::string> seen_;
  bool done_ = false;
};

/// U'\\' or U'`'; INVALID_ARGUMENT for anything else.
Result<char32_t> ParseEscape(std::string_view value);

/// Fills `syntax` and `check`. Unlike the escape directive these may follow a `#!` line and must start their line.
void FindSyntaxAndCheck(std::string_view text, Directives* directives);

}  // namespace slipway::dockerfile
