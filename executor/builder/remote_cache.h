// A build's caches in registries: those it may use, and those it is to export. What becomes of a failure is decided
// here: an import is worth a warning, an export is part of what was asked for.
#pragma once

#include <memory>
#include <vector>

#include "executor/base/context.h"
#include "executor/base/progress.h"
#include "executor/builder/builder.h"
#include "executor/cache/exporter.h"
#include "executor/image/exporter.h"
#include "executor/layer/store.h"
#include "executor/registry/registry.h"
#include "executor/solver/solver.h"

namespace slipway::builder {

/// What the solver is told of a request: for explanations, and whether its results are to be exported.
solver::SolveOptions SolveOptionsOf(const BuildRequest& request);

/// The caches of `request.cache_from` that can be read; each other one is a warning.
std::vector<std::shared_ptr<solver::CacheSource>> ImportCaches(const Context& ctx, const BuildRequest& request,
                                                               const registry::Session& session,
                                                               const std::vector<oci::Platform>& platforms,
                                                               layer::Store& layers, ProgressSink& progress);

/// Exports to all `request.cache_to`: inline records become part of `images`.
Status ExportCaches(const Context& ctx, const BuildRequest& request, const registry::Session& session,
                    cache::Exporter& exporter, const image::ExportOptions& options,
                    std::vector<solver::VertexResult> results, std::vector<image::PlatformImage>& images,
                    content::Lease* lease, ProgressSink& progress);

}  // namespace slipway::builder
