#include "executor/layer/dense_codec.h"

#include <libdeflate.h>
#include <zlib.h>

#include <isa-l/crc.h>

namespace slipway::layer {

namespace {

/// What an empty stored block and the bits before it take at most.
constexpr size_t kEndSize = 6;
// Bits of z_stream::data_type after inflate(Z_BLOCK).
constexpr int kUnusedBits = 7;
constexpr int kInLastBlock = 64;
constexpr int kAtBoundary = 128;

const unsigned char* Bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

// Positions in bits.
struct LastBlock {
  size_t begin = 0;
  size_t end = 0;
};

class DenseCodec : public BlockCodec {
 public:
  explicit DenseCodec(int level) : compressor_(libdeflate_alloc_compressor(level), libdeflate_free_compressor) {
    constexpr int kRawDeflate = -15;
    ready_ = inflateInit2(&z_, kRawDeflate) == Z_OK;
  }
  ~DenseCodec() override {
    if (ready_) inflateEnd(&z_);
  }
  DenseCodec(const DenseCodec&) = delete;
  DenseCodec& operator=(const DenseCodec&) = delete;

  Result<BlockCheck> Compress(std::string_view, std::string_view block, ByteBuffer& out) override {
    if (compressor_ == nullptr || !ready_) return ResourceExhausted("compress a block: no memory for the codec");
    const size_t bound = libdeflate_deflate_compress_bound(compressor_.get(), block.size());
    out.Reserve(bound + kEndSize);
    const size_t size = libdeflate_deflate_compress(compressor_.get(), block.data(), block.size(), out.data(), bound);
    if (size == 0) return Internal("compress a block of {} bytes: deflate failed", block.size());
    SLIPWAY_ASSIGN_OR_RETURN(const LastBlock last, FindLast({out.data(), size}, block.size()));
    char& first_byte = out.data()[last.begin / 8];
    first_byte = static_cast<char>(static_cast<unsigned char>(first_byte) & ~(1U << (last.begin % 8)));
    out.set_size(End(out.data(), last.end));
    return BlockCheck{.crc = crc32_gzip_refl(0, Bytes(block), block.size()), .size = block.size()};
  }

 private:
  Result<LastBlock> FindLast(std::string_view stream, size_t size) {
    plain_.Reserve(size + 1);
    if (inflateReset(&z_) != Z_OK) return Internal("compress a block: zlib cannot be used again");
    z_.next_in = const_cast<unsigned char*>(Bytes(stream));  // which is not written through
    z_.avail_in = static_cast<uInt>(stream.size());
    z_.next_out = reinterpret_cast<unsigned char*>(plain_.data());
    z_.avail_out = static_cast<uInt>(size + 1);
    LastBlock last;
    while (inflate(&z_, Z_BLOCK) == Z_OK) {
      if ((z_.data_type & kAtBoundary) == 0) break;
      const size_t at = z_.total_in * 8 - static_cast<size_t>(z_.data_type & kUnusedBits);
      if ((z_.data_type & kInLastBlock) == 0) {
        last.begin = at;
        continue;
      }
      last.end = at;
      if (z_.total_out != size) break;
      return last;
    }
    return Internal("compress a block of {} bytes: it does not read back", size);
  }

  // An empty stored block from bit `at` on: three bits of 0, zeros up to the next byte, a length of 0. The new size.
  static size_t End(char* out, size_t at) {
    size_t bytes = (at + 7) / 8;
    const size_t room = bytes * 8 - at;
    if (room > 0) {
      char& last = out[bytes - 1];
      last = static_cast<char>(static_cast<unsigned char>(last) & (0xffU >> room));
    }
    if (room < 3) out[bytes++] = 0;
    for (const char byte : {'\x00', '\x00', '\xff', '\xff'}) out[bytes++] = byte;
    return bytes;
  }

  std::unique_ptr<libdeflate_compressor, void (*)(libdeflate_compressor*)> compressor_;
  z_stream z_{};
  bool ready_ = false;
  ByteBuffer plain_;
};

}  // namespace

std::unique_ptr<BlockCodec> NewDenseCodec(int level) { return std::make_unique<DenseCodec>(level); }

}  // namespace slipway::layer
