// BlockLibrary: compressed blocks that were made before, so that a layer that is mostly like an earlier one is mostly
// copied.
//
// A block is known by a key over what it is made of: the format, the literal bytes (headers, padding) and, of files,
// which part of which content. Keys are made without reading the contents, so they cost nothing where nothing is found.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "executor/base/digest.h"
#include "executor/layer/compress.h"

namespace slipway::layer {

/// A block of a compressed blob.
struct PackedBlock {
  Digest key;
  uint64_t offset = 0;  ///< in the blob
  uint32_t size = 0;
  uint32_t crc = 0;  ///< of the compressed bytes
  BlockCheck plain;  ///< of what they hold
};

class BlockLibrary {
 public:
  virtual ~BlockLibrary() = default;
  /// Copies the compressed bytes of a block into `out` if there is one of this key whose bytes can still be read. The
  /// caller compares the checks. From any thread.
  virtual std::optional<PackedBlock> Find(const Digest& key, ByteBuffer& out) = 0;
};

/// CRC-32 as gzip has it.
uint32_t Crc32(std::string_view bytes);

}  // namespace slipway::layer
