// Indexes: the tables of layers' entries, each from the cheapest place that has it.
//
// In memory, or in the content store, or found by whoever is unpacking the layer, or made by reading it. What was made
// is recorded a second later, when nobody waits for it: without it the index is made again. Thread-safe.
#pragma once

#include <utility>
#include <vector>

#include "executor/base/context.h"
#include "executor/base/delayed.h"
#include "executor/base/flight.h"
#include "executor/base/progress.h"
#include "executor/base/status.h"
#include "executor/content/store.h"
#include "executor/layer/archive.h"
#include "executor/layer/downloads.h"
#include "executor/layer/index_cache.h"
#include "executor/layer/schema.h"
#include "executor/layer/unpackings.h"

namespace slipway::layer {

/// A tree that the content store has, encoded.
Result<TreePtr> LoadTree(content::Store& content, const Digest& digest);

class Indexes {
 public:
  /// All must outlive it.
  Indexes(content::Store& content, Records& records, Downloads& downloads, Unpackings& unpackings,
          const ArchiveLimits& limits)
      : content_(content), records_(records), downloads_(downloads), unpackings_(unpackings), limits_(limits) {}

  /// Whether it takes neither a download nor a decompression.
  bool AtHand(const Key& key);
  /// Equal requests at one time are one.
  Result<TreePtr> Get(const Context& ctx, const Key& key, const VertexProgress& progress) {
    return GetAfter(ctx, key, UnpackingsOf(key), progress);
  }
  /// The same for who unpacks a layer above in that chain.
  Result<TreePtr> GetBelow(const Context& ctx, const Chain& chain, size_t position, const VertexProgress& progress) {
    return GetAfter(ctx, chain.at(position), UnpackingOf(chain, position), progress);
  }
  /// The entries of a recipe, which is in the content store as it is.
  void HoldRecipe(const Key& key, TreePtr tree) { cache_.Add(key, std::move(tree)); }
  /// The index of a layer that was read for something else.
  void Found(const LayerRow& row, TreePtr tree);

 private:
  /// `unpacking`: the names, or how they begin, of what may be waited for.
  Result<TreePtr> GetAfter(const Context& ctx, const Key& key, const std::string& unpacking,
                           const VertexProgress& progress);
  /// Null if it gave way to an unpacking.
  Result<TreePtr> Make(const Context& ctx, const LayerRow& row, const std::string& unpacking,
                       const VertexProgress& progress);
  Result<TreePtr> Read(const Context& ctx, const LayerRow& row, const std::string& unpacking,
                       const VertexProgress& progress);
  Status Save(const Key& key, const TreePtr& tree);
  void SaveAll(const std::vector<std::pair<Key, TreePtr>>& indexes);

  content::Store& content_;
  Records& records_;
  Downloads& downloads_;
  Unpackings& unpackings_;
  const ArchiveLimits limits_;
  IndexCache cache_;
  Flight<TreePtr> flights_;
  Delayed<std::pair<Key, TreePtr>> unsaved_{"save indexes", std::chrono::seconds(1), [this](const auto& indexes) {
                                              SaveAll(indexes);
                                            }};  // last: uses the others
};

}  // namespace slipway::layer
