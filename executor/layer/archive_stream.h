// ArchiveStream: a tar archive from compressed bytes to entries, bounded by limits. What reading, indexing and
// unpacking share.
#pragma once

#include <functional>

#include "executor/base/context.h"
#include "executor/base/digest.h"
#include "executor/base/status.h"
#include "executor/layer/archive.h"
#include "executor/layer/decompress_ahead.h"
#include "executor/layer/tar_reader.h"
#include "executor/layer/tar_tree.h"

namespace slipway::layer {

class ArchiveStream {
 public:
  /// `source` and what `ctx` refers to must outlive the stream. `hash`: Finish() will be asked for the digest.
  ArchiveStream(const Context& ctx, const ByteSource& source, const ArchiveLimits& limits, HashBy hash,
                GzipSums sums = GzipSums::kChecked)
      : ctx_(ctx), stream_(ctx, source, hash, MostBytes(limits), sums), reader_(stream_) {}

  /// Calls `add` with each entry; meanwhile its content is what reader() gives next.
  Status ForEach(const std::function<Status(tree::Entry)>& add) {
    while (true) {
      SLIPWAY_RETURN_IF_ERROR(ctx_.Err());
      SLIPWAY_ASSIGN_OR_RETURN(std::optional<tree::Entry> entry, reader_.Next());
      if (!entry) return Status();
      SLIPWAY_RETURN_IF_ERROR(add(*std::move(entry)));
    }
  }

  /// INVALID_ARGUMENT for a compression that no media type of layers names. A stream of such a one may end before the
  /// blob does, and other builders and runtimes would not unpack it.
  Status CheckLayerCodec() {
    SLIPWAY_RETURN_IF_ERROR(stream_.Peek().status());  // detects it
    const Codec codec = stream_.codec();
    if (codec == Codec::kNone || codec == Codec::kGzip || codec == Codec::kZstd) return Status();
    return InvalidArgument(
        "it is compressed by {}, and layers are uncompressed or by gzip or zstd; build the image anew",
        CodecName(codec));
  }

  /// Reads what follows the archive. DATA_LOSS if `expected` is not empty and the stream has another digest.
  Status Finish(const Digest& expected) {
    SLIPWAY_ASSIGN_OR_RETURN(const Digest digest, stream_.Drain());
    if (expected.empty() || digest == expected) return Status();
    return DataLoss("the uncompressed layer is {}, not {}", digest, expected);
  }

  TarReader& reader() { return reader_; }

 private:
  /// Contents, headers (with long names and attributes), and some filling at the end.
  static uint64_t MostBytes(const ArchiveLimits& limits) {
    constexpr uint64_t kHeadersOfAnEntry = 4096;
    constexpr uint64_t kFilling = 64U << 20;
    return limits.max_total_bytes + limits.max_entries * kHeadersOfAnEntry + kFilling;
  }

  Context ctx_;
  AheadStream stream_;
  TarReader reader_;
};

}  // namespace slipway::layer
