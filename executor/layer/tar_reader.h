// Reading of a tar stream: headers and contents, one entry after the other.
//
// Knows ustar, pax (POSIX 2001), GNU's extensions (long names, numbers to base 256, all four sparse formats), star's
// prefix and the old V7 format, as Go's archive/tar does. Names are given byte for byte; decisions/0002-tar-reader.md
// says why that needs a reader of our own. Broken input is INVALID_ARGUMENT, an early end DATA_LOSS. Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "executor/base/status.h"
#include "executor/layer/decompress_ahead.h"
#include "executor/layer/tar_header.h"
#include "executor/layer/tar_sparse.h"
#include "executor/tree/entry.h"

namespace slipway::layer {

/// Bytes of a file and where they belong in it. What no chunk covers is zeros.
struct TarChunk {
  uint64_t offset = 0;
  std::string_view bytes;
};

class TarReader {
 public:
  /// `stream` must outlive the reader.
  explicit TarReader(AheadStream& stream) : stream_(stream) {}

  /// The next entry, passing over what is left of the one before; nothing at the end of the archive. Path and link are
  /// as the archive has them, not cleaned; `size` is that of the whole file, holes included.
  Result<std::optional<tree::Entry>> Next();
  /// The next bytes of the current entry; nothing at its end. Valid until the next call.
  Result<std::optional<TarChunk>> NextChunk();

 private:
  struct LongNames {
    std::string path;
    std::string link;
  };

  Result<std::string_view> ReadBlock();
  Result<std::string> ReadWhole(uint64_t size);
  Status SkipContent();
  Status CheckEnd();
  Status BeginContent(const TarHeader& header, const PaxHeader& pax, tree::Entry& entry);
  Status BeginSparse(const TarHeader& header, const PaxHeader& pax, tree::Entry& entry);
  Status ReadOldSparseMap(const TarHeader& header);
  Status ReadNewSparseMap();

  AheadStream& stream_;
  bool first_ = true;
  uint64_t stored_left_ = 0;  // bytes of the current entry's content that are still in the stream
  uint64_t padding_ = 0;      // after them
  SparseMap sparse_;          // of the current entry; one segment for what is not sparse
  size_t segment_ = 0;
  uint64_t segment_done_ = 0;
};

}  // namespace slipway::layer
