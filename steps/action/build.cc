// The build step: an image out of a Dockerfile, kept for later steps.
#include "steps/action/action.h"

namespace slipway::action {

namespace {

class BuildAction : public Action {
 public:
  explicit BuildAction(const task::BuildStep& step) : step_(step) {}

  Status Run(const Context& ctx, Environment& environment) override {
    SLIPWAY_ASSIGN_OR_RETURN(builder::BuiltImage built,
                             environment.builder.Build(ctx, step_.request, environment.progress));
    if (step_.request.check_only) return Status();
    const auto image = std::make_shared<const builder::BuiltImage>(std::move(built));
    Record(*image, environment);
    Digest digest;
    if (step_.assemble) {
      SLIPWAY_ASSIGN_OR_RETURN(const builder::ImageInfo info,
                               environment.builder.Assemble(ctx, *image, environment.progress));
      digest = info.manifest.digest;
      environment.report.digest = digest;
    }
    for (const oci::Reference& name : step_.request.names) {
      environment.images[name.ToString()] = image;
      environment.report.outputs.push_back(
          {.build = environment.report.builds.size() - 1, .name = name, .digest = digest, .pushed = false});
    }
    return Status();
  }

 private:
  static void Record(const builder::BuiltImage& image, Environment& environment) {
    Report& report = environment.report;
    report.vertices += image.summary.vertices;
    report.cached += image.summary.cached;
    if (!image.revision.empty()) report.revision = image.revision;
    report.builds.push_back({.step = environment.step, .revision = image.revision, .bases = image.bases});
  }

  const task::BuildStep& step_;
};

}  // namespace

std::unique_ptr<Action> MakeBuildAction(const task::BuildStep& step) { return std::make_unique<BuildAction>(step); }

}  // namespace slipway::action
