#include "executor/dockerfile/check_file.h"

#include <algorithm>
#include <array>

#include "executor/base/ascii.h"
#include "executor/dockerfile/line_args.h"

namespace slipway::dockerfile {

namespace {

bool IsLower(std::string_view text) { return LowerAscii(text) == text; }
bool IsUpper(std::string_view text) { return UpperAscii(text) == text; }

// The comment right above an ARG or a named FROM describes it and is to begin with its name.
void CheckDescription(std::string_view kind, const std::vector<std::string>& names, const InstructionBase& about,
                      Checks& checks) {
  if (about.comments.empty() || names.empty()) return;
  const std::string& comment = about.comments.back();
  const std::string first = comment.substr(0, comment.find(' '));
  if (std::find(names.begin(), names.end(), first) != names.end()) return;
  checks.Add(
      Rule::kInvalidDefinitionDescription, about,
      fmt::format("the comment above {0} is to be '# {1} description'; put a line with '#' alone between if it is "
                  "no description",
                  kind, names.size() == 1 ? names[0] : "NAME"));
}

void CheckArg(const ArgInstruction& arg, Checks& checks) {
  std::vector<std::string> names;
  for (const ArgDefinition& definition : arg.args) names.push_back(definition.name);
  CheckDescription("ARG", names, arg, checks);
}

void CheckFrom(const Stage& stage, Checks& checks) {
  if (stage.name.empty()) return;
  if (stage.name != stage.name_as_written) {
    checks.Add(Rule::kStageNameCasing, stage,
               fmt::format("stage name '{}' should be in lower case: '{}'", stage.name_as_written, stage.name));
  }
  // A keyword of mixed case is another rule's matter.
  const bool matches = IsLower(stage.keyword)   ? IsLower(stage.as_keyword)
                       : IsUpper(stage.keyword) ? IsUpper(stage.as_keyword)
                                                : true;
  if (!matches) {
    checks.Add(Rule::kFromAsCasing, stage,
               fmt::format("'{}' and '{}' should be in the same case", stage.keyword, stage.as_keyword));
  }
  CheckDescription("FROM", {stage.name}, stage, checks);
}

void CheckNames(const Dockerfile& dockerfile, Checks& checks) {
  constexpr std::array<std::string_view, 2> kReserved = {"context", "scratch"};
  std::set<std::string_view> seen;
  for (const Stage& stage : dockerfile.stages) {
    if (stage.name.empty()) continue;
    if (std::find(kReserved.begin(), kReserved.end(), stage.name) != kReserved.end()) {
      checks.Add(Rule::kReservedStageName, stage,
                 fmt::format("'{}' is a reserved word and should not name a stage", stage.name));
    }
    if (!seen.insert(stage.name).second) {
      checks.Add(Rule::kDuplicateStageName, stage,
                 fmt::format("stage name '{}' is used before; stage names should be unique", stage.name));
    }
  }
}

void CheckCase(const Dockerfile& dockerfile, Checks& checks) {
  std::vector<const InstructionBase*> all;
  for (const Stage& stage : dockerfile.stages) {
    all.push_back(&stage);
    for (const Instruction& instruction : stage.instructions) all.push_back(&BaseOf(instruction));
  }
  const auto is_lower = [](const InstructionBase* base) { return IsLower(base->keyword); };
  const auto is_upper = [](const InstructionBase* base) { return IsUpper(base->keyword); };
  const bool lower = std::count_if(all.begin(), all.end(), is_lower) > std::count_if(all.begin(), all.end(), is_upper);
  for (const InstructionBase* base : all) {
    if (lower ? IsLower(base->keyword) : IsUpper(base->keyword)) continue;
    checks.Add(Rule::kConsistentInstructionCasing, *base,
               fmt::format("'{}' should be in {} case as most instructions are: '{}'", base->keyword,
                           lower ? "lower" : "upper", lower ? LowerAscii(base->keyword) : UpperAscii(base->keyword)));
  }
}

}  // namespace

void CheckInstructions(const Dockerfile& dockerfile, Checks& checks) {
  for (const int line : dockerfile.empty_continuation_lines) {
    checks.AddAtLine(Rule::kNoEmptyContinuation, line, "an empty line within a continued instruction");
  }
  for (const ArgInstruction& arg : dockerfile.meta_args) CheckArg(arg, checks);
  for (const Stage& stage : dockerfile.stages) {
    CheckFrom(stage, checks);
    for (const Instruction& instruction : stage.instructions) {
      if (const auto* arg = std::get_if<ArgInstruction>(&instruction)) CheckArg(*arg, checks);
      if (const auto* maintainer = std::get_if<MaintainerInstruction>(&instruction)) {
        checks.Add(Rule::kMaintainerDeprecated, *maintainer,
                   "MAINTAINER is deprecated; use LABEL org.opencontainers.image.authors=\"…\"");
      }
    }
  }
}

void CheckWhole(const Dockerfile& dockerfile, Checks& checks) {
  CheckNames(dockerfile, checks);
  CheckCase(dockerfile, checks);
}

}  // namespace slipway::dockerfile
