// Downloads: blobs of registry layers on their way into the content store, each once for all who want it.
//
// A blob can be read while it comes, by any number of readers. Thread-safe.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "executor/base/context.h"
#include "executor/base/guarded.h"
#include "executor/base/progress.h"
#include "executor/base/status.h"
#include "executor/content/store.h"
#include "executor/layer/archive.h"
#include "executor/layer/store.h"
#include "executor/layer/transfer.h"

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
  /// the way (also if `use` fails or does not read to the end); the other places are tried where that fails. The status
  /// of `use`, or why there are no bytes for it.
  Status Read(const Context& ctx, const std::vector<Remote>& places, const VertexProgress& progress, const Use& use);

  /// Bytes that readers were given so far.
  uint64_t bytes_read() const { return bytes_read_; }

 private:
  /// Counts what is read.
  ByteSource Counted(ByteSource source);
  /// The one that is under way, or a new one; null if the content store has the blob.
  std::shared_ptr<Transfer> Join(const Remote& place);
  std::optional<Status> ReadHere(const std::vector<Remote>& places, const Use& use);

  content::Store& content_;
  const Fetch fetch_;
  std::atomic<uint64_t> bytes_read_ = 0;
  Guarded<std::map<Digest, std::weak_ptr<Transfer>>> transfers_;
};

}  // namespace slipway::layer
