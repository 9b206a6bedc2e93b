#include "executor/dockerfile/check_rules.h"

#include <fmt/format.h>

#include <array>

namespace slipway::dockerfile {

namespace {

constexpr std::array<RuleInfo, 22> kRules = {{
    {Rule::kStageNameCasing, "StageNameCasing", "stage-name-casing"},
    {Rule::kFromAsCasing, "FromAsCasing", "from-as-casing"},
    {Rule::kNoEmptyContinuation, "NoEmptyContinuation", "no-empty-continuation"},
    {Rule::kConsistentInstructionCasing, "ConsistentInstructionCasing", "consistent-instruction-casing"},
    {Rule::kDuplicateStageName, "DuplicateStageName", "duplicate-stage-name"},
    {Rule::kReservedStageName, "ReservedStageName", "reserved-stage-name"},
    {Rule::kJsonArgsRecommended, "JSONArgsRecommended", "json-args-recommended"},
    {Rule::kMaintainerDeprecated, "MaintainerDeprecated", "maintainer-deprecated"},
    {Rule::kUndefinedArgInFrom, "UndefinedArgInFrom", "undefined-arg-in-from"},
    {Rule::kWorkdirRelativePath, "WorkdirRelativePath", "workdir-relative-path"},
    {Rule::kUndefinedVar, "UndefinedVar", "undefined-var"},
    {Rule::kMultipleInstructionsDisallowed, "MultipleInstructionsDisallowed", "multiple-instructions-disallowed"},
    {Rule::kLegacyKeyValueFormat, "LegacyKeyValueFormat", "legacy-key-value-format"},
    {Rule::kInvalidBaseImagePlatform, "InvalidBaseImagePlatform", ""},
    {Rule::kRedundantTargetPlatform, "RedundantTargetPlatform", "redundant-target-platform"},
    {Rule::kSecretsUsedInArgOrEnv, "SecretsUsedInArgOrEnv", "secrets-used-in-arg-or-env"},
    {Rule::kInvalidDefaultArgInFrom, "InvalidDefaultArgInFrom", "invalid-default-arg-in-from"},
    {Rule::kFromPlatformFlagConstDisallowed, "FromPlatformFlagConstDisallowed", "from-platform-flag-const-disallowed"},
    {Rule::kCopyIgnoredFile, "CopyIgnoredFile", "copy-ignored-file", true},
    {Rule::kInvalidDefinitionDescription, "InvalidDefinitionDescription", "invalid-definition-description", true},
    {Rule::kExposeProtoCasing, "ExposeProtoCasing", "expose-proto-casing"},
    {Rule::kExposeInvalidFormat, "ExposeInvalidFormat", "expose-invalid-format"},
}};

constexpr bool InOrder() {
  for (size_t i = 0; i < kRules.size(); ++i) {
    if (static_cast<size_t>(kRules[i].rule) != i) return false;
  }
  return true;
}
static_assert(InOrder());

}  // namespace

std::span<const RuleInfo> AllRules() { return kRules; }

const RuleInfo& InfoOf(Rule rule) { return kRules[static_cast<size_t>(rule)]; }

std::string PageOf(Rule rule) {
  const std::string_view page = InfoOf(rule).page;
  return page.empty() ? "" : fmt::format("https://docs.docker.com/go/dockerfile/rule/{}/", page);
}

}  // namespace slipway::dockerfile
