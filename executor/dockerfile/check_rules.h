// The rules of the linter: BuildKit's build checks of Dockerfile frontend 1.18, under their names, so that users find
// what is written about them.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace slipway::dockerfile {

enum class Rule {
  kStageNameCasing,
  kFromAsCasing,
  kNoEmptyContinuation,
  kConsistentInstructionCasing,
  kDuplicateStageName,
  kReservedStageName,
  kJsonArgsRecommended,
  kMaintainerDeprecated,
  kUndefinedArgInFrom,
  kWorkdirRelativePath,
  kUndefinedVar,
  kMultipleInstructionsDisallowed,
  kLegacyKeyValueFormat,
  kInvalidBaseImagePlatform,
  kRedundantTargetPlatform,
  kSecretsUsedInArgOrEnv,
  kInvalidDefaultArgInFrom,
  kFromPlatformFlagConstDisallowed,
  kCopyIgnoredFile,
  kInvalidDefinitionDescription,
  kExposeProtoCasing,
  kExposeInvalidFormat
};

struct RuleInfo {
  Rule rule;
  std::string_view name;
  /// The last part of the address of its page; "" if it has none.
  std::string_view page;
  /// Only looked at where it is asked for.
  bool experimental = false;
};

/// All of them, in the order of Rule.
std::span<const RuleInfo> AllRules();
const RuleInfo& InfoOf(Rule rule);
/// The address of its page, or "".
std::string PageOf(Rule rule);

}  // namespace slipway::dockerfile
