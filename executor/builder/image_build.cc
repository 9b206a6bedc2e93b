#include "executor/builder/image_build.h"

#include <set>

#include "executor/builder/attestations.h"
#include "executor/builder/epoch.h"
#include "executor/builder/named_contexts.h"
#include "executor/builder/remote_cache.h"
#include "executor/builder/request_options.h"
#include "executor/dockerfile/parse.h"
#include "executor/image/squash.h"

namespace slipway::builder {

namespace {

/// The vertices whose layers are in the images: from each root down along what it stands on.
std::set<Digest> LayersOnTheWay(const std::vector<graph::VertexPtr>& roots) {
  std::set<Digest> out;
  for (const graph::VertexPtr& root : roots) {
    const graph::Vertex* at = root.get();
    while (std::holds_alternative<graph::ExecOp>(at->op) || std::holds_alternative<graph::FileOp>(at->op)) {
      out.insert(at->definition);
      if (at->inputs.empty()) break;
      at = at->inputs.front().get();
    }
  }
  return out;
}

}  // namespace

Result<BuiltImage> ImageBuild::Run(const Context& ctx) {
  SLIPWAY_RETURN_IF_ERROR(Begin());
  SLIPWAY_RETURN_IF_ERROR(LoadSource(ctx));
  SLIPWAY_RETURN_IF_ERROR(LowerAll(ctx));
  SLIPWAY_RETURN_IF_ERROR(checks_.Finish(request_));
  if (request_.check_only) return std::move(built_);
  SLIPWAY_ASSIGN_OR_RETURN(built_.impl->options, ExportOptionsOf(request_, arguments_));
  SLIPWAY_RETURN_IF_ERROR(Solve(ctx));
  if (!lowered_.empty()) {
    built_.impl->rebase = std::make_shared<RebaseDraft>(
        Rebaser::Draft(request_, *context_, lowered_, *built_.impl, std::move(looked_up_)));
  }
  if (request_.squash) SLIPWAY_RETURN_IF_ERROR(Squash(ctx));
  SLIPWAY_RETURN_IF_ERROR(Attest(ctx));
  return std::move(built_);
}

Status ImageBuild::Begin() {
  if (request_.attest.any() && request_.media_types != oci::Family::kOci) {
    return InvalidArgument("provenance and bill of materials are attached by OCI's media types only");
  }
  SLIPWAY_RETURN_IF_ERROR(WantsIndex(request_).status());
  built_.impl = std::make_shared<BuiltImage::Impl>();
  built_.impl->access = request_.access;
  session_ = rooms_.SessionFor(request_.access);
  SLIPWAY_ASSIGN_OR_RETURN(built_.impl->lease, rooms_.content->NewLease("a build"));
  lent_ = LentBy(request_.inputs);
  platforms_ = PlatformsOf(request_);
  return Status();
}

Status ImageBuild::LoadSource(const Context& ctx) {
  const Options& options = rooms_.options;
  SLIPWAY_ASSIGN_OR_RETURN(context_, BuildContext::Load(ctx, request_, lent_, rooms_.LentFolder(),
                                                        rooms_.GitLoginsFor(request_.access).get(), options.limits,
                                                        *rooms_.sources, *rooms_.layers, progress_));
  built_.revision = context_->revision();
  SLIPWAY_ASSIGN_OR_RETURN(arguments_, ArgumentsWithEpoch(request_, context_->commit_time()));
  const Status parsed = dockerfile::ParseInto(context_->dockerfile_text(), context_->dockerfile_name(), &dockerfile_);
  return checks_.Start(dockerfile_, parsed, request_);
}

Status ImageBuild::LowerAll(const Context& ctx) {
  bases_.emplace(*session_, *rooms_.layers, *rooms_.content, built_.impl->lease, progress_);
  LocalImages local(request_.local_images, *bases_);
  NotedImages images(local);
  BuildContexts contexts(request_.inputs.contexts, lent_,
                         {.sources = *rooms_.sources,
                          .layers = *rooms_.layers,
                          .lease = built_.impl->lease,
                          .images = images,
                          .limits = rooms_.options.limits,
                          .progress = progress_});
  for (const oci::Platform& platform : platforms_) {
    SLIPWAY_RETURN_IF_ERROR(LowerFor(ctx, platform, contexts, images));
  }
  looked_up_ = images.Take();
  return Status();
}

Status ImageBuild::LowerFor(const Context& ctx, const oci::Platform& platform, dockerfile::NamedContexts& contexts,
                            dockerfile::ImageResolver& images) {
  SLIPWAY_ASSIGN_OR_RETURN(dockerfile::LowerOptions options,
                           LowerOptionsOf(rooms_.options, request_, arguments_, platform, lent_));
  options.named_contexts = &contexts;
  options.context = [this] { return context_->Vertex(); };
  if (roots_.empty()) {  // for each further platform the same would be told
    options.warn = [this](std::string_view text, std::string_view detail) {
      VertexProgress(&progress_, "", "").Warning(text, detail);
    };
    checks_.Join(&options, request_, *context_);
  }
  SLIPWAY_ASSIGN_OR_RETURN(dockerfile::Lowered lowered,
                           dockerfile::Lower(ctx, dockerfile_, options, images, rooms_.io_pool));
  roots_.push_back(lowered.result);
  if (request_.attest.any()) facts_.push_back(FactsOf(request_, *context_, lowered, platform));
  built_.impl->images.push_back({.chain = {},
                                 .config = lowered.config,
                                 .base_layers = static_cast<size_t>(lowered.base_layers),
                                 .platform = platform,
                                 .attestations = {}});
  for (const dockerfile::BaseImage& base : lowered.bases) AddBase({base.reference, base.digest, base.runtime}, built_);
  if (!request_.rebase_key.empty()) lowered_.push_back(std::move(lowered));
  return Status();
}

Status ImageBuild::Solve(const Context& ctx) {
  BuiltImage::Impl& built = *built_.impl;
  solver::SolveOptions solve = SolveOptionsOf(request_);
  if (request_.push_follows && !request_.squash) SendAhead(solve);
  solve.sources = ImportCaches(ctx, request_, *session_, platforms_, *rooms_.layers, progress_);
  SLIPWAY_ASSIGN_OR_RETURN(solver::Solved solved, rooms_.solver->Solve(ctx, roots_, progress_, solve));
  for (size_t i = 0; i < roots_.size(); ++i) {
    built.images[i].chain = std::move(solved.roots[i].chain);
    built.pins.push_back(rooms_.layers->Hold(built.images[i].chain));
  }
  built_.summary = {solved.stats.vertices, solved.stats.cached};
  return ExportCaches(ctx, request_, *session_, *rooms_.cache_exporter, built.options, std::move(solved.results),
                      built.images, &built.lease, progress_);
}

void ImageBuild::SendAhead(solver::SolveOptions& solve) {
  BuiltImage::Impl& built = *built_.impl;
  std::set<registry::Repository> repositories;
  for (const oci::Reference& name : request_.names) repositories.insert(registry::Repository::Of(name));
  built.ahead = std::make_shared<image::PushAhead>(*rooms_.exporter, rooms_.io_pool, *session_, std::move(repositories),
                                                   built.options, &built.lease);
  solve.on_executed = [ahead = built.ahead.get(), own = LayersOnTheWay(roots_)](const graph::Vertex& vertex,
                                                                                const layer::Chain& chain) {
    if (own.contains(vertex.definition)) ahead->Offer(chain);
  };
}

Status ImageBuild::Squash(const Context& ctx) {
  const VertexProgress progress(&progress_, "squash", "squashing layers");
  progress.Started();
  Status status;
  for (image::PlatformImage& image : built_.impl->images) {
    auto squashed = image::Squash(ctx, *rooms_.layers, image, &built_.impl->lease, progress);
    status = squashed.status();
    if (!status.ok()) break;
    image = *std::move(squashed);
    built_.impl->pins.push_back(rooms_.layers->Hold(image.chain));
  }
  progress.Finished(status);
  return status;
}

Status ImageBuild::Attest(const Context& ctx) {
  for (size_t i = 0; i < facts_.size(); ++i) {
    image::PlatformImage& image = built_.impl->images[i];
    SLIPWAY_ASSIGN_OR_RETURN(image.attestations, rooms_.attester->Make(ctx, request_.attest, facts_[i], image,
                                                                       built_.impl->options.epoch, progress_));
  }
  return Status();
}

}  // namespace slipway::builder
