#include "executor/layer/archive.h"

#include <algorithm>
#include <array>

#include "executor/layer/archive_stream.h"
#include "executor/layer/tar_format.h"
#include "executor/layer/tar_header.h"

namespace slipway::layer {

namespace {

/// Files up to this size are gathered and given to the store in one piece.
constexpr uint64_t kSmallFile = 256U << 10;

/// Feeds the contents of an archive's files to a batch.
class BatchWriter {
 public:
  BatchWriter(const Context& ctx, content::BatchIngest& batch) : ctx_(ctx), batch_(batch) {}

  Result<Digest> Add(TarReader& reader, uint64_t size) {
    return size <= kSmallFile ? AddSmall(reader, size) : AddLarge(reader, size);
  }

 private:
  Result<Digest> AddSmall(TarReader& reader, uint64_t size) {
    buffer_.assign(size, '\0');
    while (true) {
      SLIPWAY_ASSIGN_OR_RETURN(const std::optional<TarChunk> chunk, reader.NextChunk());
      if (!chunk) return batch_.Add(buffer_);
      std::copy(chunk->bytes.begin(), chunk->bytes.end(), buffer_.begin() + static_cast<ptrdiff_t>(chunk->offset));
    }
  }

  Result<Digest> AddLarge(TarReader& reader, uint64_t size) {
    SLIPWAY_RETURN_IF_ERROR(batch_.BeginFile(size, {}));
    uint64_t done = 0;
    while (true) {
      SLIPWAY_ASSIGN_OR_RETURN(const std::optional<TarChunk> chunk, reader.NextChunk());
      SLIPWAY_RETURN_IF_ERROR(AddZeros((chunk ? chunk->offset : size) - done));
      if (!chunk) return batch_.EndFile();
      SLIPWAY_RETURN_IF_ERROR(batch_.Append(chunk->bytes));
      done = chunk->offset + chunk->bytes.size();
    }
  }

  Status AddZeros(uint64_t count) {
    static constexpr std::array<char, 64U << 10> kZeros{};
    while (count > 0) {
      // A hole of many gigabytes is a line in the archive.
      SLIPWAY_RETURN_IF_ERROR(ctx_.Err());
      const auto size = static_cast<size_t>(std::min<uint64_t>(kZeros.size(), count));
      SLIPWAY_RETURN_IF_ERROR(batch_.Append({kZeros.data(), size}));
      count -= size;
    }
    return Status();
  }

  const Context& ctx_;
  content::BatchIngest& batch_;
  std::string buffer_;
};

}  // namespace

ByteSource ReadBlob(content::Blob blob) {
  return [blob = std::move(blob), position = uint64_t{0}](std::span<char> buffer) mutable -> Result<size_t> {
    SLIPWAY_ASSIGN_OR_RETURN(const size_t got, blob.ReadAt(buffer, position));
    position += got;
    return got;
  };
}

bool LooksLikeArchive(std::string_view first_bytes) {
  Codec codec = Codec::kNone;
  const ByteSource source = [rest = first_bytes](std::span<char> buffer) mutable -> Result<size_t> {
    const size_t size = std::min(rest.size(), buffer.size());
    std::copy_n(rest.data(), size, buffer.data());
    rest.remove_prefix(size);
    return size;
  };
  const ByteSource plain = Decompress(source, &codec);
  std::array<char, tar::kBlock> block{};
  size_t have = 0;
  bool failed = false;
  while (have < block.size()) {
    const auto got = plain(std::span(block).subspan(have));
    failed = !got.ok();
    if (failed || *got == 0) break;
    have += *got;
  }
  if (have == block.size()) {
    const std::string_view header(block.data(), block.size());
    return header.find_first_not_of('\0') != std::string_view::npos && TarHeader::Parse(header).ok();
  }
  // All but gzip compress in blocks of which the first bytes alone say nothing: then the magic has to do.
  return failed && codec != Codec::kGzip && codec != Codec::kNone;
}

Result<tree::Tree> ReadArchive(const Context& ctx, const ByteSource& source, const ArchiveLimits& limits,
                               content::Store& store, content::Lease* lease) {
  SLIPWAY_ASSIGN_OR_RETURN(const std::unique_ptr<content::BatchIngest> batch, store.BeginBatch());
  BatchWriter contents(ctx, *batch);
  TarTree table(TarTree::Meaning::kPlain, limits, nullptr, nullptr);
  ArchiveStream archive(ctx, source, limits, HashBy::kNobody);
  const auto add = [&](tree::Entry entry) -> Status {
    const uint64_t size = entry.size;
    SLIPWAY_ASSIGN_OR_RETURN(const std::string* file, table.Place(std::move(entry)));
    if (file == nullptr) return Status();
    SLIPWAY_ASSIGN_OR_RETURN(const Digest digest, contents.Add(archive.reader(), size));
    table.SetDigest(digest);
    return Status();
  };
  SLIPWAY_RETURN_IF_ERROR(archive.ForEach(add));
  SLIPWAY_RETURN_IF_ERROR(archive.Finish({}));
  SLIPWAY_RETURN_IF_ERROR(batch->Commit(lease));
  return table.Take();
}

namespace {

Status HashZeros(const Context& ctx, Hasher& hasher, uint64_t count) {
  static constexpr std::array<char, 64U << 10> kZeros{};
  while (count > 0) {
    SLIPWAY_RETURN_IF_ERROR(ctx.Err());
    const auto size = static_cast<size_t>(std::min<uint64_t>(kZeros.size(), count));
    hasher.Update(std::string_view(kZeros.data(), size));
    count -= size;
  }
  return Status();
}

Result<Digest> DigestContent(const Context& ctx, TarReader& reader, uint64_t size) {
  Hasher hasher;
  uint64_t done = 0;
  while (true) {
    SLIPWAY_ASSIGN_OR_RETURN(const std::optional<TarChunk> chunk, reader.NextChunk());
    SLIPWAY_RETURN_IF_ERROR(HashZeros(ctx, hasher, (chunk ? chunk->offset : size) - done));
    if (!chunk) return hasher.Finish();
    hasher.Update(chunk->bytes);
    done = chunk->offset + chunk->bytes.size();
  }
}

Result<tree::Tree> ReadTable(const Context& ctx, const ByteSource& source, oci::Compression compression,
                             const Digest& diff_id, const ArchiveLimits& limits, bool digests) {
  TarTree table(TarTree::Meaning::kLayer, limits, nullptr, nullptr);
  const HashBy hash = diff_id.empty() ? HashBy::kNobody : HashBy::kCaller;
  ArchiveStream archive(ctx, source, limits, hash, GzipSums::kLeftOut);
  const auto add = [&](tree::Entry entry) -> Status {
    const uint64_t size = entry.size;
    SLIPWAY_ASSIGN_OR_RETURN(const std::string* file, table.Place(std::move(entry)));
    if (file == nullptr || !digests) return Status();
    SLIPWAY_ASSIGN_OR_RETURN(const Digest digest, DigestContent(ctx, archive.reader(), size));
    table.SetDigest(digest);
    return Status();
  };
  Status status = archive.CheckLayerCodec();
  if (status.ok()) status = archive.ForEach(add);
  if (status.ok()) status = archive.Finish(diff_id);
  if (!status.ok()) return std::move(status).With(fmt::format("read a layer ({})", oci::CompressionName(compression)));
  return table.Take();
}

}  // namespace

Result<tree::Tree> IndexLayer(const Context& ctx, const ByteSource& source, oci::Compression compression,
                              const Digest& diff_id, const ArchiveLimits& limits) {
  return ReadTable(ctx, source, compression, diff_id, limits, /*digests=*/false);
}

Result<tree::Tree> DigestLayer(const Context& ctx, const ByteSource& source, oci::Compression compression,
                               const Digest& diff_id, const ArchiveLimits& limits) {
  return ReadTable(ctx, source, compression, diff_id, limits, /*digests=*/true);
}

}  // namespace slipway::layer
