// Import: records that another daemon exported, as a further source for the solver.
//
// Only the manifest and the records are fetched. A layer becomes known to the layer store, as one in the cache's
// repository, when a record with it is used, and its blob is fetched when something needs it.
#pragma once

#include <memory>

#include "executor/base/context.h"
#include "executor/base/status.h"
#include "executor/layer/store.h"
#include "executor/oci/platform.h"
#include "executor/oci/reference.h"
#include "executor/registry/registry.h"
#include "executor/solver/cache_source.h"

namespace slipway::cache {

/// Reads a cache, or the inline cache of an image (of one for each of `platforms` that it has). `layers` must outlive
/// the source. NOT_FOUND if there is no such thing or nothing in it, UNIMPLEMENTED for a cache of another builder,
/// INVALID_ARGUMENT and RESOURCE_EXHAUSTED for one that is malformed, else as the registry.
Result<std::shared_ptr<solver::CacheSource>> Import(const Context& ctx, const registry::Session& session,
                                                    const oci::Reference& ref,
                                                    const std::vector<oci::Platform>& platforms, layer::Store& layers);

}  // namespace slipway::cache
