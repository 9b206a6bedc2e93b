#include "executor/layer/compress.h"

#include <libdeflate.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>

#include <isa-l.h>

#include "executor/layer/block_library.h"
#include "executor/layer/dense_codec.h"

namespace slipway::layer {

namespace {

constexpr size_t kGzipBlock = 512U << 10;
constexpr size_t kZstdBlock = 4U << 20;
/// No level of one codec: see MixedCodec. Levels that are asked for are 1 to 9.
constexpr int kGzipDefault = 0;
constexpr int kGzipFast = 1;
constexpr size_t kGzipDictionary = 32U << 10;
constexpr int kZstdDefault = 3;
constexpr int kZstdFast = 1;
constexpr int kIsalHighest = 3;
/// Above this zstd's memory grows faster than what it gains on blocks of this size.
constexpr int kZstdHighest = 19;

const unsigned char* Bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* Bytes(char* data) { return reinterpret_cast<unsigned char*>(data); }
// The libraries' structures point to input by a pointer to non-const, which they do not write through.
unsigned char* Input(std::string_view text) { return const_cast<unsigned char*>(Bytes(text)); }

/// Random bytes grow a little, by the headers of stored blocks; a sync flush adds five bytes.
size_t DeflateBound(size_t size) { return size + size / 8 + 4096; }

BlockCheck CheckOf(std::string_view block) { return {.crc = Crc32(block), .size = block.size()}; }

class IsalCodec : public BlockCodec {
 public:
  explicit IsalCodec(int level) : level_(static_cast<uint32_t>(level)), stream_(std::make_unique<isal_zstream>()) {
    // The medium buffer: a larger one makes longer deflate blocks, whose codes then fit binaries less well.
    const size_t sizes[] = {0, ISAL_DEF_LVL1_MEDIUM, ISAL_DEF_LVL2_MEDIUM, ISAL_DEF_LVL3_MEDIUM};
    level_buffer_.resize(sizes[level_]);
  }

  Result<BlockCheck> Compress(std::string_view dictionary, std::string_view block, ByteBuffer& out) override {
    out.Reserve(DeflateBound(block.size()));
    isal_zstream& z = *stream_;
    isal_deflate_init(&z);
    z.level = level_;
    z.level_buf = level_buffer_.data();
    z.level_buf_size = static_cast<uint32_t>(level_buffer_.size());
    z.flush = SYNC_FLUSH;
    if (!dictionary.empty() &&
        isal_deflate_set_dict(&z, Input(dictionary), static_cast<uint32_t>(dictionary.size())) != COMP_OK) {
      return Internal("compress a block: the dictionary was refused");
    }
    z.next_in = Input(block);
    z.avail_in = static_cast<uint32_t>(block.size());
    z.next_out = Bytes(out.data());
    z.avail_out = static_cast<uint32_t>(out.capacity());
    if (const int error = isal_deflate(&z); error != COMP_OK || z.avail_in != 0 || z.avail_out == 0) {
      return Internal("compress a block of {} bytes: deflate failed ({})", block.size(), error);
    }
    out.set_size(z.total_out);
    return CheckOf(block);
  }

 private:
  uint32_t level_;
  std::unique_ptr<isal_zstream> stream_;
  std::vector<uint8_t> level_buffer_;
};

/// The default of gzip. What compresses well is worth libdeflate's time; of what hardly does, ISA-L's fastest level
/// makes almost the same in a fraction of it. The beginning of a block tells which it is.
class MixedCodec : public BlockCodec {
 public:
  MixedCodec() : dense_(NewDenseCodec(kDenseLevel)), fast_(kGzipFast) {}

  Result<BlockCheck> Compress(std::string_view, std::string_view block, ByteBuffer& out) override {
    const std::string_view sample = block.substr(0, kSample);
    SLIPWAY_RETURN_IF_ERROR(fast_.Compress({}, sample, out).status());
    const bool hard = out.view().size() > sample.size() / 2;
    return hard ? fast_.Compress({}, block, out) : dense_->Compress({}, block, out);
  }

 private:
  static constexpr size_t kSample = 32U << 10;
  static constexpr int kDenseLevel = 2;
  std::unique_ptr<BlockCodec> dense_;
  IsalCodec fast_;
};

class ZlibCodec : public BlockCodec {
 public:
  explicit ZlibCodec(int level) {
    constexpr int kRawDeflate = -15;
    constexpr int kUsualMemory = 8;
    ready_ = deflateInit2(&z_, level, Z_DEFLATED, kRawDeflate, kUsualMemory, Z_DEFAULT_STRATEGY) == Z_OK;
  }
  ~ZlibCodec() override {
    if (ready_) deflateEnd(&z_);
  }
  ZlibCodec(const ZlibCodec&) = delete;
  ZlibCodec& operator=(const ZlibCodec&) = delete;

  Result<BlockCheck> Compress(std::string_view dictionary, std::string_view block, ByteBuffer& out) override {
    if (!ready_ || deflateReset(&z_) != Z_OK) return ResourceExhausted("compress a block: no memory for zlib");
    out.Reserve(DeflateBound(block.size()));
    if (!dictionary.empty() &&
        deflateSetDictionary(&z_, Bytes(dictionary), static_cast<uInt>(dictionary.size())) != Z_OK) {
      return Internal("compress a block: the dictionary was refused");
    }
    z_.next_in = Input(block);
    z_.avail_in = static_cast<uInt>(block.size());
    z_.next_out = Bytes(out.data());
    z_.avail_out = static_cast<uInt>(out.capacity());
    if (deflate(&z_, Z_SYNC_FLUSH) != Z_OK || z_.avail_in != 0 || z_.avail_out == 0) {
      return Internal("compress a block of {} bytes: deflate failed", block.size());
    }
    out.set_size(out.capacity() - z_.avail_out);
    return CheckOf(block);
  }

 private:
  z_stream z_{};
  bool ready_ = false;
};

class ZstdCodec : public BlockCodec {
 public:
  explicit ZstdCodec(int level) : context_(ZSTD_createCCtx(), ZSTD_freeCCtx) {
    if (context_ != nullptr) ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, level);
  }

  Result<BlockCheck> Compress(std::string_view, std::string_view block, ByteBuffer& out) override {
    if (context_ == nullptr) return ResourceExhausted("compress a block: no memory for zstd");
    out.Reserve(ZSTD_compressBound(block.size()));
    const size_t size = ZSTD_compress2(context_.get(), out.data(), out.capacity(), block.data(), block.size());
    if (ZSTD_isError(size) != 0) return Internal("compress a block: {}", ZSTD_getErrorName(size));
    out.set_size(size);
    return CheckOf(block);
  }

 private:
  std::unique_ptr<ZSTD_CCtx, size_t (*)(ZSTD_CCtx*)> context_;
};

void AppendLittleEndian32(std::string& out, uint32_t value) {
  for (int i = 0; i < 4; ++i, value >>= 8) out.push_back(static_cast<char>(value & 0xff));
}

int LevelOf(oci::Compression compression, int level, Effort effort) {
  const bool zstd = compression == oci::Compression::kZstd;
  if (level >= 0) return std::clamp(level, 1, zstd ? kZstdHighest : Z_BEST_COMPRESSION);
  if (effort == Effort::kFast) return zstd ? kZstdFast : kGzipFast;
  return zstd ? kZstdDefault : kGzipDefault;
}

}  // namespace

uint32_t Crc32(std::string_view bytes) { return crc32_gzip_refl(0, Bytes(bytes), bytes.size()); }

StreamFormat::StreamFormat(oci::Compression compression, int level, Effort effort)
    : compression_(compression), by_default_(level < 0), level_(LevelOf(compression, level, effort)) {}

size_t StreamFormat::block_size() const { return compression_ == oci::Compression::kZstd ? kZstdBlock : kGzipBlock; }

size_t StreamFormat::dictionary_size() const {
  return compression_ == oci::Compression::kGzip && !by_default_ ? kGzipDictionary : 0;
}

std::unique_ptr<BlockCodec> StreamFormat::NewCodec() const {
  if (compression_ == oci::Compression::kZstd) return std::make_unique<ZstdCodec>(level_);
  if (level_ == kGzipDefault) return std::make_unique<MixedCodec>();
  if (level_ <= kIsalHighest) return std::make_unique<IsalCodec>(level_);
  return std::make_unique<ZlibCodec>(level_);
}

std::string StreamFormat::Name() const {
  if (!compresses() || dictionary_size() > 0) return "";
  // With the libraries' versions: a new one may make other bytes, and a blob should be of one kind.
  if (compression_ == oci::Compression::kZstd) return fmt::format("zstd {} {}", level_, ZSTD_versionString());
  return fmt::format("gzip {} {} {:x}", level_, LIBDEFLATE_VERSION_STRING, ISAL_VERSION);
}

std::string StreamFormat::Header() const {
  if (compression_ != oci::Compression::kGzip) return "";
  // Magic, deflate, no flags, no time, no hint of the level, unknown system: as Go writes it.
  return std::string("\x1f\x8b\x08\0\0\0\0\0\0\xff", 10);
}

void StreamFormat::Add(const BlockCheck& check) {
  crc_ = static_cast<uint32_t>(::crc32_combine(crc_, check.crc, static_cast<z_off_t>(check.size)));
  size_ += check.size;
}

std::string StreamFormat::Trailer() const {
  if (compression_ == oci::Compression::kZstd && size_ == 0) {
    return std::string("\x28\xb5\x2f\xfd\x20\x00\x01\x00\x00", 9);  // a frame of no bytes
  }
  if (compression_ != oci::Compression::kGzip) return "";
  std::string out("\x03\x00", 2);  // a final deflate block with nothing in it
  AppendLittleEndian32(out, crc_);
  AppendLittleEndian32(out, static_cast<uint32_t>(size_));
  return out;
}

}  // namespace slipway::layer
