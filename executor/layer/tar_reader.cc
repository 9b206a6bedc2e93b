#include "executor/layer/tar_reader.h"

#include <algorithm>

#include "executor/layer/tar_format.h"

namespace slipway::layer {

namespace {

/// A pax header or a long name larger than this is refused, as Go does.
constexpr uint64_t kLargestExtension = 1U << 20;

bool IsZero(std::string_view block) {
  return std::all_of(block.begin(), block.end(), [](char c) { return c == '\0'; });
}

Result<tree::Type> TypeOf(char flag, std::string_view name) {
  switch (flag) {
    case '\0': return name.ends_with('/') ? tree::Type::kDirectory : tree::Type::kFile;
    case '0':
    case '7':  // "contiguous": a hint for tapes
    case 'S': return tree::Type::kFile;
    case '1': return tree::Type::kHardlink;
    case '2': return tree::Type::kSymlink;
    case '3': return tree::Type::kCharDevice;
    case '4': return tree::Type::kBlockDevice;
    case '5':
    case 'D': return tree::Type::kDirectory;  // GNU's incremental backups put a list of names behind it
    case '6': return tree::Type::kFifo;
    default: return InvalidArgument("entry '{}' has the unknown type 0x{:02x}", name, static_cast<unsigned char>(flag));
  }
}

}  // namespace

// Empty at the end of the stream.
Result<std::string_view> TarReader::ReadBlock() {
  SLIPWAY_ASSIGN_OR_RETURN(const std::string_view bytes, stream_.Peek());
  if (bytes.empty()) return bytes;
  if (bytes.size() < tar::kBlock) {
    return first_ ? InvalidArgument("this is no tar archive") : DataLoss("the archive ends within a header");
  }
  stream_.Consume(tar::kBlock);
  return bytes.substr(0, tar::kBlock);
}

Result<std::string> TarReader::ReadWhole(uint64_t size) {
  if (size > kLargestExtension) return ResourceExhausted("an extended header has {} bytes", size);
  std::string out;
  out.reserve(size);
  while (out.size() < size) {
    SLIPWAY_ASSIGN_OR_RETURN(const std::optional<TarChunk> chunk, NextChunk());
    if (!chunk) break;
    out += chunk->bytes;
  }
  return out;
}

Status TarReader::SkipContent() {
  for (uint64_t left = stored_left_ + padding_; left > 0;) {
    SLIPWAY_ASSIGN_OR_RETURN(const std::string_view bytes, stream_.Peek());
    if (bytes.empty()) {
      // Some writers leave out the last padding.
      if (left <= padding_) break;
      return DataLoss("the archive ends within an entry");
    }
    const uint64_t size = std::min<uint64_t>(bytes.size(), left);
    stream_.Consume(static_cast<size_t>(size));
    left -= size;
  }
  stored_left_ = 0;
  padding_ = 0;
  return Status();
}

// After a block of zeros: a second one, or the end of the stream, ends the archive.
Status TarReader::CheckEnd() {
  SLIPWAY_ASSIGN_OR_RETURN(const std::string_view second, ReadBlock());
  return IsZero(second) ? Status() : InvalidArgument("an entry follows a block of zeros");
}

Result<std::optional<tree::Entry>> TarReader::Next() {
  PaxHeader pax;
  LongNames names;
  while (true) {
    SLIPWAY_RETURN_IF_ERROR(SkipContent());
    SLIPWAY_ASSIGN_OR_RETURN(const std::string_view block, ReadBlock());
    if (block.empty()) return std::optional<tree::Entry>();
    if (IsZero(block)) {
      SLIPWAY_RETURN_IF_ERROR(CheckEnd());
      return std::optional<tree::Entry>();
    }
    auto header = TarHeader::Parse(block);
    if (!header.ok() && first_) return InvalidArgument("this is no tar archive: {}", header.status().message());
    SLIPWAY_RETURN_IF_ERROR(header.status());
    first_ = false;
    stored_left_ = header->size();
    padding_ = tar::Padding(stored_left_);
    sparse_.assign(1, {.offset = 0, .length = stored_left_});
    segment_ = 0;
    segment_done_ = 0;
    switch (header->type()) {
      case 'x': {
        SLIPWAY_ASSIGN_OR_RETURN(const std::string records, ReadWhole(header->size()));
        SLIPWAY_ASSIGN_OR_RETURN(pax, PaxHeader::Parse(records));
        continue;
      }
      case 'L':
      case 'K': {
        SLIPWAY_ASSIGN_OR_RETURN(std::string name, ReadWhole(header->size()));
        name.resize(std::min(name.find('\0'), name.size()));
        (header->type() == 'L' ? names.path : names.link) = std::move(name);
        continue;
      }
      case 'g':  // defaults for all that follow: used for comments (git), and ignored by Go and libarchive
      case 'V': continue;
      default: break;
    }
    tree::Entry entry;
    entry.path = !names.path.empty() ? names.path : !pax.path.empty() ? pax.path : header->Name();
    if (!pax.sparse_name.empty()) entry.path = pax.sparse_name;
    SLIPWAY_ASSIGN_OR_RETURN(entry.type, TypeOf(header->type(), entry.path));
    if (entry.type == tree::Type::kSymlink || entry.type == tree::Type::kHardlink) {
      entry.link = !names.link.empty() ? names.link : !pax.link.empty() ? pax.link : header->link();
    }
    Status status = header->FillEntry(entry);
    if (status.ok()) {
      pax.FillEntry(entry);
      status = BeginContent(*header, pax, entry);
    }
    if (!status.ok()) return std::move(status).With(fmt::format("archive entry '{}'", entry.path));
    return std::optional<tree::Entry>(std::move(entry));
  }
}

Status TarReader::BeginContent(const TarHeader& header, const PaxHeader& pax, tree::Entry& entry) {
  stored_left_ = pax.size.value_or(header.size());
  // Links, devices and folders have no content, whatever their size says.
  if (!entry.is_file() && header.type() != 'D') stored_left_ = 0;
  padding_ = tar::Padding(stored_left_);
  sparse_.clear();
  if (!entry.is_file()) return Status();
  if (header.type() == 'S' || pax.sparse) return BeginSparse(header, pax, entry);
  entry.size = stored_left_;
  sparse_.push_back({.offset = 0, .length = stored_left_});
  return Status();
}

Status TarReader::BeginSparse(const TarHeader& header, const PaxHeader& pax, tree::Entry& entry) {
  if (header.type() == 'S') {
    SLIPWAY_ASSIGN_OR_RETURN(const int64_t size, ParseTarNumber(header.bytes(tar::kSparseRealSize)));
    if (size < 0) return InvalidArgument("the size of a sparse file is negative");
    entry.size = static_cast<uint64_t>(size);
    SLIPWAY_RETURN_IF_ERROR(ReadOldSparseMap(header));
  } else {
    entry.size = pax.sparse_size.value_or(stored_left_);
    if (pax.sparse_map_in_content) {
      SLIPWAY_RETURN_IF_ERROR(ReadNewSparseMap());
    } else {
      SLIPWAY_ASSIGN_OR_RETURN(sparse_, ParseSparseList(pax.sparse_map));
    }
  }
  return CheckSparseMap(sparse_, entry.size, stored_left_);
}

Status TarReader::ReadOldSparseMap(const TarHeader& header) {
  SLIPWAY_RETURN_IF_ERROR(AppendOldSparsePairs(header.bytes(tar::kSparsePairs), sparse_));
  bool more = header.bytes(tar::kSparseIsExtended).front() != '\0';
  while (more) {
    SLIPWAY_ASSIGN_OR_RETURN(const std::string_view block, ReadBlock());
    if (block.empty()) return DataLoss("the archive ends within the map of a sparse file");
    const auto& pairs = tar::kSparseExtensionPairs;
    SLIPWAY_RETURN_IF_ERROR(AppendOldSparsePairs(block.substr(pairs.offset, pairs.size), sparse_));
    more = block[tar::kSparseExtensionIsExtended.offset] != '\0';
  }
  return Status();
}

Status TarReader::ReadNewSparseMap() {
  SparseMapParser parser;
  bool complete = false;
  while (!complete) {
    if (stored_left_ < tar::kBlock) return InvalidArgument("the map of a sparse file is not whole");
    SLIPWAY_ASSIGN_OR_RETURN(const std::string_view block, ReadBlock());
    if (block.empty()) return DataLoss("the archive ends within the map of a sparse file");
    stored_left_ -= tar::kBlock;
    SLIPWAY_ASSIGN_OR_RETURN(complete, parser.Feed(block));
  }
  sparse_ = parser.Take();
  return Status();
}

Result<std::optional<TarChunk>> TarReader::NextChunk() {
  while (segment_ < sparse_.size() && segment_done_ == sparse_[segment_].length) {
    ++segment_;
    segment_done_ = 0;
  }
  if (segment_ == sparse_.size()) return std::optional<TarChunk>();
  const SparseSegment& segment = sparse_[segment_];
  SLIPWAY_ASSIGN_OR_RETURN(std::string_view bytes, stream_.Peek());
  if (bytes.empty()) return DataLoss("the archive ends within an entry");
  bytes = bytes.substr(0, static_cast<size_t>(std::min<uint64_t>(bytes.size(), segment.length - segment_done_)));
  const TarChunk chunk{.offset = segment.offset + segment_done_, .bytes = bytes};
  segment_done_ += bytes.size();
  stored_left_ -= bytes.size();
  stream_.Consume(bytes.size());
  return std::optional<TarChunk>(chunk);
}

}  // namespace slipway::layer
