// Checks: collects what the linter finds in one Dockerfile.
//
// One object a build, in one thread. Whoever walks the instructions (check_file.h over the text, Lower over what it
// means) adds findings; a rule that is switched off, in the file or above the instruction, adds nothing. At the end
// they are shown in the order of lines, each once, and Verdict says whether they fail the build.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "executor/base/status.h"
#include "executor/dockerfile/check_rules.h"
#include "executor/dockerfile/instructions.h"

namespace slipway::dockerfile {

/// `# check=skip=A,B;error=true;experimental=C`, or the build arg BUILDKIT_DOCKERFILE_CHECK, which replaces it.
struct CheckOptions {
  bool skip_all = false;
  std::set<std::string, std::less<>> skip;
  bool experimental_all = false;
  std::set<std::string, std::less<>> experimental;
  /// Findings are errors.
  bool error = false;
};

/// At most three options, parted by ";". INVALID_ARGUMENT for an unknown one; names of rules may be any.
Result<CheckOptions> ParseCheckOptions(std::string_view text);

/// What the options name and no rule is called, with near misses, as warnings; often empty.
std::vector<std::string> UnknownRules(const CheckOptions& options);

struct Finding {
  Rule rule;
  std::string text;
  /// Whole lines.
  SourceRange where;
};

class Checks {
 public:
  Checks(std::shared_ptr<const SourceText> source, CheckOptions options)
      : source_(std::move(source)), options_(std::move(options)) {}

  /// Whether a finding about an instruction counts: the rule is on and no comment above the instruction skips it
  /// (`# check=skip=A`). For rules that are costly to look at.
  bool Looks(Rule rule, const InstructionBase& about) const;
  /// Adds a finding about an instruction, if it counts. `where` is another place than the instruction's own.
  void Add(Rule rule, const InstructionBase& about, std::string text);
  void Add(Rule rule, const InstructionBase& about, const SourceRange& where, std::string text);
  /// A finding about a line rather than an instruction.
  void AddAtLine(Rule rule, int line, std::string text);

  bool empty() const { return findings_.empty(); }
  /// By line.
  std::vector<Finding> Sorted() const { return {findings_.begin(), findings_.end()}; }

  /// Tells each finding: "Dockerfile:3: MaintainerDeprecated: …", and as detail the lines and the rule's page.
  void Report(const std::function<void(std::string_view text, std::string_view detail)>& warn) const;

  /// INVALID_ARGUMENT that names the rules if anything was found and the options make that an error.
  Status Verdict() const;
  /// "2 warnings: rules A, B"; for the end of a build that only checks.
  std::string Summary() const;

 private:
  bool On(Rule rule, const CheckOptions& options) const;
  std::string RuleNames() const;

  struct ByLine {
    bool operator()(const Finding& a, const Finding& b) const;
  };

  std::shared_ptr<const SourceText> source_;
  CheckOptions options_;
  std::set<Finding, ByLine> findings_;
};

}  // namespace slipway::dockerfile
