// What the cache did for the steps of a run, as text: a table and JSON. Free functions.
#pragma once

#include <string>

#include "slipway/v1/cache.pb.h"

namespace slipway::cli {

namespace v1 = ::slipway::v1;

/// One row a step under STEP, CACHE, WHY: the first thing that differs from the nearest earlier build.
std::string CacheTable(const v1::GetRunCacheResponse& cache);
/// An array, a step each, with outcomes and causes by their short names ("hit", "miss", "file").
std::string CacheJson(const v1::GetRunCacheResponse& cache);

}  // namespace slipway::cli
