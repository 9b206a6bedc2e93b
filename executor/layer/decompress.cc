#include "executor/layer/decompress.h"

#include <archive.h>
#include <archive_entry.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <optional>
#include <vector>

#include <isa-l/igzip_lib.h>

namespace slipway::layer {

namespace {

constexpr size_t kInputSize = 64U << 10;  // with what comes out of it, it should stay near the processor
constexpr size_t kLongestMagic = 6;
/// The largest window that a zstd frame may ask for: what the format promises every decoder has (8 MiB) and
/// containerd's own limit is 128 MiB.
constexpr int kZstdLargestWindowLog = 27;

/// The compressed bytes, with those read to detect the codec put back in front.
class Input {
 public:
  explicit Input(const ByteSource& source) : source_(source), buffer_(kInputSize) {}

  /// Reads until at least `size` bytes are unread or the source ends.
  Result<std::string_view> Peek(size_t size) {
    while (!ended_ && unread().size() < size) SLIPWAY_RETURN_IF_ERROR(ReadMore());
    return unread();
  }
  /// Bytes that are unread, more of them if there were none; empty at the end.
  Result<std::string_view> Next() {
    if (begin_ == end_ && !ended_) SLIPWAY_RETURN_IF_ERROR(ReadMore());
    return unread();
  }
  void Consume(size_t size) { begin_ += size; }

 private:
  std::string_view unread() const { return {buffer_.data() + begin_, end_ - begin_}; }
  Status ReadMore() {
    if (begin_ > 0) {
      std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
      end_ -= begin_;
      begin_ = 0;
    }
    SLIPWAY_ASSIGN_OR_RETURN(const size_t got, source_(std::span(buffer_).subspan(end_)));
    end_ += got;
    ended_ = got == 0;
    return Status();
  }

  const ByteSource& source_;
  std::vector<char> buffer_;
  size_t begin_ = 0;
  size_t end_ = 0;
  bool ended_ = false;
};

class Reader {
 public:
  virtual ~Reader() = default;
  virtual Result<size_t> Read(std::span<char> out) = 0;
};

class PlainReader : public Reader {
 public:
  explicit PlainReader(Input& input) : input_(input) {}
  Result<size_t> Read(std::span<char> out) override {
    SLIPWAY_ASSIGN_OR_RETURN(const std::string_view in, input_.Next());
    const size_t size = std::min(in.size(), out.size());
    std::memcpy(out.data(), in.data(), size);
    input_.Consume(size);
    return size;
  }

 private:
  Input& input_;
};

std::string_view InflateError(int error) {
  switch (error) {
    case ISAL_INCORRECT_CHECKSUM: return "the gzip checksum does not match";
    case ISAL_INVALID_BLOCK: return "a deflate block is broken";
    case ISAL_INVALID_SYMBOL: return "a deflate symbol is broken";
    case ISAL_INVALID_LOOKBACK: return "a deflate distance leads outside the data";
    default: return "the gzip data is broken";
  }
}

class GzipReader : public Reader {
 public:
  GzipReader(Input& input, GzipSums sums) : input_(input), sums_(sums), state_(std::make_unique<inflate_state>()) {}

  Result<size_t> Read(std::span<char> out) override {
    while (!out.empty() && !ended_) {
      if (!in_member_) {
        SLIPWAY_RETURN_IF_ERROR(BeginMember());
        if (ended_) break;
      }
      SLIPWAY_ASSIGN_OR_RETURN(const std::string_view in, input_.Next());
      // Also without input: what did not fit into the last `out` is still held back.
      SLIPWAY_ASSIGN_OR_RETURN(const size_t got, Inflate(in, out));
      member_size_ += got;
      if (!in_member_ && sums_ == GzipSums::kLeftOut) SLIPWAY_RETURN_IF_ERROR(EndMember());
      if (got > 0) return got;
      if (in.empty() && in_member_) return DataLoss("gzip data ends early");
    }
    return size_t{0};
  }

 private:
  Result<size_t> Inflate(std::string_view in, std::span<char> out) {
    state_->next_in = reinterpret_cast<uint8_t*>(const_cast<char*>(in.data()));
    state_->avail_in = static_cast<uint32_t>(in.size());
    state_->next_out = reinterpret_cast<uint8_t*>(out.data());
    state_->avail_out = static_cast<uint32_t>(std::min<size_t>(out.size(), 1U << 30));
    const uint32_t room = state_->avail_out;
    const int error = isal_inflate(state_.get());
    if (error < 0 || error == ISAL_NEED_DICT) return DataLoss("{}", InflateError(error));
    input_.Consume(in.size() - state_->avail_in);
    in_member_ = state_->block_state != ISAL_BLOCK_FINISH;
    return room - state_->avail_out;
  }

  // The header is read here: ISA-L loses its place in one that comes in several pieces. After the first member may come
  // zeros up to the end (as tapes have them) instead of another.
  Status BeginMember() {
    SLIPWAY_ASSIGN_OR_RETURN(const std::string_view magic, input_.Peek(kLongestMagic));
    if (DetectCodec(magic) != Codec::kGzip) return EndWithZeros();
    SLIPWAY_RETURN_IF_ERROR(ReadHeader());
    isal_inflate_init(state_.get());
    state_->crc_flag = sums_ == GzipSums::kChecked ? ISAL_GZIP_NO_HDR_VER : ISAL_DEFLATE;
    in_member_ = true;
    member_size_ = 0;
    return Status();
  }

  // Passes over the check sum and compares the length. ISA-L has looked ahead by up to seven bytes.
  Status EndMember() {
    constexpr int kSum = 4;
    constexpr int kTrailer = 8;
    const int ahead = state_->read_in_length / 8;
    const uint64_t held = state_->read_in >> (state_->read_in_length % 8);
    uint32_t size = 0;
    for (int i = 0; i < kTrailer; ++i) {
      auto byte = static_cast<uint8_t>(held >> (8 * i));
      if (i >= ahead) {
        SLIPWAY_ASSIGN_OR_RETURN(byte, ReadByte());
      }
      if (i >= kSum) size |= static_cast<uint32_t>(byte) << (8 * (i - kSum));
    }
    return size == static_cast<uint32_t>(member_size_) ? Status() : DataLoss("the gzip length does not match");
  }

  // RFC 1952, 2.3.
  Status ReadHeader() {
    constexpr uint8_t kHeaderCrc = 2;
    constexpr uint8_t kExtra = 4;
    constexpr uint8_t kName = 8;
    constexpr uint8_t kComment = 16;
    std::array<uint8_t, 10> fixed{};
    for (uint8_t& byte : fixed) {
      SLIPWAY_ASSIGN_OR_RETURN(byte, ReadByte());
    }
    const uint8_t flags = fixed[3];
    if ((flags & kExtra) != 0) {
      SLIPWAY_ASSIGN_OR_RETURN(const uint8_t low, ReadByte());
      SLIPWAY_ASSIGN_OR_RETURN(const uint8_t high, ReadByte());
      for (int left = low + 256 * high; left > 0; --left) SLIPWAY_RETURN_IF_ERROR(ReadByte().status());
    }
    for (const uint8_t text : {kName, kComment}) {
      uint8_t last = flags & text;
      while (last != 0) {
        SLIPWAY_ASSIGN_OR_RETURN(last, ReadByte());
      }
    }
    for (int left = (flags & kHeaderCrc) != 0 ? 2 : 0; left > 0; --left) SLIPWAY_RETURN_IF_ERROR(ReadByte().status());
    return Status();
  }

  Result<uint8_t> ReadByte() {
    SLIPWAY_ASSIGN_OR_RETURN(const std::string_view in, input_.Next());
    if (in.empty()) return DataLoss("gzip data ends early");
    const auto byte = static_cast<uint8_t>(in.front());
    input_.Consume(1);
    return byte;
  }

  Status EndWithZeros() {
    ended_ = true;
    while (true) {
      SLIPWAY_ASSIGN_OR_RETURN(const std::string_view in, input_.Next());
      if (in.empty()) return Status();
      if (std::any_of(in.begin(), in.end(), [](char c) { return c != '\0'; })) {
        return InvalidArgument("gzip data is followed by something else");
      }
      input_.Consume(in.size());
    }
  }

  Input& input_;
  const GzipSums sums_;
  std::unique_ptr<inflate_state> state_;
  uint64_t member_size_ = 0;  // decompressed so far
  bool in_member_ = false;
  bool ended_ = false;
};

class ZstdReader : public Reader {
 public:
  explicit ZstdReader(Input& input) : input_(input), context_(ZSTD_createDCtx(), ZSTD_freeDCtx) {
    if (context_ != nullptr) ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, kZstdLargestWindowLog);
  }

  Result<size_t> Read(std::span<char> out) override {
    if (context_ == nullptr) return ResourceExhausted("read zstd data: no memory");
    ZSTD_outBuffer output{out.data(), out.size(), 0};
    while (output.pos == 0 && !out.empty()) {
      SLIPWAY_ASSIGN_OR_RETURN(const std::string_view in, input_.Next());
      // Without input the decoder may still hold output back.
      ZSTD_inBuffer buffer{in.data(), in.size(), 0};
      const size_t wants = ZSTD_decompressStream(context_.get(), &output, &buffer);
      if (ZSTD_isError(wants) != 0) return DataLoss("zstd data is broken: {}", ZSTD_getErrorName(wants));
      input_.Consume(buffer.pos);
      if (in.empty() && output.pos == 0)
        return in_frame_ ? Result<size_t>(DataLoss("zstd data ends early")) : size_t{0};
      in_frame_ = wants != 0;
    }
    return output.pos;
  }

 private:
  Input& input_;
  std::unique_ptr<ZSTD_DCtx, size_t (*)(ZSTD_DCtx*)> context_;
  bool in_frame_ = false;
};

/// xz and bzip2 by libarchive's filters over its "raw" format.
class ArchiveReader : public Reader {
 public:
  ArchiveReader(Input& input, Codec codec)
      : input_(input), codec_(codec), archive_(archive_read_new(), archive_read_free) {}

  Result<size_t> Read(std::span<char> out) override {
    if (!open_) {
      SLIPWAY_RETURN_IF_ERROR(Open());
      open_ = true;
    }
    if (empty_) return size_t{0};
    const la_ssize_t got = archive_read_data(archive_.get(), out.data(), out.size());
    if (got < 0) return Error();
    return static_cast<size_t>(got);
  }

 private:
  Status Open() {
    if (archive_ == nullptr) return ResourceExhausted("read compressed data: no memory");
    archive* a = archive_.get();
    // Only the one: libarchive would go on and take a further layer of compression off, too.
    if (codec_ == Codec::kXz) archive_read_support_filter_xz(a);
    if (codec_ == Codec::kBzip2) archive_read_support_filter_bzip2(a);
    archive_read_support_format_raw(a);
    archive_read_support_format_empty(a);
    if (archive_read_open2(a, this, nullptr, &ReadCallback, nullptr, nullptr) != ARCHIVE_OK) return Error();
    archive_entry* entry = nullptr;
    const int result = archive_read_next_header(a, &entry);
    empty_ = result == ARCHIVE_EOF;
    return result == ARCHIVE_OK || empty_ ? Status() : Error();
  }

  Status Error() {
    if (!source_error_.ok()) return source_error_;
    const char* text = archive_error_string(archive_.get());
    return DataLoss("compressed data is broken: {}", text != nullptr ? text : "unknown error");
  }

  static la_ssize_t ReadCallback(archive* a, void* self, const void** buffer) {
    auto* reader = static_cast<ArchiveReader*>(self);
    reader->input_.Consume(reader->lent_);
    reader->lent_ = 0;
    auto in = reader->input_.Next();
    if (!in.ok()) {
      reader->source_error_ = in.status();
      archive_set_error(a, EIO, "the source failed");
      return -1;
    }
    reader->lent_ = in->size();
    *buffer = in->data();
    return static_cast<la_ssize_t>(in->size());
  }

  Input& input_;
  Codec codec_;
  std::unique_ptr<archive, int (*)(archive*)> archive_;
  size_t lent_ = 0;  // bytes of the input that libarchive looks at
  bool open_ = false;
  bool empty_ = false;
  Status source_error_;
};

class Detecting {
 public:
  Detecting(const ByteSource& source, Codec* codec, GzipSums sums) : input_(source), codec_(codec), sums_(sums) {}

  Result<size_t> Read(std::span<char> out) {
    if (reader_ == nullptr) {
      SLIPWAY_ASSIGN_OR_RETURN(const std::string_view first, input_.Peek(kLongestMagic));
      const Codec codec = DetectCodec(first);
      if (codec_ != nullptr) *codec_ = codec;
      reader_ = MakeReader(codec);
    }
    return reader_->Read(out);
  }

 private:
  std::unique_ptr<Reader> MakeReader(Codec codec) {
    switch (codec) {
      case Codec::kNone: return std::make_unique<PlainReader>(input_);
      case Codec::kGzip: return std::make_unique<GzipReader>(input_, sums_);
      case Codec::kZstd: return std::make_unique<ZstdReader>(input_);
      case Codec::kXz:
      case Codec::kBzip2: return std::make_unique<ArchiveReader>(input_, codec);
    }
    return nullptr;
  }

  Input input_;
  Codec* codec_;
  const GzipSums sums_;
  std::unique_ptr<Reader> reader_;
};

}  // namespace

std::string_view CodecName(Codec codec) {
  switch (codec) {
    case Codec::kNone: return "uncompressed";
    case Codec::kGzip: return "gzip";
    case Codec::kZstd: return "zstd";
    case Codec::kXz: return "xz";
    case Codec::kBzip2: return "bzip2";
  }
  return "unknown";
}

Codec DetectCodec(std::string_view first_bytes) {
  using namespace std::string_view_literals;
  if (first_bytes.starts_with("\x1f\x8b\x08"sv)) return Codec::kGzip;
  if (first_bytes.starts_with("\x28\xb5\x2f\xfd"sv)) return Codec::kZstd;
  // A skippable frame may come first (its magic ends in a free half byte).
  if (first_bytes.size() >= 4 && (first_bytes[0] & 0xf0) == 0x50 && first_bytes.substr(1, 3) == "\x2a\x4d\x18"sv) {
    return Codec::kZstd;
  }
  if (first_bytes.starts_with("\xfd"
                              "7zXZ\0"sv)) {
    return Codec::kXz;
  }
  if (first_bytes.starts_with("BZh"sv)) return Codec::kBzip2;
  return Codec::kNone;
}

ByteSource Decompress(const ByteSource& source, Codec* codec, GzipSums sums) {
  const auto state = std::make_shared<Detecting>(source, codec, sums);
  return [state](std::span<char> out) { return state->Read(out); };
}

}  // namespace slipway::layer
