#include "executor/dockerfile/lower.h"

#include <algorithm>
#include <set>

#include "executor/base/guarded.h"
#include "executor/base/near_miss.h"
#include "executor/dockerfile/env.h"
#include "executor/dockerfile/lower_stage.h"
#include "executor/dockerfile/stage_links.h"
#include "executor/dockerfile/word_expander.h"

namespace slipway::dockerfile {

namespace {

constexpr std::string_view kScratch = "scratch";
constexpr std::string_view kDefaultPathEnv = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What a FROM says once its words are expanded.
struct Plan {
  std::string base;                  // image, context or "scratch"; unused if from_stage is set
  std::optional<size_t> from_stage;  // an earlier stage
  std::string replaced_by;           // the named context that stands for the whole stage; "" for none
  oci::Platform platform;
};

/// What FROM scratch starts from.
StageResult EmptyBase(const oci::Platform& platform) {
  StageResult base;
  base.platform = platform;
  base.image.platform = platform;
  base.image.config.env = {std::string(kDefaultPathEnv)};
  base.image.config.working_dir = "/";
  return base;
}

void GivePath(StageResult& base) {
  std::vector<std::string>& env = base.image.config.env;
  if (!Env(env).Get("PATH")) env.emplace_back(kDefaultPathEnv);
}

/// An image wanted for one platform.
using ImageKey = std::pair<std::string, std::string>;

class Lowering {
 public:
  Lowering(const Context& ctx, const Dockerfile& dockerfile, const LowerOptions& options, ImageResolver& resolver,
           ThreadPool& pool)
      : ctx_(ctx), dockerfile_(dockerfile), links_(dockerfile), options_(options), resolver_(resolver), pool_(pool) {}

  Result<Lowered> Run();

 private:
  Status MakeGlobals();
  Status AddMetaArgs(bool overrides, Env* env) const;
  void CheckDefaults(const Env& predefined) const;
  FromChecks Froms() const;
  Status PlanStages();
  Result<size_t> Target() const;
  std::vector<std::string> StageNames() const;
  std::string DisplayOf(size_t stage) const;
  Result<std::string> BaseName(const Stage& stage, const WordExpander& expander) const;
  Result<oci::Platform> PlatformOf(const Stage& stage, const WordExpander& expander) const;
  std::string VariableHint(const WordExpander& expander) const;

  void CollectImages(size_t stage, std::set<size_t>& seen,
                     std::vector<std::pair<ImageKey, oci::Platform>>& images) const;
  Status ResolveImages(size_t target);
  Result<ResolvedImage> Image(const std::string& name, const oci::Platform& platform);
  void NoteBase(const ResolvedImage& image, const oci::Platform& platform);
  Status WithLaterStage(const std::string& name, const Status& status) const;

  /// The named context that stands for a stage or image of that name; "" if none does.
  std::string ContextFor(const std::string& name, const oci::Platform& platform) const;
  Result<NamedContext> LoadContext(const std::string& context, const oci::Platform& platform);

  Result<StageResult> LowerStage(size_t stage);
  Result<StageResult> BaseOfStage(size_t stage);
  Result<StageResult> FromContext(const std::string& context, StageResult base);
  Result<graph::VertexPtr> From(size_t stage, const std::string& name, bool by_index);
  std::vector<std::string_view> DeclaredArgs() const;
  oci::Platform PlatformOfImage(oci::Platform image) const;
  void WarnOfUnusedArgs() const;

  const Context& ctx_;
  const Dockerfile& dockerfile_;
  const StageLinks links_;
  const LowerOptions& options_;
  ImageResolver& resolver_;
  ThreadPool& pool_;
  Env globals_;  // what ARG in a stage inherits and FROM expands
  std::vector<Plan> plans_;
  std::map<ImageKey, Result<ResolvedImage>> images_;
  std::map<size_t, StageResult> lowered_;
  std::optional<graph::VertexPtr> context_;
  std::vector<BaseImage> bases_;
  std::set<std::string> used_args_;
};

Status Lowering::MakeGlobals() {
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
  for (const ArgInstruction& arg : dockerfile_.meta_args) {
    for (const ArgDefinition& definition : arg.args) used_args_.insert(definition.name);
  }
  CheckDefaults(globals_);
  return AddMetaArgs(/*overrides=*/true, &globals_);
}

// What the ARGs before the first FROM set; build args count if `overrides`.
Status Lowering::AddMetaArgs(bool overrides, Env* env) const {
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

FromChecks Lowering::Froms() const {
  std::set<std::string> declared;
  for (const auto& [name, value] : globals_.pairs()) declared.insert(name);
  for (const ArgInstruction& arg : dockerfile_.meta_args) {
    for (const ArgDefinition& definition : arg.args) declared.insert(definition.name);
  }
  return FromChecks(options_.checks, globals_, std::move(declared));
}

// For the linter: the base names as they are without build args. An error here is one of the build too, and told there.
void Lowering::CheckDefaults(const Env& predefined) const {
  Env defaults = predefined;
  if (options_.checks == nullptr || !AddMetaArgs(/*overrides=*/false, &defaults).ok()) return;
  const FromChecks checks = Froms();
  const WordExpander expander(dockerfile_.escape(), [&](std::string_view name) { return defaults.Get(name); });
  for (const Stage& stage : dockerfile_.stages) {
    const auto name = expander.Word(stage.base);
    if (!name.ok()) return;
    checks.DefaultBase(stage, *name);
  }
}

// "; did you mean '$X'?" for a variable that a FROM uses and that is not there.
std::string Lowering::VariableHint(const WordExpander& expander) const {
  std::vector<std::string_view> known;
  for (const auto& [name, value] : globals_.pairs()) known.push_back(name);
  for (const std::string& name : expander.unmatched()) {
    const std::string_view near = NearMiss(name, known);
    if (!near.empty()) return fmt::format("; did you mean '${}'?", near);
  }
  return "";
}

Result<std::string> Lowering::BaseName(const Stage& stage, const WordExpander& expander) const {
  expander.Clear();
  Result<std::string> name = expander.Word(stage.base);
  Froms().Base(stage, expander);
  if (!name.ok() || !name->empty()) return name;
  return InvalidArgument("the base name '{}' expands to nothing: give the ARG a value before the first FROM{}",
                         stage.base, VariableHint(expander));
}

Result<oci::Platform> Lowering::PlatformOf(const Stage& stage, const WordExpander& expander) const {
  if (stage.platform.empty()) return options_.target_platform;
  expander.Clear();
  SLIPWAY_ASSIGN_OR_RETURN(const std::string word, expander.Word(stage.platform));
  Froms().Platform(stage, expander, word);
  if (word.empty()) {
    return InvalidArgument("--platform='{}' expands to nothing: give the ARG a value before the first FROM{}",
                           stage.platform, VariableHint(expander));
  }
  Result<oci::Platform> platform = oci::Platform::Parse(word);
  if (platform.ok()) return platform;
  return InvalidArgument("--platform={}: {}{}", stage.platform, platform.status().message(), VariableHint(expander));
}

Status Lowering::PlanStages() {
  const WordExpander expander(dockerfile_.escape(), [this](std::string_view name) { return globals_.Get(name); });
  for (size_t i = 0; i < dockerfile_.stages.size(); ++i) {
    const Stage& stage = dockerfile_.stages[i];
    Result<std::string> base = BaseName(stage, expander);
    if (!base.ok()) return dockerfile_.source->At(stage.range, base.status(), stage.base);
    const Result<oci::Platform> platform = PlatformOf(stage, expander);
    if (!platform.ok()) return dockerfile_.source->At(stage.range, platform.status(), "--platform=" + stage.platform);
    std::string replaced_by = ContextFor(stage.name, *platform);
    const std::optional<size_t> from_stage = replaced_by.empty() ? links_.Base(*base, i) : std::nullopt;
    plans_.push_back({.base = *std::move(base),
                      .from_stage = from_stage,
                      .replaced_by = std::move(replaced_by),
                      .platform = *platform});
  }
  return Status();
}

std::vector<std::string> Lowering::StageNames() const {
  std::vector<std::string> out;
  for (const Stage& stage : dockerfile_.stages) {
    if (!stage.name.empty()) out.push_back(stage.name);
  }
  return out;
}

Result<size_t> Lowering::Target() const {
  const size_t count = dockerfile_.stages.size();
  if (options_.target.empty()) return count - 1;
  if (const auto found = links_.Named(options_.target)) return *found;
  const std::vector<std::string> names = StageNames();
  const std::vector<std::string_view> views(names.begin(), names.end());
  return InvalidArgument("{}: there is no stage '{}' to be the target{}{}", dockerfile_.source->filename(),
                         options_.target, DidYouMean(options_.target, views),
                         names.empty() ? "" : fmt::format(" (stages: {})", fmt::join(names, ", ")));
}

std::string Lowering::DisplayOf(size_t stage) const {
  const std::string& name = dockerfile_.stages[stage].name;
  if (!name.empty()) return name;
  return dockerfile_.stages.size() == 1 ? "" : fmt::format("stage-{}", stage);
}

// --- images

// The images that a stage needs, as far as the text tells, so that they can be resolved side by side.
void Lowering::CollectImages(size_t stage, std::set<size_t>& seen,
                             std::vector<std::pair<ImageKey, oci::Platform>>& images) const {
  if (!seen.insert(stage).second) return;
  const Plan& plan = plans_[stage];
  if (!plan.replaced_by.empty()) return;
  const auto add = [&](const std::string& name, const oci::Platform& platform) {
    if (name == kScratch || !ContextFor(name, platform).empty()) return;
    const ImageKey key{name, platform.ToString()};
    const bool known =
        std::any_of(images.begin(), images.end(), [&key](const auto& image) { return image.first == key; });
    if (!known) images.emplace_back(key, platform);
  };
  if (plan.from_stage) {
    CollectImages(*plan.from_stage, seen, images);
  } else {
    add(plan.base, plan.platform);
  }
  for (const FromName& from : StageLinks::FromsOf(dockerfile_.stages[stage])) {
    const auto other = links_.Find(from);
    if (!other.ok()) continue;  // told where it is used
    if (*other) {
      CollectImages(**other, seen, images);
    } else {
      add(from.name, options_.target_platform);
    }
  }
}

Status Lowering::ResolveImages(size_t target) {
  std::set<size_t> seen;
  std::vector<std::pair<ImageKey, oci::Platform>> wanted;
  CollectImages(target, seen, wanted);
  if (options_.all_stages) {
    for (size_t i = 0; i < dockerfile_.stages.size(); ++i) CollectImages(i, seen, wanted);
  }
  Guarded<std::map<ImageKey, Result<ResolvedImage>>> found;
  {
    TaskGroup group(pool_);
    for (const auto& [key, platform] : wanted) {
      group.Run([&, &k = key, &p = platform]() -> Status {
        Result<ResolvedImage> image = resolver_.Resolve(ctx_, k.first, p);
        found.Lock()->emplace(k, std::move(image));
        return Status();  // told where the image is used
      });
    }
    SLIPWAY_RETURN_IF_ERROR(group.Wait());
  }
  images_ = std::move(*found.Lock());
  return ctx_.Err();
}

Result<ResolvedImage> Lowering::Image(const std::string& name, const oci::Platform& platform) {
  const ImageKey key{name, platform.ToString()};
  auto it = images_.find(key);
  if (it == images_.end()) it = images_.emplace(key, resolver_.Resolve(ctx_, name, platform)).first;
  if (it->second.ok()) {
    NoteBase(*it->second, platform);
    return *it->second;
  }
  const std::vector<std::string> names = StageNames();
  const std::vector<std::string_view> views(names.begin(), names.end());
  const std::string hint = name.find_first_of("/:@") == std::string::npos ? DidYouMean(name, views) : "";
  return Status(it->second.code(), it->second.status().message() + hint);
}

// FROM takes the name of a stage that is not above it for an image's.
Status Lowering::WithLaterStage(const std::string& name, const Status& status) const {
  const auto later = links_.Base(name, dockerfile_.stages.size());
  if (!later) return status;
  return Status(status.code(),
                fmt::format("no stage above is called '{}' (the one in line {} is none for this FROM), and "
                            "as an image it is not to be had: {}",
                            name, dockerfile_.stages[*later].range.start_line, status.message()));
}

void Lowering::NoteBase(const ResolvedImage& image, const oci::Platform& platform) {
  const bool known = std::any_of(bases_.begin(), bases_.end(), [&](const BaseImage& base) {
    return base.reference == image.reference && base.digest == image.digest && base.platform == platform;
  });
  if (!known) bases_.push_back({image.reference, image.digest, false, platform});
}

// --- named contexts

std::string Lowering::ContextFor(const std::string& name, const oci::Platform& platform) const {
  if (options_.named_contexts == nullptr || name.empty()) return "";
  const Result<oci::Reference> reference = oci::Reference::Parse(name);
  if (!reference.ok()) return "";
  std::string context = reference->Short();
  std::string of_platform = fmt::format("{}::{}", context, platform.Normalized().ToString());
  if (options_.named_contexts->Has(of_platform)) return of_platform;
  return options_.named_contexts->Has(context) ? context : "";
}

Result<NamedContext> Lowering::LoadContext(const std::string& context, const oci::Platform& platform) {
  auto loaded = options_.named_contexts->Load(ctx_, context, platform);
  if (!loaded.ok()) return std::move(loaded).status().With(fmt::format("build context '{}'", context));
  if (loaded->image) {
    if (loaded->from_registry) NoteBase(*loaded->image, platform);
    loaded->vertex = ImageVertex(*loaded->image);
  }
  return loaded;
}

// `base` is what a context that is no image stands on.
Result<StageResult> Lowering::FromContext(const std::string& context, StageResult base) {
  SLIPWAY_ASSIGN_OR_RETURN(NamedContext loaded, LoadContext(context, base.platform));
  base.root = std::move(loaded.vertex);
  if (!loaded.image) return base;
  base.image = std::move(loaded.image->config);
  if (base.image.platform.os.empty()) base.image.platform = base.platform;
  base.base_layers = static_cast<int>(loaded.image->base_layers.value_or(loaded.image->chain.size()));
  if (loaded.from_registry) base.base_image = std::move(loaded.image->reference);
  return base;
}

// --- stages

Result<StageResult> Lowering::BaseOfStage(size_t stage) {
  const Plan& plan = plans_[stage];
  if (plan.from_stage) {
    SLIPWAY_ASSIGN_OR_RETURN(StageResult base, LowerStage(*plan.from_stage));
    GivePath(base);
    return base;
  }
  if (plan.base == kScratch) return EmptyBase(options_.target_platform);  // its --platform changes nothing
  const std::string context = ContextFor(plan.base, plan.platform);
  if (!context.empty()) {
    auto base = FromContext(context, EmptyBase(plan.platform));
    const Stage& from = dockerfile_.stages[stage];
    if (!base.ok()) return dockerfile_.source->At(from.range, base.status(), from.base);
    GivePath(*base);
    return base;
  }
  auto image = Image(plan.base, plan.platform);
  const Stage& from = dockerfile_.stages[stage];
  if (!image.ok()) return dockerfile_.source->At(from.range, WithLaterStage(plan.base, image.status()), from.base);
  Froms().BasePlatform(from, plan.base, plan.platform, image->config.platform);
  StageResult base;
  base.platform = plan.platform;
  base.root = ImageVertex(*image);
  base.image = image->config;
  base.base_layers = static_cast<int>(image->base_layers.value_or(image->chain.size()));
  base.base_image = image->reference;
  GivePath(base);
  return base;
}

Result<StageResult> Lowering::LowerStage(size_t stage) {
  if (const auto known = lowered_.find(stage); known != lowered_.end()) return known->second;
  if (const Plan& plan = plans_[stage]; !plan.replaced_by.empty()) {
    StageResult bare;
    bare.platform = bare.image.platform = plan.platform;
    auto given = FromContext(plan.replaced_by, std::move(bare));
    if (!given.ok()) return dockerfile_.source->At(dockerfile_.stages[stage].range, given.status());
    if (given->root == nullptr) given->root = ScratchVertex();
    given->image.config.on_build.clear();  // nothing is run on it
    return lowered_.emplace(stage, *std::move(given)).first->second;
  }
  SLIPWAY_ASSIGN_OR_RETURN(StageResult base, BaseOfStage(stage));
  // Stages that this one copies from come first, so that their errors carry their own position only.
  for (const FromName& from : StageLinks::FromsOf(dockerfile_.stages[stage])) {
    SLIPWAY_ASSIGN_OR_RETURN(const std::optional<size_t> other, links_.Find(from));
    if (other && *other < stage) SLIPWAY_RETURN_IF_ERROR(LowerStage(*other).status());
  }
  StageLowering::Place place{dockerfile_, dockerfile_.stages[stage], stage, DisplayOf(stage), plans_[stage].base};
  const FromLookup from = [this, stage](const std::string& name, bool by_index) { return From(stage, name, by_index); };
  StageLowering lowering(std::move(place), options_, globals_, std::move(base), from);
  SLIPWAY_ASSIGN_OR_RETURN(StageResult result, lowering.Run());
  used_args_.insert(lowering.used_args().begin(), lowering.used_args().end());
  lowered_.emplace(stage, result);
  return result;
}

Result<graph::VertexPtr> Lowering::From(size_t stage, const std::string& name, bool by_index) {
  if (name.empty()) {
    if (!context_) {
      if (!options_.context) return FailedPrecondition("the build has no context to copy from");
      SLIPWAY_ASSIGN_OR_RETURN(context_, options_.context());
    }
    return *context_;
  }
  SLIPWAY_ASSIGN_OR_RETURN(const std::optional<size_t> other, links_.Find({name, by_index}));
  if (other && (*other < stage || !plans_[*other].replaced_by.empty())) {
    SLIPWAY_ASSIGN_OR_RETURN(const StageResult result, LowerStage(*other));
    return result.root;
  }
  if (other == stage) return InvalidArgument("stage '{}' copies from itself: that is circular", name);
  if (other) {
    return InvalidArgument("stage '{}' begins in line {}, below this one: stages can copy from earlier stages only",
                           name, dockerfile_.stages[*other].range.start_line);
  }
  // What is no stage is for the target, whatever platform this stage is for.
  const oci::Platform& target = options_.target_platform;
  if (name == kScratch) return ScratchVertex();
  if (const std::string context = ContextFor(name, target); !context.empty()) {
    SLIPWAY_ASSIGN_OR_RETURN(NamedContext loaded, LoadContext(context, target));
    return loaded.vertex != nullptr ? loaded.vertex : ScratchVertex();
  }
  SLIPWAY_ASSIGN_OR_RETURN(const ResolvedImage image, Image(name, target));
  return ImageVertex(image);
}

// The names that ARG declares anywhere in the file.
std::vector<std::string_view> Lowering::DeclaredArgs() const {
  std::vector<std::string_view> names;
  const auto add = [&names](const ArgInstruction& arg) {
    for (const ArgDefinition& definition : arg.args) names.push_back(definition.name);
  };
  for (const ArgInstruction& arg : dockerfile_.meta_args) add(arg);
  for (const Stage& stage : dockerfile_.stages) {
    for (const Instruction& instruction : stage.instructions) {
      if (const auto* arg = std::get_if<ArgInstruction>(&instruction)) add(*arg);
    }
  }
  return names;
}

void Lowering::WarnOfUnusedArgs() const {
  static constexpr std::string_view kAlwaysKnown[] = {
      "HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY", "SOURCE_DATE_EPOCH", "BUILDKIT_INLINE_CACHE"};
  if (!options_.warn) return;
  std::set<std::string_view> told;
  for (const auto& [name, value] : options_.build_args) {
    std::string upper = name;
    std::transform(upper.begin(), upper.end(), upper.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    const bool known = used_args_.contains(name) || globals_.Get(name) || upper.starts_with("BUILDKIT_") ||
                       std::find(std::begin(kAlwaysKnown), std::end(kAlwaysKnown), upper) != std::end(kAlwaysKnown);
    if (known || !told.insert(name).second) continue;
    options_.warn(fmt::format("build arg '{}' is not used by any ARG of the stages that were built{}", name,
                              DidYouMean(name, DeclaredArgs())),
                  "");
  }
}

oci::Platform Lowering::PlatformOfImage(oci::Platform image) const {
  const oci::Platform& target = options_.target_platform;
  if (options_.platform_asked) {
    const bool same = image.os == target.os && image.architecture == target.architecture;
    image.os = target.os;
    image.architecture = target.architecture;
    if (!same || !target.variant.empty()) image.variant = target.variant;
    if (!same || !target.os_version.empty()) image.os_version = target.os_version;
  }
  return image.Normalized();
}

Result<Lowered> Lowering::Run() {
  if (dockerfile_.stages.empty()) {
    return InvalidArgument("{}: there is no FROM: a Dockerfile needs at least one stage",
                           dockerfile_.source->filename());
  }
  SLIPWAY_RETURN_IF_ERROR(MakeGlobals());
  SLIPWAY_RETURN_IF_ERROR(PlanStages());
  SLIPWAY_ASSIGN_OR_RETURN(const size_t target, Target());
  SLIPWAY_RETURN_IF_ERROR(links_.Check());
  SLIPWAY_RETURN_IF_ERROR(ResolveImages(target));
  if (options_.all_stages) {
    for (size_t i = 0; i < dockerfile_.stages.size(); ++i) SLIPWAY_RETURN_IF_ERROR(LowerStage(i).status());
  }
  SLIPWAY_ASSIGN_OR_RETURN(StageResult result, LowerStage(target));
  WarnOfUnusedArgs();

  for (BaseImage& base : bases_) base.runtime = result.base_image && base.reference == *result.base_image;
  for (const auto& [key, value] : options_.labels) result.image.config.labels[key] = value;
  result.image.platform = PlatformOfImage(result.image.platform);
  Lowered out;
  out.result = result.root;
  out.config = std::move(result.image);
  out.bases = std::move(bases_);
  out.base_layers = result.base_layers;
  return out;
}

}  // namespace

graph::VertexPtr ScratchVertex() {
  return graph::Make(graph::SourceOp{.chain = {}, .identity = Digest::Of("scratch"), .origin = {}}, {},
                     {.name = "scratch"});
}

graph::VertexPtr ImageVertex(const ResolvedImage& image) {
  Hasher identity;
  identity.Field("image");
  for (const layer::Key& key : image.chain) identity.Field(key);
  return graph::Make(graph::SourceOp{.chain = image.chain, .identity = identity.Finish(), .origin = image.digest}, {},
                     {.name = image.reference.ToString()});
}

Result<Lowered> Lower(const Context& ctx, const Dockerfile& dockerfile, const LowerOptions& options,
                      ImageResolver& resolver, ThreadPool& pool) {
  return Lowering(ctx, dockerfile, options, resolver, pool).Run();
}

}  // namespace slipway::dockerfile
