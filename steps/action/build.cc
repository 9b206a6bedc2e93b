// The build step: an image out of a Dockerfile, kept for later steps.
#include "executor/base/guarded.h"
#include "steps/action/action.h"

namespace slipway::action {

namespace {

/// Hands all on, and keeps what the cache did.
class CacheWatch : public ProgressSink {
 public:
  explicit CacheWatch(ProgressSink& to) : to_(to) {}
  void OnEvent(const ProgressEvent& event) override { to_.OnEvent(event); }
  void OnCacheStep(const CacheStep& step) override { steps_.Lock()->push_back(step); }
  std::vector<CacheStep> Take() { return std::move(*steps_.Lock()); }

 private:
  ProgressSink& to_;
  Guarded<std::vector<CacheStep>> steps_;
};

class BuildAction : public Action {
 public:
  explicit BuildAction(const task::Step& step) : step_(step), build_(std::get<task::BuildStep>(step.what)) {}

  Status Run(const Context& ctx, Environment& environment) override {
    environment.report = Report();
    builder::BuildRequest request = build_.request;
    request.local_images = environment.run.images();
    request.access = environment.run.access();
    if (request.network.empty() && (step_.network == "none" || step_.network == "host")) {
      request.network = step_.network;
    }
    builder::FolderContext folder;  // leased until the build has its own hold
    const bool from_workspace = !build_.context_folder.empty();
    if (from_workspace) {
      SLIPWAY_ASSIGN_OR_RETURN(folder, ReadFolder(ctx, environment, request));
    }
    CacheWatch watch(environment.progress);
    Result<builder::BuiltImage> result = Make(ctx, environment, request, watch);
    environment.report.cache_steps = watch.Take();
    SLIPWAY_ASSIGN_OR_RETURN(builder::BuiltImage built, std::move(result));
    if (request.check_only) return Status();
    if (from_workspace && built.revision.empty()) built.revision = environment.run.revision();
    const auto image = std::make_shared<const builder::BuiltImage>(std::move(built));
    Report& report = environment.report;
    Record(*image, report);
    Digest digest;
    if (build_.assemble) {
      SLIPWAY_ASSIGN_OR_RETURN(const builder::ImageInfo info,
                               environment.run.builder().Assemble(ctx, *image, environment.progress));
      digest = info.manifest.digest;
      report.digest = digest;
    }
    if (!build_.outputs.empty()) {
      report.kept = image;
      report.kept_outputs = build_.outputs;
    }
    for (const oci::Reference& name : build_.request.names) {
      environment.run.AddImage(name, image);
      report.outputs.push_back({.build = 0, .name = name, .digest = digest, .pushed = false});
    }
    return Status();
  }

 private:
  Result<builder::BuiltImage> Make(const Context& ctx, Environment& environment, const builder::BuildRequest& request,
                                   ProgressSink& progress) const {
    builder::Builder& builder = environment.run.builder();
    if (!build_.rebase) return builder.Build(ctx, request, progress);
    Result<builder::BuiltImage> rebased = builder.Rebase(ctx, request, progress);
    if (rebased.code() != Code::kFailedPrecondition) return rebased;
    Say(environment.progress, fmt::format("Not rebased, but built: {}", rebased.status().message()));
    return builder.Build(ctx, request, progress);
  }

  // The folder as it is now: earlier steps may have written into it.
  Result<builder::FolderContext> ReadFolder(const Context& ctx, Environment& environment,
                                            builder::BuildRequest& request) const {
    SLIPWAY_ASSIGN_OR_RETURN(builder::Workbench* const workbench, environment.run.Workbench(ctx));
    SLIPWAY_ASSIGN_OR_RETURN(builder::FolderContext folder,
                             workbench->ReadFolder(ctx, build_.context_folder, build_.dockerfile));
    request.context = folder.context;
    request.dockerfile_text = folder.dockerfile_text;
    request.dockerfile = build_.dockerfile;
    if (const std::string prefix = build_.context_folder + "/"; request.dockerfile.starts_with(prefix)) {
      request.dockerfile.erase(0, prefix.size());
    }
    return folder;
  }

  void Record(const builder::BuiltImage& image, Report& report) const {
    report.vertices += image.summary.vertices;
    report.cached += image.summary.cached;
    report.revision = image.revision;
    report.builds.push_back({.step = step_.id, .revision = image.revision, .bases = image.bases});
  }

  const task::Step& step_;
  const task::BuildStep& build_;
};

}  // namespace

std::unique_ptr<Action> MakeBuildAction(const task::Step& step) { return std::make_unique<BuildAction>(step); }

}  // namespace slipway::action
