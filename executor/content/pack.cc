#include "executor/content/pack.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "executor/base/fs.h"

namespace slipway::content {

namespace {

constexpr std::string_view kMagic{"slipway pack 1\n\0", 16};
constexpr uint64_t kTrailerBytes = 8 + Digest::kSize;
static_assert(kMagic.size() + kTrailerBytes == kPackFrame);

void PutNumber(std::string& out, uint64_t value) {
  for (unsigned i = 0; i < 8; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
}

uint64_t GetNumber(const char* in) {
  uint64_t value = 0;
  for (unsigned i = 0; i < 8; ++i) value |= static_cast<uint64_t>(static_cast<unsigned char>(in[i])) << (8 * i);
  return value;
}

void PutDigest(std::string& out, const Digest& digest) {
  out.append(reinterpret_cast<const char*>(digest.bytes().data()), Digest::kSize);
}

Digest GetDigest(const char* in) {
  std::array<uint8_t, Digest::kSize> bytes{};
  std::memcpy(bytes.data(), in, bytes.size());
  return Digest(bytes);
}

Result<std::string> ReadExactly(int fd, uint64_t size, uint64_t offset) {
  std::string out(size, '\0');
  SLIPWAY_ASSIGN_OR_RETURN(const size_t got, fs::ReadFullAt(fd, out, static_cast<int64_t>(offset)));
  if (got != size) return DataLoss("a pack ends early");
  return out;
}

}  // namespace

Result<PackWriter> PackWriter::Create(std::string path) {
  SLIPWAY_ASSIGN_OR_RETURN(StagedFile file, StagedFile::Create(std::move(path)));
  SLIPWAY_RETURN_IF_ERROR(file.Write(kMagic));
  return PackWriter(std::move(file));
}

Status PackWriter::Add(const Digest& digest, std::string_view bytes) {
  items_.push_back({.digest = digest, .offset = file_.size(), .size = bytes.size()});
  return file_.Write(bytes);
}

Status PackWriter::End() {
  const uint64_t table_offset = file_.size();
  std::string table;
  table.reserve(items_.size() * kPackItemFrame + kTrailerBytes);
  for (const PackItem& item : items_) {
    PutDigest(table, item.digest);
    PutNumber(table, item.offset);
    PutNumber(table, item.size);
  }
  PutNumber(table, table_offset);
  PutDigest(table, Digest::Of(table));
  return file_.Write(table);
}

Result<std::vector<PackItem>> ReadPackTable(int fd) {
  struct stat st {};
  if (::fstat(fd, &st) != 0) return ErrnoStatus(errno, "stat");
  const auto file_size = static_cast<uint64_t>(st.st_size);
  if (file_size < kPackFrame) return DataLoss("a pack of {} bytes is not whole", file_size);
  SLIPWAY_ASSIGN_OR_RETURN(const std::string head, ReadExactly(fd, kMagic.size(), 0));
  if (head != kMagic) return DataLoss("not a pack of a known format");

  const uint64_t trailer_offset = file_size - kTrailerBytes;
  SLIPWAY_ASSIGN_OR_RETURN(const std::string trailer, ReadExactly(fd, kTrailerBytes, trailer_offset));
  const uint64_t table_offset = GetNumber(trailer.data());
  if (table_offset < kMagic.size() || table_offset > trailer_offset ||
      (trailer_offset - table_offset) % kPackItemFrame != 0) {
    return DataLoss("the table of a pack is damaged");
  }
  SLIPWAY_ASSIGN_OR_RETURN(const std::string table, ReadExactly(fd, trailer_offset - table_offset + 8, table_offset));
  if (Digest::Of(table) != GetDigest(trailer.data() + 8)) return DataLoss("the table of a pack is damaged");

  std::vector<PackItem> items((trailer_offset - table_offset) / kPackItemFrame);
  const char* in = table.data();
  for (PackItem& item : items) {
    item = {.digest = GetDigest(in), .offset = GetNumber(in + 32), .size = GetNumber(in + 40)};
    in += kPackItemFrame;
    if (item.offset > table_offset || item.size > table_offset - item.offset) {
      return DataLoss("the table of a pack is damaged");
    }
  }
  return items;
}

}  // namespace slipway::content
