// Storage: how much a builder keeps on its disk, and what goes when that is too much.
#pragma once

#include <cstdint>
#include <mutex>
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

  /// Frees what is over the budget. Mirrors that are out of use (or in too many pieces) go in any case.
  Status Collect(const Context& ctx);
  /// Forgets the least recently used results and cache mounts, a quarter at a time, until what is kept fits `budget`.
  /// Of very many records the oldest go in any case. One at a time: who comes second waits.
  Result<Pruned> Prune(const Context& ctx, uint64_t budget);

  /// "1.2 GB of 10 GB".
  Result<std::string> Describe();

 private:
  uint64_t Budget() const;
  Result<uint64_t> HeldBytes();
  Result<uint64_t> BesideContents();
  Status PruneTo(const Context& ctx, uint64_t budget);
  Status DropBlobs(const Context& ctx, uint64_t budget);

  const Options& options_;
  content::Store& content_;
  layer::Store& layers_;
  solver::CacheStore& cache_;
  ops::CacheMounts& mounts_;
  source::ContextFetcher& sources_;
  std::mutex turn_;
};

}  // namespace slipway::builder
