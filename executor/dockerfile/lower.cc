#include "executor/dockerfile/lower.h"

#include <algorithm>
#include <set>

#include "executor/base/near_miss.h"
#include "executor/dockerfile/env.h"
#include "executor/dockerfile/lower_images.h"
#include "executor/dockerfile/lower_plan.h"
#include "executor/dockerfile/lower_stage.h"
#include "executor/dockerfile/stage_links.h"

namespace slipway::dockerfile {

namespace {

constexpr std::string_view kDefaultPathEnv = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

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

class Lowering {
 public:
  Lowering(const Context& ctx, const Dockerfile& dockerfile, const LowerOptions& options, ImageResolver& resolver,
           ThreadPool& pool)
      : dockerfile_(dockerfile),
        links_(dockerfile),
        options_(options),
        pool_(pool),
        images_(ctx, resolver, options.named_contexts),
        plans_(dockerfile, options, links_, images_) {}

  Result<Lowered> Run();

 private:
  std::string DisplayOf(size_t stage) const;
  void WantImages(size_t stage, std::set<size_t>& seen);
  Status ResolveImages();
  Result<ResolvedImage> Image(const std::string& name, const oci::Platform& platform);
  Status WithLaterStage(const std::string& name, const Status& status) const;

  Result<StageResult> LowerStage(size_t stage);
  Result<StageResult> BaseOfStage(size_t stage);
  Result<StageResult> FromContext(const std::string& context, StageResult base);
  Result<graph::VertexPtr> From(size_t stage, const std::string& name, bool by_index);
  Result<graph::VertexPtr> BuildContext();
  std::vector<std::string_view> DeclaredArgs() const;
  oci::Platform PlatformOfImage(oci::Platform image) const;
  void WarnOfUnusedArgs() const;

  const Dockerfile& dockerfile_;
  const StageLinks links_;
  const LowerOptions& options_;
  ThreadPool& pool_;
  BaseImages images_;
  StagePlans plans_;
  std::map<size_t, StageResult> lowered_;
  std::optional<graph::VertexPtr> context_;
  std::set<std::string> used_args_;  // by ARGs of the stages that were lowered
};

std::string Lowering::DisplayOf(size_t stage) const {
  const std::string& name = dockerfile_.stages[stage].name;
  if (!name.empty()) return name;
  return dockerfile_.stages.size() == 1 ? "" : fmt::format("stage-{}", stage);
}

// The images that a stage needs, as far as the text tells, so that they can be resolved side by side.
void Lowering::WantImages(size_t stage, std::set<size_t>& seen) {
  if (!seen.insert(stage).second) return;
  const StagePlan& plan = plans_.of(stage);
  if (!plan.replaced_by.empty()) return;
  const auto want = [this](const std::string& name, const oci::Platform& platform) {
    if (name != kScratch && images_.ContextFor(name, platform).empty()) images_.Want(name, platform);
  };
  if (plan.from_stage) {
    WantImages(*plan.from_stage, seen);
  } else {
    want(plan.base, plan.platform);
  }
  for (const FromName& from : StageLinks::FromsOf(dockerfile_.stages[stage])) {
    const auto other = links_.Find(from);
    if (!other.ok()) continue;  // told where it is used
    if (*other) {
      WantImages(**other, seen);
    } else {
      want(from.name, options_.target_platform);
    }
  }
}

Status Lowering::ResolveImages() {
  std::set<size_t> seen;
  WantImages(plans_.target(), seen);
  if (options_.all_stages) {
    for (size_t i = 0; i < dockerfile_.stages.size(); ++i) WantImages(i, seen);
  }
  return images_.ResolveWanted(pool_);
}

Result<ResolvedImage> Lowering::Image(const std::string& name, const oci::Platform& platform) {
  Result<ResolvedImage> image = images_.Image(name, platform);
  if (image.ok()) return image;
  const std::vector<std::string> names = StageNames(dockerfile_);
  const std::vector<std::string_view> views(names.begin(), names.end());
  const std::string hint = name.find_first_of("/:@") == std::string::npos ? DidYouMean(name, views) : "";
  return Status(image.code(), image.status().message() + hint);
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

// `base` is what a context that is no image stands on.
Result<StageResult> Lowering::FromContext(const std::string& context, StageResult base) {
  SLIPWAY_ASSIGN_OR_RETURN(NamedContext loaded, images_.LoadContext(context, base.platform));
  base.root = std::move(loaded.vertex);
  if (!loaded.image) return base;
  base.image = std::move(loaded.image->config);
  if (base.image.platform.os.empty()) base.image.platform = base.platform;
  base.base_layers = static_cast<int>(loaded.image->base_layers.value_or(loaded.image->chain.size()));
  if (loaded.from_registry) base.base_image = std::move(loaded.image->reference);
  return base;
}

Result<StageResult> Lowering::BaseOfStage(size_t stage) {
  const StagePlan& plan = plans_.of(stage);
  if (plan.from_stage) {
    SLIPWAY_ASSIGN_OR_RETURN(StageResult base, LowerStage(*plan.from_stage));
    GivePath(base);
    return base;
  }
  if (plan.base == kScratch) return EmptyBase(options_.target_platform);  // its --platform changes nothing
  const std::string context = images_.ContextFor(plan.base, plan.platform);
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
  plans_.Checks().BasePlatform(from, plan.base, plan.platform, image->config.platform);
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
  if (const StagePlan& plan = plans_.of(stage); !plan.replaced_by.empty()) {
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
  StageLowering::Place place{dockerfile_, dockerfile_.stages[stage], stage, DisplayOf(stage), plans_.of(stage).base};
  const FromLookup from = [this, stage](const std::string& name, bool by_index) { return From(stage, name, by_index); };
  StageLowering lowering(std::move(place), options_, plans_.globals(), std::move(base), from);
  SLIPWAY_ASSIGN_OR_RETURN(StageResult result, lowering.Run());
  used_args_.insert(lowering.used_args().begin(), lowering.used_args().end());
  lowered_.emplace(stage, result);
  return result;
}

Result<graph::VertexPtr> Lowering::From(size_t stage, const std::string& name, bool by_index) {
  if (name.empty()) return BuildContext();
  SLIPWAY_ASSIGN_OR_RETURN(const std::optional<size_t> other, links_.Find({name, by_index}));
  if (other && (*other < stage || !plans_.of(*other).replaced_by.empty())) {
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
  if (const std::string context = images_.ContextFor(name, target); !context.empty()) {
    SLIPWAY_ASSIGN_OR_RETURN(NamedContext loaded, images_.LoadContext(context, target));
    return loaded.vertex != nullptr ? loaded.vertex : ScratchVertex();
  }
  SLIPWAY_ASSIGN_OR_RETURN(const ResolvedImage image, Image(name, target));
  return ImageVertex(image);
}

Result<graph::VertexPtr> Lowering::BuildContext() {
  if (!context_) {
    if (!options_.context) return FailedPrecondition("the build has no context to copy from");
    SLIPWAY_ASSIGN_OR_RETURN(context_, options_.context());
  }
  return *context_;
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
  for (const ArgInstruction& arg : dockerfile_.meta_args) {
    for (const ArgDefinition& definition : arg.args) told.insert(definition.name);  // what comes before FROM is used
  }
  for (const auto& [name, value] : options_.build_args) {
    std::string upper = name;
    std::transform(upper.begin(), upper.end(), upper.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    const bool known = used_args_.contains(name) || plans_.globals().Get(name) || upper.starts_with("BUILDKIT_") ||
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
  SLIPWAY_RETURN_IF_ERROR(plans_.Make());
  SLIPWAY_RETURN_IF_ERROR(links_.Check());
  SLIPWAY_RETURN_IF_ERROR(ResolveImages());
  if (options_.all_stages) {
    for (size_t i = 0; i < dockerfile_.stages.size(); ++i) SLIPWAY_RETURN_IF_ERROR(LowerStage(i).status());
  }
  SLIPWAY_ASSIGN_OR_RETURN(StageResult result, LowerStage(plans_.target()));
  WarnOfUnusedArgs();

  std::vector<BaseImage> bases = images_.TakeBases();
  for (BaseImage& base : bases) base.runtime = result.base_image && base.reference == *result.base_image;
  for (const auto& [key, value] : options_.labels) result.image.config.labels[key] = value;
  result.image.platform = PlatformOfImage(result.image.platform);
  Lowered out;
  out.result = result.root;
  out.config = std::move(result.image);
  out.bases = std::move(bases);
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
