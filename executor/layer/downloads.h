// Downloads: blobs of registry layers on their way into the content store, each in one flight.
//
// A blob can be read while it comes. Its reader need not wait until it has reached the disk as well: that goes on
// behind, and who wants it from the store waits for it. Thread-safe; what is under way is finished when destroyed.
#pragma once

#include <functional>
#include <future>
#include <map>
#include <vector>

#include "executor/base/context.h"
#include "executor/base/flight.h"
#include "executor/base/guarded.h"
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

  /// Whether the blob is in the content store; waits while it is about to be.
  bool Has(const Digest& blob);
  /// Sees to it that a blob is in the content store, from the first place that gives it. NOT_FOUND without any.
  Status Ensure(const Context& ctx, const std::vector<Remote>& places, const VertexProgress& progress);
  /// Gives `use` the bytes of a blob as they come, and keeps them in the content store, also if `use` fails or does not
  /// read to the end. `use` is not called if another flight brings the blob: then it is there when this returns.
  Status Stream(const Context& ctx, const Remote& place, const VertexProgress& progress,
                const std::function<void(const ByteSource&)>& use);

 private:
  class Streamed;
  Status Fetched(const Context& ctx, const Remote& place, const VertexProgress& progress);

  content::Store& content_;
  const Fetch fetch_;
  Flight<bool> flights_;
  /// Of blobs that were read while they came.
  Guarded<std::map<Digest, std::shared_future<void>>> commits_;
};

}  // namespace slipway::layer
