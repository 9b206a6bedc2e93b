#include "executor/layer/dense_codec.h"

#include <libdeflate.h>

#include <algorithm>
#include <memory>

#include <isa-l.h>

namespace slipway::layer {

namespace {

/// What an empty stored block and the bits before it take at most.
constexpr size_t kEndSize = 6;
constexpr size_t kWindow = 32U << 10;

const unsigned char* Bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* Bytes(char* data) { return reinterpret_cast<unsigned char*>(data); }

// Positions in bits.
struct LastBlock {
  size_t begin = 0;
  size_t end = 0;
};

class DenseCodec : public BlockCodec {
 public:
  explicit DenseCodec(int level)
      : compressor_(libdeflate_alloc_compressor(level), libdeflate_free_compressor),
        inflater_(std::make_unique<inflate_state>()) {}

  Result<BlockCheck> Compress(std::string_view, std::string_view block, ByteBuffer& out) override {
    if (compressor_ == nullptr) return ResourceExhausted("compress a block: no memory for the codec");
    const size_t bound = libdeflate_deflate_compress_bound(compressor_.get(), block.size());
    out.Reserve(bound + kEndSize);
    const size_t size = libdeflate_deflate_compress(compressor_.get(), block.data(), block.size(), out.data(), bound);
    if (size == 0) return Internal("compress a block of {} bytes: deflate failed", block.size());
    SLIPWAY_ASSIGN_OR_RETURN(const LastBlock last, FindLast(Bytes(out.data()), size, block.size()));
    SetBit(Bytes(out.data()), last.begin, false);
    out.set_size(End(out.data(), last.end));
    return BlockCheck{.crc = crc32_gzip_refl(0, Bytes(block), block.size()), .size = block.size()};
  }

 private:
  static bool Bit(const unsigned char* stream, size_t at) { return (stream[at / 8] >> (at % 8) & 1) != 0; }
  static void SetBit(unsigned char* stream, size_t at, bool value) {
    const auto mask = static_cast<unsigned char>(1U << (at % 8));
    stream[at / 8] = static_cast<unsigned char>(value ? stream[at / 8] | mask : stream[at / 8] & ~mask);
  }

  // Where a deflate block ends only its inflation tells. Each begins with the bit that says whether it is the last:
  // with that set, inflation stops behind it, where the next one begins.
  Result<LastBlock> FindLast(unsigned char* stream, size_t stream_size, size_t plain_size) {
    plain_.Reserve(plain_size + 1);
    plain_.set_size(0);
    LastBlock last;
    while (true) {
      const bool is_last = Bit(stream, last.begin);
      SetBit(stream, last.begin, true);
      const size_t end = InflateOne(stream, stream_size, last.begin, plain_size + 1);
      SetBit(stream, last.begin, is_last);
      if (end == 0 || (is_last && plain_.view().size() != plain_size)) {
        return Internal("compress a block of {} bytes: it does not read back", plain_size);
      }
      if (is_last) {
        last.end = end;
        return last;
      }
      last.begin = end;
    }
  }

  // Adds what the block at bit `at` holds to plain_, up to `most` bytes there. The bit behind it; 0 if it is none.
  size_t InflateOne(unsigned char* stream, size_t size, size_t at, size_t most) {
    if (at / 8 >= size) return 0;
    const size_t done = plain_.view().size();
    const size_t window = std::min(done, kWindow);
    inflate_state& z = *inflater_;
    isal_inflate_init(&z);
    if (window > 0 && isal_inflate_set_dict(&z, Bytes(plain_.data()) + done - window, static_cast<uint32_t>(window))) {
      return 0;
    }
    // The bits of the first byte that are not of the block before.
    z.read_in = static_cast<uint64_t>(stream[at / 8] >> (at % 8));
    z.read_in_length = static_cast<int32_t>(8 - at % 8);
    z.next_in = stream + at / 8 + 1;
    z.avail_in = static_cast<uint32_t>(size - at / 8 - 1);
    z.next_out = Bytes(plain_.data()) + done;
    z.avail_out = static_cast<uint32_t>(most - done);
    if (isal_inflate(&z) != ISAL_DECOMP_OK || z.block_state != ISAL_BLOCK_FINISH) return 0;
    plain_.set_size(most - z.avail_out);
    return static_cast<size_t>(z.next_in - stream) * 8 - static_cast<size_t>(z.read_in_length);
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
  std::unique_ptr<inflate_state> inflater_;  // some 100 KiB
  ByteBuffer plain_;
};

}  // namespace

std::unique_ptr<BlockCodec> NewDenseCodec(int level) { return std::make_unique<DenseCodec>(level); }

}  // namespace slipway::layer
