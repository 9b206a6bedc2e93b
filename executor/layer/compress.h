// Compression of a stream in independent blocks, so that any number of threads can work on it and the bytes are the
// same.
//
//   gzip  one standard member: each block is a run of deflate blocks that ends on a byte (sync flush). By default
//         libdeflate or ISA-L makes it, by what it holds, and it stands for itself: equal blocks are equal bytes. On
//         request ISA-L (levels 1 to 3) or zlib; then it may refer to the 32 KiB before it, its dictionary.
//   zstd  one frame per block; frames may follow each other in a stream (RFC 8878, 3.1).
//   none  the bytes as they are.
//
// decisions/0001-compression.md has the figures behind the defaults.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "executor/base/status.h"
#include "executor/oci/manifest.h"

namespace slipway::layer {

/// A growing buffer that does not clear its memory.
class ByteBuffer {
 public:
  /// Makes room for `size` bytes in all; what is there may be lost.
  void Reserve(size_t size) {
    if (size > capacity_) {
      bytes_.reset(new char[size]);
      capacity_ = size;
    }
  }
  char* data() { return bytes_.get(); }
  size_t capacity() const { return capacity_; }
  void set_size(size_t size) { size_ = size; }
  std::string_view view() const { return {bytes_.get(), size_}; }

 private:
  std::unique_ptr<char[]> bytes_;
  size_t capacity_ = 0;
  size_t size_ = 0;
};

/// What Compress() says of a block beside its bytes; the trailer is made of all blocks' checks in order.
struct BlockCheck {
  uint32_t crc = 0;
  uint64_t size = 0;
};

/// Compresses one block at a time; not thread-safe, so each thread takes its own.
class BlockCodec {
 public:
  virtual ~BlockCodec() = default;
  /// `dictionary` is the end of the block before (empty for the first). `out` is overwritten.
  virtual Result<BlockCheck> Compress(std::string_view dictionary, std::string_view block, ByteBuffer& out) = 0;
};

/// How much time the compression of what compresses well is worth; see survey.h. Levels that are asked for take no
/// notice of it.
enum class Effort : uint8_t { kDense, kFast };

/// How a stream is cut, framed and compressed.
class StreamFormat {
 public:
  /// `level` -1 is the default; others are brought into the codec's range.
  StreamFormat(oci::Compression compression, int level, Effort effort = Effort::kDense);

  /// The most bytes of a block.
  size_t block_size() const;
  size_t dictionary_size() const;
  /// False where the blocks are the stream itself.
  bool compresses() const { return compression_ != oci::Compression::kNone; }
  std::unique_ptr<BlockCodec> NewCodec() const;
  /// Tells formats apart whose blocks differ; empty where a block's bytes depend on more than the block.
  std::string Name() const;

  /// What comes before the first block.
  std::string Header() const;
  /// Takes up the checks, in the order of the blocks.
  void Add(const BlockCheck& check);
  /// What comes after the last block. A stream without any block is an empty frame.
  std::string Trailer() const;

 private:
  oci::Compression compression_;
  bool by_default_;
  int level_;
  uint32_t crc_ = 0;
  uint64_t size_ = 0;
};

}  // namespace slipway::layer
