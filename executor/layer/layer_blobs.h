// LayerBlobs: layers as compressed blobs, as registries have them.
//
// A registry's layer is downloaded as it is; a recipe or a step's folder is assembled, once for each form asked for.
// Thread-safe.
#pragma once

#include <optional>

#include "executor/base/context.h"
#include "executor/base/flight.h"
#include "executor/base/progress.h"
#include "executor/base/status.h"
#include "executor/base/thread_pool.h"
#include "executor/content/store.h"
#include "executor/layer/assembler.h"
#include "executor/layer/downloads.h"
#include "executor/layer/indexes.h"
#include "executor/layer/schema.h"

namespace slipway::layer {

class LayerBlobs {
 public:
  /// What it works with; all of it must outlive it.
  struct Parts {
    content::Store& content;
    ThreadPool& pool;
    Records& records;
    Downloads& downloads;
    Indexes& indexes;
  };
  explicit LayerBlobs(const Parts& parts) : parts_(parts) {}

  // As Store's Blob and KnownBlob.
  Result<AssembledLayer> Get(const Context& ctx, const Key& key, const AssembleOptions& options, content::Lease* lease,
                             BlobSink* sink, const VertexProgress& progress);
  std::optional<AssembledLayer> Known(const Key& key, const AssembleOptions& options);

 private:
  Result<AssembledLayer> FromRegistry(const Context& ctx, const LayerRow& row, content::Lease* lease,
                                      const VertexProgress& progress);
  Result<AssembledLayer> AssembleNow(const Context& ctx, const LayerRow& row, const AssembleOptions& options,
                                     content::Lease* lease, BlobSink* sink, const VertexProgress& progress);
  /// The entries that are in the blob, and where their bytes are.
  Result<EntrySource> SourceOf(const Context& ctx, const LayerRow& row, const VertexProgress& progress);

  const Parts parts_;
  Flight<AssembledLayer> flights_;
};

}  // namespace slipway::layer
