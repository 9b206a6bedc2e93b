// ImageBuild: one build from its request to an image whose layers are known but not assembled. Internal to this folder.
#pragma once

#include <optional>
#include <vector>

#include "executor/attest/options.h"
#include "executor/builder/build_context.h"
#include "executor/builder/built_image.h"
#include "executor/builder/dockerfile_checks.h"
#include "executor/builder/image_resolver.h"
#include "executor/builder/rebase_plan.h"
#include "executor/builder/rooms.h"
#include "executor/dockerfile/lower.h"
#include "executor/registry/registry.h"

namespace slipway::builder {

/// On the stack of who builds; one thread, one Run.
class ImageBuild {
 public:
  /// All must outlive it.
  ImageBuild(Rooms& rooms, const BuildRequest& request, ProgressSink& progress)
      : rooms_(rooms), request_(request), progress_(progress), checks_(progress) {}

  /// See Builder::Build.
  Result<BuiltImage> Run(const Context& ctx);

 private:
  Status Begin();
  Status LoadSource(const Context& ctx);
  Status LowerAll(const Context& ctx);
  Status LowerFor(const Context& ctx, const oci::Platform& platform, dockerfile::NamedContexts& contexts,
                  dockerfile::ImageResolver& images);
  Status Solve(const Context& ctx);
  void SendAhead(solver::SolveOptions& solve);
  Status Squash(const Context& ctx);
  Status Attest(const Context& ctx);

  Rooms& rooms_;
  const BuildRequest& request_;
  ProgressSink& progress_;
  BuiltImage built_;
  std::optional<registry::Session> session_;
  std::optional<RegistryImages> bases_;  // holds their layers until the solver does
  graph::LentPtr lent_;
  std::vector<oci::Platform> platforms_;
  std::optional<BuildContext> context_;
  std::vector<NamedValue> arguments_;  // of the request, with the epoch
  dockerfile::Dockerfile dockerfile_;
  DockerfileChecks checks_;                   // tells what was found, whatever comes of the build
  std::vector<graph::VertexPtr> roots_;       // by platform
  std::vector<attest::BuildFacts> facts_;     // by platform, where attestations are asked for
  std::vector<dockerfile::Lowered> lowered_;  // by platform, where a rebase is to be possible
  std::vector<RebasePlan::Source> looked_up_;
};

}  // namespace slipway::builder
