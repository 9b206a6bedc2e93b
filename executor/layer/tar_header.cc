#include "executor/layer/tar_header.h"

#include <algorithm>
#include <cstring>

#include "executor/layer/overlay_format.h"

namespace slipway::layer {

namespace {

constexpr std::string_view kXattrPrefix = "SCHILY.xattr.";
constexpr std::string_view kSparsePrefix = "GNU.sparse.";

Result<uint32_t> To32(int64_t value, std::string_view what) {
  // Some write "nobody" as -2, which is the same 32 bits.
  if (value < INT32_MIN || value > UINT32_MAX) return InvalidArgument("{} {} is too large", what, value);
  return static_cast<uint32_t>(value);
}

Result<uint32_t> Parse32(std::string_view text, std::string_view what) {
  SLIPWAY_ASSIGN_OR_RETURN(const uint64_t value, ParseDecimal(text));
  return To32(static_cast<int64_t>(value), what);
}

/// "1700000000.123456789", "-1.5": towards minus infinity, so that the nanoseconds are not negative.
Result<tree::Time> ParsePaxTime(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const size_t dot = text.find('.');
  SLIPWAY_ASSIGN_OR_RETURN(const uint64_t seconds, ParseDecimal(text.substr(0, dot)));
  std::string fraction(dot == std::string_view::npos ? std::string_view() : text.substr(dot + 1));
  fraction.resize(9, '0');
  SLIPWAY_ASSIGN_OR_RETURN(const uint64_t nanos, ParseDecimal(fraction));
  tree::Time time{.seconds = static_cast<int64_t>(seconds), .nanos = static_cast<uint32_t>(nanos)};
  if (negative) {
    time.seconds = -time.seconds;
    if (time.nanos > 0) {
      --time.seconds;
      time.nanos = 1'000'000'000U - time.nanos;
    }
  }
  return time;
}

bool ChecksumMatches(std::string_view block) {
  const auto expected = ParseTarNumber(block.substr(tar::kChecksum.offset, tar::kChecksum.size));
  if (!expected.ok()) return false;
  int64_t as_unsigned = 0;
  int64_t as_signed = 0;  // of old writers with signed characters
  for (size_t i = 0; i < block.size(); ++i) {
    const bool own = i >= tar::kChecksum.offset && i < tar::kChecksum.offset + tar::kChecksum.size;
    as_unsigned += own ? ' ' : static_cast<unsigned char>(block[i]);
    as_signed += own ? ' ' : static_cast<signed char>(block[i]);
  }
  return *expected == as_unsigned || *expected == as_signed;
}

}  // namespace

Result<TarHeader> TarHeader::Parse(std::string_view block) {
  if (!ChecksumMatches(block)) return InvalidArgument("the checksum of a tar header does not match");
  TarHeader header;
  std::copy_n(block.begin(), tar::kBlock, header.block_.begin());
  SLIPWAY_ASSIGN_OR_RETURN(const int64_t size, ParseTarNumber(header.bytes(tar::kSize)));
  if (size < 0) return InvalidArgument("a tar header gives a negative size");
  header.size_ = static_cast<uint64_t>(size);
  return header;
}

std::string_view TarHeader::Text(tar::Field field) const {
  const std::string_view text = bytes(field);
  return text.substr(0, text.find('\0'));
}

std::string TarHeader::Name() const {
  const std::string_view name = Text(tar::kName);
  // GNU uses the prefix's place for other things and says so in the magic.
  if (bytes(tar::kMagic).substr(0, 6) != std::string_view("ustar\0", 6)) return std::string(name);
  const bool star = bytes(tar::kStarTrailer) == std::string_view("tar\0", 4);
  const std::string_view prefix = Text(star ? tar::kStarPrefix : tar::kPrefix);
  return prefix.empty() ? std::string(name) : fmt::format("{}/{}", prefix, name);
}

Status TarHeader::FillEntry(tree::Entry& entry) const {
  SLIPWAY_ASSIGN_OR_RETURN(const int64_t mode, ParseTarNumber(bytes(tar::kMode)));
  SLIPWAY_ASSIGN_OR_RETURN(const int64_t uid, ParseTarNumber(bytes(tar::kUid)));
  SLIPWAY_ASSIGN_OR_RETURN(const int64_t gid, ParseTarNumber(bytes(tar::kGid)));
  SLIPWAY_ASSIGN_OR_RETURN(entry.mtime.seconds, ParseTarNumber(bytes(tar::kMtime)));
  entry.mode = static_cast<uint32_t>(mode & 07777);
  SLIPWAY_ASSIGN_OR_RETURN(entry.uid, To32(uid, "user id"));
  SLIPWAY_ASSIGN_OR_RETURN(entry.gid, To32(gid, "group id"));
  if (entry.type != tree::Type::kCharDevice && entry.type != tree::Type::kBlockDevice) return Status();
  SLIPWAY_ASSIGN_OR_RETURN(const int64_t dev_major, ParseTarNumber(bytes(tar::kDevMajor)));
  SLIPWAY_ASSIGN_OR_RETURN(const int64_t dev_minor, ParseTarNumber(bytes(tar::kDevMinor)));
  SLIPWAY_ASSIGN_OR_RETURN(entry.dev_major, To32(dev_major, "device number"));
  SLIPWAY_ASSIGN_OR_RETURN(entry.dev_minor, To32(dev_minor, "device number"));
  return Status();
}

Result<PaxHeader> PaxHeader::Parse(std::string_view records) {
  PaxHeader pax;
  while (!records.empty() && records.front() != '\0') {
    const size_t space = records.find(' ');
    if (space == std::string_view::npos) return InvalidArgument("a pax record has no length");
    SLIPWAY_ASSIGN_OR_RETURN(const uint64_t length, ParseDecimal(records.substr(0, space)));
    if (length <= space + 1 || length > records.size() || records[length - 1] != '\n') {
      return InvalidArgument("the length of a pax record is wrong");
    }
    const std::string_view record = records.substr(space + 1, length - space - 2);
    const size_t equals = record.find('=');
    if (equals == std::string_view::npos || equals == 0) return InvalidArgument("a pax record has no key");
    const std::string_view key = record.substr(0, equals);
    if (Status status = pax.Set(key, record.substr(equals + 1)); !status.ok()) {
      return std::move(status).With(fmt::format("pax record '{}'", key));
    }
    records.remove_prefix(length);
  }
  return pax;
}

Status PaxHeader::Set(std::string_view key, std::string_view value) {
  if (key.starts_with(kXattrPrefix)) {
    std::string name(key.substr(kXattrPrefix.size()));
    if (!name.empty() && !IsOverlayXattr(name)) xattrs_[std::move(name)] = value;
    return Status();
  }
  if (value.empty()) return Status();
  if (key.starts_with(kSparsePrefix)) return SetSparse(key.substr(kSparsePrefix.size()), value);
  if (key == "path") {
    path = value;
  } else if (key == "linkpath") {
    link = value;
  } else if (key == "size") {
    SLIPWAY_ASSIGN_OR_RETURN(size, ParseDecimal(value));
  } else if (key == "uid") {
    SLIPWAY_ASSIGN_OR_RETURN(uid_, Parse32(value, "user id"));
  } else if (key == "gid") {
    SLIPWAY_ASSIGN_OR_RETURN(gid_, Parse32(value, "group id"));
  } else if (key == "mtime") {
    SLIPWAY_ASSIGN_OR_RETURN(mtime_, ParsePaxTime(value));
  }
  return Status();
}

Status PaxHeader::SetSparse(std::string_view key, std::string_view value) {
  sparse = true;
  if (key == "major") {
    sparse_map_in_content = value == "1";
  } else if (key == "size" || key == "realsize") {
    SLIPWAY_ASSIGN_OR_RETURN(sparse_size, ParseDecimal(value));
  } else if (key == "name") {
    sparse_name = value;
  } else if (key == "map") {
    sparse_map = value;
  } else if (key == "offset" || key == "numbytes") {
    // Format 0.0 repeats these two in turn.
    if (!sparse_map.empty()) sparse_map += ',';
    sparse_map += value;
  }
  return Status();
}

void PaxHeader::FillEntry(tree::Entry& entry) const {
  if (uid_) entry.uid = *uid_;
  if (gid_) entry.gid = *gid_;
  if (mtime_) entry.mtime = *mtime_;
  entry.xattrs.assign(xattrs_.begin(), xattrs_.end());
}

}  // namespace slipway::layer
