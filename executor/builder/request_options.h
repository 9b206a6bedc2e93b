// What a build request asks for, as the rooms below the builder take it: platforms, what is lent to steps, the options
// of the lowering and of the export. Free functions without state.
#pragma once

#include <vector>

#include "executor/base/status.h"
#include "executor/builder/builder.h"
#include "executor/dockerfile/lower.h"
#include "executor/graph/lent.h"
#include "executor/image/exporter.h"

namespace slipway::builder {

/// What is built, each platform once, in the order asked for.
std::vector<oci::Platform> PlatformsOf(const BuildRequest& request);

/// The build argument BUILDKIT_MULTI_PLATFORM: an index also for one platform.
Result<bool> WantsIndex(const BuildRequest& request);

/// The build argument BUILDKIT_CONTEXT_KEEP_GIT_DIR: a git context has its .git folder too.
bool KeepsGitDir(const BuildRequest& request);

/// What the client lends to the build's steps; null if nothing.
graph::LentPtr LentBy(const BuildInputs& inputs);

/// How the Dockerfile is lowered for one platform, but for context, named contexts and who is warned. `arguments` are
/// the request's, with the epoch.
Result<dockerfile::LowerOptions> LowerOptionsOf(const Options& options, const BuildRequest& request,
                                                const std::vector<NamedValue>& arguments, const oci::Platform& platform,
                                                const graph::LentPtr& lent);

/// How the image is written.
Result<image::ExportOptions> ExportOptionsOf(const BuildRequest& request, const std::vector<NamedValue>& arguments);

}  // namespace slipway::builder
