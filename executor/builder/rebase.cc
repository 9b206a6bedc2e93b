#include "executor/builder/rebase.h"

#include <algorithm>

#include "executor/base/log.h"
#include "executor/builder/epoch.h"
#include "executor/builder/image_resolver.h"
#include "executor/builder/request_options.h"
#include "executor/dockerfile/parse.h"

namespace slipway::builder {

namespace {

const dockerfile::BaseImage* RuntimeBase(const dockerfile::Lowered& lowered) {
  const auto found =
      std::find_if(lowered.bases.begin(), lowered.bases.end(), [](const auto& base) { return base.runtime; });
  return found == lowered.bases.end() ? nullptr : &*found;
}

graph::VertexPtr ChainVertex(const layer::Chain& chain) {
  Hasher identity;
  identity.Field("image");
  for (const layer::Key& key : chain) identity.Field(key);
  return graph::Make(graph::SourceOp{.chain = chain, .identity = identity.Finish(), .origin = {}}, {},
                     {.name = "the image so far"});
}

// Answers as the build was answered, but for the base, which is looked up anew.
class ReplayedImages : public dockerfile::ImageResolver {
 public:
  ReplayedImages(const RebasePlan& plan, const registry::Session& session, dockerfile::ImageResolver& now)
      : plan_(plan), session_(session), now_(now) {}

  Result<dockerfile::ResolvedImage> Resolve(const Context& ctx, const std::string& name,
                                            const oci::Platform& platform) override {
    SLIPWAY_ASSIGN_OR_RETURN(const oci::Reference reference, oci::Reference::Parse(name));
    const std::string full = reference.ToString();
    if (full == plan_.base) return now_.Resolve(ctx, name, platform);
    const auto source = std::find_if(plan_.sources.begin(), plan_.sources.end(), [&](const RebasePlan::Source& one) {
      return one.reference == full && one.platform == platform.ToString();
    });
    if (source == plan_.sources.end()) {
      return FailedPrecondition("image '{}' was no part of the last build", reference.Familiar());
    }
    SLIPWAY_ASSIGN_OR_RETURN(const registry::Document document, session_.Resolve(ctx, reference));
    if (document.descriptor.digest != source->digest) {
      return FailedPrecondition("image '{}', which a stage is made from, has changed too", reference.Familiar());
    }
    dockerfile::ResolvedImage out;
    out.reference = reference;
    out.digest = source->digest;
    SLIPWAY_ASSIGN_OR_RETURN(out.config, oci::ImageConfig::Parse(source->config));
    out.chain = source->chain;
    return out;
  }

 private:
  const RebasePlan& plan_;
  const registry::Session& session_;
  dockerfile::ImageResolver& now_;
};

// What to keep of a platform's image; positions and definitions only, the blobs are known after the push.
Result<RebasePlan::Image> IndependentLayers(const dockerfile::Lowered& lowered, const image::PlatformImage& image) {
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<graph::VertexPtr> over, OverBase(lowered.result));
  if (image.chain.size() != image.base_layers + over.size()) {
    return Internal("the image has {} layers over its base and {} instructions", image.chain.size() - image.base_layers,
                    over.size());
  }
  RebasePlan::Image out;
  out.platform = image.platform;
  out.over_base = over.size();
  for (size_t i = 0; i < over.size(); ++i) {
    if (!IsLinked(*over[i])) continue;
    RebasePlan::Layer& layer = out.layers.emplace_back();
    layer.definition = OwnDefinition(*over[i]);
    layer.position = i;
    layer.key = image.chain[image.base_layers + i];
  }
  return out;
}

Result<RebasePlan> MakePlan(const BuildRequest& request, const BuildContext& context,
                            const std::vector<dockerfile::Lowered>& lowered, const BuiltImage::Impl& built,
                            std::vector<RebasePlan::Source> looked_up) {
  if (std::string why = WhyBuild(request); !why.empty()) return FailedPrecondition("{}", why);
  const dockerfile::BaseImage* base = RuntimeBase(lowered.front());
  if (base == nullptr) return FailedPrecondition("the image stands on no image of a registry");
  RebasePlan plan;
  plan.dockerfile_name = context.dockerfile_name();
  plan.dockerfile_text = context.dockerfile_text();
  plan.context = tree::DigestOf(context.visible());
  plan.revision = context.revision();
  plan.commit_time = context.commit_time();
  plan.settings = LayerSettings(request, built.options.epoch);
  plan.base = base->reference.ToString();
  plan.base_digest = base->digest;
  for (RebasePlan::Source& source : looked_up) {
    if (source.reference != plan.base) plan.sources.push_back(std::move(source));
  }
  for (size_t i = 0; i < lowered.size(); ++i) {
    SLIPWAY_ASSIGN_OR_RETURN(RebasePlan::Image image, IndependentLayers(lowered[i], built.images[i]));
    plan.images.push_back(std::move(image));
  }
  return plan;
}

void TellWhatChanges(const RebasePlan& plan, const BuiltImage& built, const VertexProgress& progress) {
  for (const BuiltImage::Base& base : built.bases) {
    if (!base.runtime) continue;
    progress.Note(fmt::format("base {}: {} -> {}", base.reference.Familiar(), plan.base_digest.ToString(),
                              base.digest.ToString()));
  }
  for (const image::PlatformImage& image : built.impl->images) {
    progress.Note(fmt::format("{}: {} layers of the base, {} of the image", image.platform.ToString(),
                              image.base_layers, image.chain.size() - image.base_layers));
  }
}

}  // namespace

Result<dockerfile::ResolvedImage> NotedImages::Resolve(const Context& ctx, const std::string& name,
                                                       const oci::Platform& platform) {
  auto image = images_.Resolve(ctx, name, platform);
  if (!image.ok()) return image;
  const std::string reference = image->reference.ToString();
  const std::lock_guard lock(mutex_);
  const bool known = std::any_of(noted_.begin(), noted_.end(), [&](const RebasePlan::Source& one) {
    return one.reference == reference && one.platform == platform.ToString();
  });
  if (!known) {
    noted_.push_back({.reference = reference,
                      .platform = platform.ToString(),
                      .digest = image->digest,
                      .config = image->config.ToJson(),
                      .chain = image->chain});
  }
  return image;
}

std::vector<RebasePlan::Source> NotedImages::Take() {
  const std::lock_guard lock(mutex_);
  return std::move(noted_);
}

RebaseDraft Rebaser::Draft(const BuildRequest& request, const BuildContext& context,
                           const std::vector<dockerfile::Lowered>& lowered, const BuiltImage::Impl& built,
                           std::vector<RebasePlan::Source> looked_up) {
  RebaseDraft draft{.key = request.rebase_key, .plan = {}};
  Result<RebasePlan> plan = MakePlan(request, context, lowered, built, std::move(looked_up));
  if (plan.ok()) {
    draft.plan = *std::move(plan);
  } else {
    draft.plan.refusal = plan.status().message();
  }
  return draft;
}

void Rebaser::Keep(const RebaseDraft& draft, const image::Documents& documents,
                   const registry::Repository& where) const {
  RebasePlan plan = draft.plan;
  for (size_t i = 0; i < plan.images.size() && i < documents.platforms.size(); ++i) {
    const std::vector<oci::Descriptor>& blobs = documents.platforms[i].manifest.layers;
    const auto config = oci::ImageConfig::Parse(documents.platforms[i].config_json);
    if (!config.ok()) return spdlog::error("a config that was just made: {}", config.status().message());
    // From the top, since how many layers the base has is no part of the plan.
    for (RebasePlan::Layer& layer : plan.images[i].layers) {
      const size_t at = blobs.size() - plan.images[i].over_base + layer.position;
      layer.blob = blobs[at];
      layer.diff_id = config->diff_ids[at];
      if (const auto created = parts_.layers.Created(layer.key); created && layer.created == SystemTime()) {
        layer.created = *created;
      }
      layer.host = where.host;
      layer.repository = where.name;
    }
  }
  if (const Status status = parts_.plans.Put(draft.key, plan); !status.ok()) {
    spdlog::warn("nothing is kept for a later rebase: {}", status.message());
  }
}

/// One rebase under way.
struct Rebaser::Work {
  const BuildRequest& request;
  const RebasePlan& plan;
  const registry::Session session;
  ProgressSink& sink;
  const VertexProgress progress;
  BuiltImage built = {};
};

// The layer in whichever form it is known: as it was made here, or else as it lies in its repository.
Result<layer::Key> Rebaser::LayerOf(const Context& ctx, const RebasePlan::Layer& layer,
                                    const image::ExportOptions& options, const registry::Session& session) const {
  const layer::AssembleOptions assembly = image::AssemblyOf(options);
  const auto gives_the_blob = [&](const layer::Key& key) {
    const auto blob = parts_.layers.KnownBlob(key, assembly);
    return blob && blob->descriptor.digest == layer.blob.digest;
  };
  if (parts_.layers.Usable({layer.key}) && gives_the_blob(layer.key)) return layer.key;
  const registry::Repository where{layer.host, layer.repository};
  SLIPWAY_ASSIGN_OR_RETURN(const bool there, session.Exists(ctx, where, layer.blob.digest));
  if (!there) {
    return FailedPrecondition("layer {} is neither here nor in '{}' any more", layer.blob.digest.Short(),
                              where.ToString());
  }
  SLIPWAY_ASSIGN_OR_RETURN(layer::Key key, parts_.layers.AddRemote(layer.diff_id, {.descriptor = layer.blob,
                                                                                   .host = layer.host,
                                                                                   .repository = layer.repository}));
  if (gives_the_blob(key)) return key;
  return FailedPrecondition("layer {} is known in another compression", layer.diff_id.Short());
}

Status Rebaser::Assemble(const Context& ctx, const dockerfile::Lowered& lowered, const RebasePlan::Image& known,
                         Work& work) const {
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<graph::VertexPtr> over, OverBase(lowered.result));
  const graph::Vertex& base = over.empty() ? *lowered.result : *over.front()->inputs.front();
  image::PlatformImage image;
  image.chain = std::get<graph::SourceOp>(base.op).chain;
  image.config = lowered.config;
  image.base_layers = static_cast<size_t>(lowered.base_layers);
  image.platform = known.platform;
  RebasePlan::Image& kept = work.built.impl->rebase->plan.images.emplace_back();
  kept.platform = known.platform;
  kept.over_base = over.size();
  for (const graph::VertexPtr& vertex : over) {
    if (!IsLinked(*vertex)) {
      const graph::VertexPtr made =
          graph::Make(vertex->op, {ChainVertex(image.chain)},
                      {.name = vertex->name, .position = vertex->position, .platform = vertex->platform});
      SLIPWAY_ASSIGN_OR_RETURN(solver::Solved solved, parts_.solver.Solve(ctx, {made}, work.sink));
      image.chain = std::move(solved.roots.front().chain);
      image.made.emplace_back();
      work.built.impl->pins.push_back(parts_.layers.Hold(image.chain));
      continue;
    }
    const Digest definition = OwnDefinition(*vertex);
    const auto layer = std::find_if(known.layers.begin(), known.layers.end(),
                                    [&](const auto& one) { return one.definition == definition; });
    if (layer == known.layers.end()) {
      return FailedPrecondition(
          "line {}, '{}' is not what the last build did: the new base gives its words another "
          "meaning, what it copies was made on the base, or the task has changed",
          vertex->position.line, vertex->place.instruction);
    }
    work.built.impl->pins.push_back(parts_.layers.Hold({layer->key}));
    SLIPWAY_ASSIGN_OR_RETURN(layer::Key key, LayerOf(ctx, *layer, work.built.impl->options, work.session));
    kept.layers.push_back(*layer);
    kept.layers.back().position = image.made.size();
    image.chain.push_back(std::move(key));
    image.made.emplace_back(layer->created);
    ++work.built.summary.cached;
  }
  work.built.summary.vertices += static_cast<int>(over.size());
  work.built.impl->pins.push_back(parts_.layers.Hold(image.chain));
  work.built.impl->images.push_back(std::move(image));
  return Status();
}

Status Rebaser::LowerAll(const Context& ctx, Work& work) const {
  const BuildRequest& request = work.request;
  const RebasePlan& plan = work.plan;
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<NamedValue> arguments, ArgumentsWithEpoch(request, plan.commit_time));
  SLIPWAY_ASSIGN_OR_RETURN(work.built.impl->options, ExportOptionsOf(request, arguments));
  if (LayerSettings(request, work.built.impl->options.epoch) != plan.settings) {
    return FailedPrecondition("its layers are to be compressed or dated in another way than they were");
  }
  SLIPWAY_ASSIGN_OR_RETURN(
      const dockerfile::Dockerfile dockerfile,
      dockerfile::Parse(request.dockerfile_text.value_or(plan.dockerfile_text), plan.dockerfile_name));
  RegistryImages registry(work.session, parts_.layers, parts_.content, work.built.impl->lease, work.sink);
  ReplayedImages images(plan, work.session, registry);
  const graph::LentPtr lent = LentBy(request.inputs);
  for (const oci::Platform& platform : PlatformsOf(request)) {
    const auto known = std::find_if(plan.images.begin(), plan.images.end(),
                                    [&](const RebasePlan::Image& one) { return one.platform == platform; });
    if (known == plan.images.end()) return FailedPrecondition("it was not built for {}", platform.ToString());
    SLIPWAY_ASSIGN_OR_RETURN(dockerfile::LowerOptions options,
                             LowerOptionsOf(parts_.options, request, arguments, platform, lent));
    options.context = [&plan] {
      return graph::Make(graph::SourceOp{.chain = {}, .identity = plan.context, .origin = {}}, {},
                         {.name = "the context of the last build"});
    };
    SLIPWAY_ASSIGN_OR_RETURN(const dockerfile::Lowered lowered,
                             dockerfile::Lower(ctx, dockerfile, options, images, parts_.pool));
    const dockerfile::BaseImage* base = RuntimeBase(lowered);
    if (base == nullptr || base->reference.ToString() != plan.base) {
      return FailedPrecondition("it does not stand on '{}' any more", plan.base);
    }
    work.built.impl->rebase->plan.base_digest = base->digest;
    for (const dockerfile::BaseImage& one : lowered.bases) {
      AddBase({one.reference, one.digest, one.runtime}, work.built);
    }
    SLIPWAY_RETURN_IF_ERROR(Assemble(ctx, lowered, *known, work));
  }
  return Status();
}

Result<BuiltImage> Rebaser::Rebase(const Context& ctx, const registry::Session& session, const BuildRequest& request,
                                   ProgressSink& sink) const {
  if (std::string why = WhyBuild(request); !why.empty()) return FailedPrecondition("{}", why);
  SLIPWAY_ASSIGN_OR_RETURN(const std::optional<RebasePlan> plan, parts_.plans.Get(request.rebase_key));
  if (!plan) return FailedPrecondition("nothing is kept of an earlier build of it");
  if (!plan->refusal.empty()) return FailedPrecondition("{}", plan->refusal);
  const VertexProgress progress(&sink, "rebase", fmt::format("rebasing onto {}", plan->base));
  Work work{.request = request, .plan = *plan, .session = session, .sink = sink, .progress = progress};
  work.built.impl = std::make_shared<BuiltImage::Impl>();
  work.built.impl->access = request.access;
  SLIPWAY_ASSIGN_OR_RETURN(work.built.impl->lease, parts_.content.NewLease("a rebase"));
  work.built.revision = plan->revision;
  work.built.impl->rebase = std::make_shared<RebaseDraft>(RebaseDraft{.key = request.rebase_key, .plan = *plan});
  work.built.impl->rebase->plan.images.clear();
  progress.Started();
  const Status status = LowerAll(ctx, work);
  if (status.ok()) TellWhatChanges(*plan, work.built, progress);
  progress.Finished(status);
  SLIPWAY_RETURN_IF_ERROR(status);
  return std::move(work.built);
}

}  // namespace slipway::builder
