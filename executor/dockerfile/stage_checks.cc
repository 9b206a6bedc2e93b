#include "executor/dockerfile/stage_checks.h"

#include <algorithm>
#include <array>

#include "executor/base/ascii.h"
#include "executor/base/fs.h"
#include "executor/base/near_miss.h"
#include "executor/base/pattern_matcher.h"
#include "executor/dockerfile/line_args.h"
#include "executor/oci/reference.h"
#include "executor/source/context_source.h"

namespace slipway::dockerfile {

namespace {

template <typename List>
bool Contains(const List& list, std::string_view item) {
  return std::find(std::begin(list), std::end(list), item) != std::end(list);
}

// Whether a name, cut at its underscores, holds a word for something secret and none that says it is harmless.
bool SoundsSecret(const std::string& name) {
  constexpr std::array<std::string_view, 10> kSecret = {"apikey",   "auth",  "credential", "credentials", "key",
                                                        "password", "pword", "passwd",     "secret",      "token"};
  constexpr std::array<std::string_view, 1> kHarmless = {"public"};
  const std::string lower = LowerAscii(name);
  std::string_view rest = lower;
  bool secret = false;
  while (true) {
    const size_t end = std::min(rest.find('_'), rest.size());
    const std::string_view word = rest.substr(0, end);
    if (Contains(kHarmless, word)) return false;
    secret = secret || Contains(kSecret, word);
    if (end == rest.size()) return secret;
    rest.remove_prefix(end + 1);
  }
}

std::string DidYouMeanVariable(std::string_view name, const std::vector<std::string_view>& known) {
  const std::string_view near = NearMiss(name, known);
  return near.empty() ? "" : fmt::format("; did you mean '${}'?", near);
}

std::vector<std::string_view> NamesOf(const Env& env) {
  std::vector<std::string_view> names;
  for (const auto& [name, value] : env.pairs()) names.push_back(name);
  return names;
}

}  // namespace

StageChecks::StageChecks(Checks* checks, const std::vector<std::string>& ignore_patterns, bool workdir_set)
    : checks_(checks), ignore_patterns_(ignore_patterns), workdir_set_(workdir_set) {}

void StageChecks::Unset(const InstructionBase& about, const std::set<std::string>& names,
                        const std::vector<std::string>& args, const Env& env) {
  if (checks_ == nullptr) return;
  for (const std::string& name : names) {
    if (Contains(args, name) || IsForTheBuilder(name)) continue;
    checks_->Add(Rule::kUndefinedVar, about,
                 fmt::format("variable '${}' is not defined{}", name, DidYouMeanVariable(name, NamesOf(env))));
  }
}

void StageChecks::Look(const Instruction& instruction, const oci::RunConfig& config) {
  if (checks_ == nullptr) return;
  if (const auto* env = std::get_if<EnvInstruction>(&instruction)) return Pairs(*env, env->pairs, true);
  if (const auto* label = std::get_if<LabelInstruction>(&instruction)) return Pairs(*label, label->pairs, false);
  if (const auto* cmd = std::get_if<CmdInstruction>(&instruction)) return Command(*cmd, cmd->command, config, &cmd_);
  if (const auto* entrypoint = std::get_if<EntrypointInstruction>(&instruction)) {
    return Command(*entrypoint, entrypoint->command, config, &entrypoint_);
  }
  if (const auto* health = std::get_if<HealthcheckInstruction>(&instruction)) return Once(*health, &healthcheck_);
  if (const auto* expose = std::get_if<ExposeInstruction>(&instruction)) return Ports(*expose);
  if (const auto* add = std::get_if<AddInstruction>(&instruction)) return Sources(*add, add->sources);
  if (const auto* copy = std::get_if<CopyInstruction>(&instruction); copy != nullptr && copy->from.empty()) {
    return Sources(*copy, copy->sources);
  }
  if (const auto* arg = std::get_if<ArgInstruction>(&instruction)) {
    for (const ArgDefinition& definition : arg->args) Secret(*arg, "ARG", definition.name);
  }
  if (const auto* workdir = std::get_if<WorkdirInstruction>(&instruction)) {
    // Only the first: later ones are mended by mending it.
    if (!std::exchange(workdir_set_, true) && !workdir->path.starts_with('/')) {
      checks_->Add(Rule::kWorkdirRelativePath, *workdir,
                   fmt::format("'{}' is relative to whatever the base image has set; begin with an absolute path",
                               workdir->path));
    }
  }
}

void StageChecks::Command(const InstructionBase& about, const CommandLine& command, const oci::RunConfig& config,
                          std::optional<SourceRange>* before) {
  Once(about, before);
  const bool own_shell = config.shell && !config.shell->empty();
  if (command.json_form || own_shell) return;
  checks_->Add(Rule::kJsonArgsRecommended, about,
               fmt::format("the shell that runs {0} in this form passes no signals on; use the JSON form, {0} [\"…\"]",
                           about.keyword));
}

void StageChecks::Once(const InstructionBase& about, std::optional<SourceRange>* before) {
  // The earlier one is what has no effect.
  if (*before) {
    checks_->Add(Rule::kMultipleInstructionsDisallowed, about, **before,
                 fmt::format("this {} has no effect: only the last one of a stage counts", about.keyword));
  }
  *before = about.range;
}

void StageChecks::Pairs(const InstructionBase& about, const std::vector<KeyValue>& pairs, bool secrets) {
  for (const KeyValue& pair : pairs) {
    if (pair.legacy_form) {
      checks_->Add(Rule::kLegacyKeyValueFormat, about,
                   fmt::format("'{0} {1} value' is the old form; write '{0} {1}=value'", about.keyword, pair.key));
    }
    if (secrets) Secret(about, "ENV", pair.key);
  }
}

void StageChecks::Secret(const InstructionBase& about, std::string_view kind, const std::string& name) {
  if (!SoundsSecret(name)) return;
  checks_->Add(Rule::kSecretsUsedInArgOrEnv, about,
               fmt::format("{} \"{}\" would keep a secret in the image; use RUN --mount=type=secret", kind, name));
}

void StageChecks::Ports(const ExposeInstruction& expose) {
  for (const std::string& port : expose.ports) {
    const size_t colon = port.rfind(':');
    const std::string_view container = std::string_view(port).substr(colon == std::string::npos ? 0 : colon + 1);
    const size_t slash = container.find('/');
    const std::string_view protocol = slash == std::string_view::npos ? "" : container.substr(slash + 1);
    if (protocol != LowerAscii(protocol)) {
      checks_->Add(Rule::kExposeProtoCasing, expose,
                   fmt::format("the protocol of '{}' should be in lower case: '{}'", port, LowerAscii(port)));
    }
    if (colon != std::string::npos && port.find_first_not_of(':') < colon) {
      checks_->Add(Rule::kExposeInvalidFormat, expose,
                   fmt::format("'{}' names an address or a port of the host, which EXPOSE cannot map; write '{}'", port,
                               container));
    }
  }
}

void StageChecks::Sources(const InstructionBase& about, const CopySources& sources) {
  if (ignore_patterns_.empty() || !checks_->Looks(Rule::kCopyIgnoredFile, about)) return;
  // What a `!` brings back below an ignored folder cannot be told without looking at the files.
  const auto is_exception = [](const std::string& pattern) { return pattern.starts_with('!'); };
  if (std::any_of(ignore_patterns_.begin(), ignore_patterns_.end(), is_exception)) return;
  const Result<PatternMatcher> ignored = PatternMatcher::Make(ignore_patterns_);
  if (!ignored.ok()) return;  // told by who applies the patterns
  constexpr std::array<std::string_view, 3> kEverything = {"*", "**", "**/*"};
  const bool all_ignored = std::any_of(ignore_patterns_.begin(), ignore_patterns_.end(),
                                       [&](const std::string& pattern) { return Contains(kEverything, pattern); });
  const bool is_add = LowerAscii(about.keyword) == "add";
  for (const std::string& path : sources.paths) {
    const bool remote = path.starts_with("http://") || path.starts_with("https://") || source::IsGitUrl(path);
    if (is_add && remote) continue;
    const std::string clean = fs::Clean("/" + path).substr(1);
    if (clean.empty() ? !all_ignored : !ignored->Matches(clean)) continue;
    checks_->Add(Rule::kCopyIgnoredFile, about,
                 fmt::format("{} of '{}', which .dockerignore leaves out of the context", about.keyword, path));
  }
}

void FromChecks::Undeclared(const Stage& stage, const WordExpander& expander) const {
  if (checks_ == nullptr) return;
  const std::vector<std::string_view> known(declared_.begin(), declared_.end());
  for (const std::string& name : expander.unmatched()) {
    if (declared_.contains(name)) continue;
    checks_->Add(
        Rule::kUndefinedArgInFrom, stage,
        fmt::format("'${}' is not declared by an ARG before the first FROM{}", name, DidYouMeanVariable(name, known)));
  }
}

void FromChecks::Platform(const Stage& stage, const WordExpander& expander, const std::string& value) const {
  if (checks_ == nullptr) return;
  Undeclared(stage, expander);
  constexpr std::string_view kTarget = "TARGETPLATFORM";
  const std::set<std::string>& matched = expander.matched();
  if (matched.empty() && expander.unmatched().empty()) {
    const Result<oci::Platform> platform = oci::Platform::Parse(value);
    if (!platform.ok()) return;  // an error soon
    // A stage that is named for its platform is meant so.
    const bool named = stage.name.find(platform->os) != std::string::npos ||
                       stage.name.find(platform->architecture) != std::string::npos;
    if (named) return;
    checks_->Add(
        Rule::kFromPlatformFlagConstDisallowed, stage,
        fmt::format("--platform={} is the same for every build; use a variable such as $BUILDPLATFORM", value));
  } else if (matched.size() == 1 && expander.unmatched().empty() && *matched.begin() == kTarget &&
             globals_.Get(kTarget) == std::string_view(value)) {
    checks_->Add(Rule::kRedundantTargetPlatform, stage,
                 fmt::format("--platform={} is what FROM takes anyway; leave it out", stage.platform));
  }
}

void FromChecks::DefaultBase(const Stage& stage, const std::string& name) const {
  if (checks_ == nullptr || (!name.empty() && oci::Reference::Parse(name).ok())) return;
  checks_->Add(Rule::kInvalidDefaultArgInFrom, stage,
               fmt::format("without build args '{}' is '{}', which names no image; give the ARG a default that does",
                           stage.base, name));
}

void FromChecks::BasePlatform(const Stage& stage, const std::string& name, const oci::Platform& expected,
                              const oci::Platform& actual) const {
  if (checks_ == nullptr || (expected.os == actual.os && expected.architecture == actual.architecture)) return;
  checks_->Add(Rule::kInvalidBaseImagePlatform, stage,
               fmt::format("base image '{}' is for {}, and {} is built", name, actual.ToString(), expected.ToString()));
}

}  // namespace slipway::dockerfile
