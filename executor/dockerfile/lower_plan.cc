#include "executor/dockerfile/lower_plan.h"

#include <algorithm>

#include "executor/base/near_miss.h"

namespace slipway::dockerfile {

Status StagePlans::Make() {
  SLIPWAY_RETURN_IF_ERROR(MakeGlobals());
  const WordExpander expander(dockerfile_.escape(), [this](std::string_view name) { return globals_.Get(name); });
  for (size_t i = 0; i < dockerfile_.stages.size(); ++i) {
    SLIPWAY_ASSIGN_OR_RETURN(plans_.emplace_back(), PlanOf(i, expander));
  }
  SLIPWAY_ASSIGN_OR_RETURN(target_, FindTarget());
  return Status();
}

Status StagePlans::MakeGlobals() {
  const auto set = [this](const std::string& prefix, const oci::Platform& platform) {
    globals_.Set(prefix + "PLATFORM", platform.ToString());
    globals_.Set(prefix + "OS", platform.os);
    globals_.Set(prefix + "OSVERSION", platform.os_version);
    globals_.Set(prefix + "ARCH", platform.architecture);
    globals_.Set(prefix + "VARIANT", platform.variant);
  };
  set("BUILD", options_.build_platform);
  set("TARGET", options_.target_platform);
  const std::string& last = dockerfile_.stages.back().name;
  const std::string& target = options_.target.empty() ? last : options_.target;
  globals_.Set("TARGETSTAGE", target.empty() ? "default" : target);
  for (const auto& [name, value] : options_.build_args) {
    if (globals_.Get(name)) globals_.Set(name, value);
  }
  CheckDefaults(globals_);
  return AddMetaArgs(/*overrides=*/true, &globals_);
}

// What the ARGs before the first FROM set; build args count if `overrides`.
Status StagePlans::AddMetaArgs(bool overrides, Env* env) const {
  const std::vector<std::pair<std::string, std::string>> none;
  const auto& build_args = overrides ? options_.build_args : none;
  const WordExpander expander(dockerfile_.escape(), [env](std::string_view name) { return env->Get(name); });
  for (const ArgInstruction& arg : dockerfile_.meta_args) {
    for (const ArgDefinition& definition : arg.args) {
      const auto given = std::find_if(build_args.rbegin(), build_args.rend(),
                                      [&](const auto& pair) { return pair.first == definition.name; });
      if (given != build_args.rend()) {
        env->Set(definition.name, given->second);
      } else if (definition.value) {
        const auto value = expander.Word(*definition.value);
        if (!value.ok()) return dockerfile_.source->At(arg.range, value.status(), *definition.value);
        env->Set(definition.name, *value);
      }
    }
  }
  return Status();
}

FromChecks StagePlans::Checks() const {
  std::set<std::string> declared;
  for (const auto& [name, value] : globals_.pairs()) declared.insert(name);
  for (const ArgInstruction& arg : dockerfile_.meta_args) {
    for (const ArgDefinition& definition : arg.args) declared.insert(definition.name);
  }
  return FromChecks(options_.checks, globals_, std::move(declared));
}

// For the linter: the base names as they are without build args. An error here is one of the build too, and told there.
void StagePlans::CheckDefaults(const Env& predefined) const {
  Env defaults = predefined;
  if (options_.checks == nullptr || !AddMetaArgs(/*overrides=*/false, &defaults).ok()) return;
  const FromChecks checks = Checks();
  const WordExpander expander(dockerfile_.escape(), [&](std::string_view name) { return defaults.Get(name); });
  for (const Stage& stage : dockerfile_.stages) {
    const auto name = expander.Word(stage.base);
    if (!name.ok()) return;
    checks.DefaultBase(stage, *name);
  }
}

// "; did you mean '$X'?" for a variable that a FROM uses and that is not there.
std::string StagePlans::VariableHint(const WordExpander& expander) const {
  std::vector<std::string_view> known;
  for (const auto& [name, value] : globals_.pairs()) known.push_back(name);
  for (const std::string& name : expander.unmatched()) {
    const std::string_view near = NearMiss(name, known);
    if (!near.empty()) return fmt::format("; did you mean '${}'?", near);
  }
  return "";
}

Result<std::string> StagePlans::BaseName(const Stage& stage, const WordExpander& expander) const {
  expander.Clear();
  Result<std::string> name = expander.Word(stage.base);
  Checks().Base(stage, expander);
  if (!name.ok() || !name->empty()) return name;
  return InvalidArgument("the base name '{}' expands to nothing: give the ARG a value before the first FROM{}",
                         stage.base, VariableHint(expander));
}

Result<oci::Platform> StagePlans::PlatformOf(const Stage& stage, const WordExpander& expander) const {
  if (stage.platform.empty()) return options_.target_platform;
  expander.Clear();
  SLIPWAY_ASSIGN_OR_RETURN(const std::string word, expander.Word(stage.platform));
  Checks().Platform(stage, expander, word);
  if (word.empty()) {
    return InvalidArgument("--platform='{}' expands to nothing: give the ARG a value before the first FROM{}",
                           stage.platform, VariableHint(expander));
  }
  Result<oci::Platform> platform = oci::Platform::Parse(word);
  if (platform.ok()) return platform;
  return InvalidArgument("--platform={}: {}{}", stage.platform, platform.status().message(), VariableHint(expander));
}

Result<StagePlan> StagePlans::PlanOf(size_t stage, const WordExpander& expander) const {
  const Stage& from = dockerfile_.stages[stage];
  Result<std::string> base = BaseName(from, expander);
  if (!base.ok()) return dockerfile_.source->At(from.range, base.status(), from.base);
  const Result<oci::Platform> platform = PlatformOf(from, expander);
  if (!platform.ok()) return dockerfile_.source->At(from.range, platform.status(), "--platform=" + from.platform);
  StagePlan plan;
  plan.replaced_by = images_.ContextFor(from.name, *platform);
  if (plan.replaced_by.empty()) plan.from_stage = links_.Base(*base, stage);
  plan.base = *std::move(base);
  plan.platform = *platform;
  return plan;
}

Result<size_t> StagePlans::FindTarget() const {
  const size_t count = dockerfile_.stages.size();
  if (options_.target.empty()) return count - 1;
  if (const auto found = links_.Named(options_.target)) return *found;
  const std::vector<std::string> names = StageNames(dockerfile_);
  const std::vector<std::string_view> views(names.begin(), names.end());
  return InvalidArgument("{}: there is no stage '{}' to be the target{}{}", dockerfile_.source->filename(),
                         options_.target, DidYouMean(options_.target, views),
                         names.empty() ? "" : fmt::format(" (stages: {})", fmt::join(names, ", ")));
}

std::vector<std::string> StageNames(const Dockerfile& dockerfile) {
  std::vector<std::string> out;
  for (const Stage& stage : dockerfile.stages) {
    if (!stage.name.empty()) out.push_back(stage.name);
  }
  return out;
}

}  // namespace slipway::dockerfile
