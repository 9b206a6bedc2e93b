// Downloads: blobs of registry layers on their way into the content store, each in one flight.
//
// A blob can be read while it comes. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "executor/base/context.h"
#include "executor/base/flight.h"
#include "executor/base/progress.h"
#include "executor/base/status.h"
#include "executor/content/store.h"
#include "executor/layer/archive.h"
#include "executor/layer/store.h"

namespace slipway::layer {

class Downloads {
 public:
  /// `content` must outlive it.
  Downloads(content::Store& content, Fetch fetch) : content_(content), fetch_(std::move(fetch)) {}

  /// Sees to it that a blob is in the content store, from the first place that gives it. NOT_FOUND without any.
  Status Ensure(const Context& ctx, const std::vector<Remote>& places, const VertexProgress& progress);
  /// What reads a layer. It may be called again, after a registry has failed in the middle.
  using Use = std::function<Status(const ByteSource& source, oci::Compression compression)>;
  /// Reads a registry layer's blob: from the content store, or as it comes from the first of its places, and is kept on
  /// the way; the other places are tried where that fails. The status of `use`, or why there are no bytes for it.
  Status Read(const Context& ctx, const std::vector<Remote>& places, const VertexProgress& progress, const Use& use);
  /// Gives `use` the bytes of a blob as they come, and keeps them in the content store, also if `use` fails or does not
  /// read to the end. `use` is not called if another flight brings the blob: then it is there when this returns.
  Status Stream(const Context& ctx, const Remote& place, const VertexProgress& progress,
                const std::function<void(const ByteSource&)>& use);

 private:
  class Streamed;
  Result<std::unique_ptr<content::Ingest>> Begin(const Remote& place);
  std::optional<Status> ReadHere(const std::vector<Remote>& places, const Use& use);
  Status Fetched(const Context& ctx, const Remote& place, const VertexProgress& progress);

  content::Store& content_;
  const Fetch fetch_;
  Flight<bool> flights_;
};

}  // namespace slipway::layer
