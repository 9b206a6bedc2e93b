// Archives behind an address as contexts. A body that is no archive but plain text is a Dockerfile, as docker
// has it, and the only file of its context, called "context".
// Internal to this folder.
#pragma once

#include "executor/base/context.h"
#include "executor/base/progress.h"
#include "executor/base/status.h"
#include "executor/content/store.h"
#include "executor/source/context_source.h"
#include "executor/source/http.h"
#include "executor/source/memo.h"

namespace slipway::source {

/// INVALID_ARGUMENT for a body that is neither; otherwise as HttpSource::Fetch.
Result<FetchedContext> FetchTarball(const Context& ctx, HttpSource& http, content::Store& store, Memo& memo,
                                    const TarballContext& context, const Limits& limits,
                                    const VertexProgress& progress);

}  // namespace slipway::source
