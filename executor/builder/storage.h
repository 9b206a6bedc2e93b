// Storage: how much a builder keeps on its disk, and what goes when that is too much.
#pragma once

#include <cstdint>
#include <string>

#include "executor/base/context.h"
#include "executor/base/status.h"
#include "executor/builder/builder.h"
#include "executor/content/store.h"
#include "executor/layer/store.h"
#include "executor/ops/cache_mounts.h"
#include "executor/solver/cache.h"
#include "executor/source/fetcher.h"

namespace slipway::builder {

/// Thread-safe.
class Storage {
 public:
  /// All must outlive it.
  Storage(const Options& options, content::Store& content, layer::Store& layers, solver::CacheStore& cache,
          ops::CacheMounts& mounts, source::ContextFetcher& sources)
      : options_(options), content_(content), layers_(layers), cache_(cache), mounts_(mounts), sources_(sources) {}

  /// Frees space. Forgets the least recently used results and cache mounts, a quarter at a time, until what is kept
  /// fits the budget. Of very many records the oldest go in any case, and so do mirrors that are out of use (or in too
  /// many pieces).
  Status Collect(const Context& ctx);

  /// "1.2 GB of 10 GB".
  Result<std::string> Describe();

 private:
  uint64_t Budget() const;
  Result<uint64_t> HeldBytes();
  Status DropBlobs(const Context& ctx, uint64_t budget);

  const Options& options_;
  content::Store& content_;
  layer::Store& layers_;
  solver::CacheStore& cache_;
  ops::CacheMounts& mounts_;
  source::ContextFetcher& sources_;
};

}  // namespace slipway::builder
