#include "executor/layer/tar_sparse.h"

#include "executor/layer/tar_format.h"

namespace slipway::layer {

namespace {
Status BadMap(std::string_view why) { return InvalidArgument("the map of a sparse file is broken: {}", why); }

Status Add(SparseMap& map, uint64_t offset, uint64_t length) {
  if (map.size() >= kMostSparseSegments)
    return ResourceExhausted("a sparse file has more than {} segments", map.size());
  map.push_back({.offset = offset, .length = length});
  return Status();
}
}  // namespace

Status CheckSparseMap(const SparseMap& map, uint64_t file_size, uint64_t stored) {
  uint64_t end = 0;
  uint64_t sum = 0;
  for (const SparseSegment& segment : map) {
    if (segment.offset < end) return BadMap("its segments overlap");
    if (segment.offset > file_size || segment.length > file_size - segment.offset)
      return BadMap("it leads past the end");
    end = segment.offset + segment.length;
    sum += segment.length;
  }
  return sum == stored ? Status() : BadMap(fmt::format("it is about {} bytes, {} are stored", sum, stored));
}

Result<SparseMap> ParseSparseList(std::string_view text) {
  SparseMap map;
  uint64_t offset = 0;
  bool half = false;
  while (!text.empty()) {
    const size_t comma = std::min(text.find(','), text.size());
    SLIPWAY_ASSIGN_OR_RETURN(const uint64_t number, ParseDecimal(text.substr(0, comma)));
    if (half) SLIPWAY_RETURN_IF_ERROR(Add(map, offset, number));
    offset = number;
    half = !half;
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  if (half) return BadMap("a segment has no length");
  return map;
}

Status AppendOldSparsePairs(std::string_view pairs, SparseMap& map) {
  for (; pairs.size() >= tar::kSparsePairSize; pairs.remove_prefix(tar::kSparsePairSize)) {
    if (pairs.front() == '\0') return Status();
    constexpr size_t kHalf = tar::kSparsePairSize / 2;
    SLIPWAY_ASSIGN_OR_RETURN(const int64_t offset, ParseTarNumber(pairs.substr(0, kHalf)));
    SLIPWAY_ASSIGN_OR_RETURN(const int64_t length, ParseTarNumber(pairs.substr(kHalf, kHalf)));
    if (offset < 0 || length < 0) return BadMap("a number is negative");
    SLIPWAY_RETURN_IF_ERROR(Add(map, static_cast<uint64_t>(offset), static_cast<uint64_t>(length)));
  }
  return Status();
}

Result<bool> SparseMapParser::Feed(std::string_view text) {
  for (const char c : text) {
    if (have_count_ && numbers_left_ == 0) return true;  // the rest of the block is filling
    if (c == '\n') {
      SLIPWAY_RETURN_IF_ERROR(EndNumber());
    } else if (c >= '0' && c <= '9' && number_ < (uint64_t{1} << 59)) {
      number_ = number_ * 10 + static_cast<uint64_t>(c - '0');
      digits_ = true;
    } else {
      return BadMap("a number is not decimal");
    }
  }
  return have_count_ && numbers_left_ == 0;
}

Status SparseMapParser::EndNumber() {
  if (!digits_) return BadMap("a number is missing");
  const uint64_t number = std::exchange(number_, 0);
  digits_ = false;
  if (!have_count_) {
    if (number > kMostSparseSegments) return ResourceExhausted("a sparse file has {} segments", number);
    have_count_ = true;
    numbers_left_ = 2 * number;
    return Status();
  }
  --numbers_left_;
  if (half_) {
    map_.back().length = number;
  } else {
    map_.push_back({.offset = number, .length = 0});
  }
  half_ = !half_;
  return Status();
}

Result<uint64_t> ParseDecimal(std::string_view text) {
  uint64_t value = 0;
  constexpr size_t kLongest = 18;  // any such number fits
  if (text.empty() || text.size() > kLongest)
    return InvalidArgument("'{}' is not a number that fits", text.substr(0, 40));
  for (const char c : text) {
    if (c < '0' || c > '9') return InvalidArgument("'{}' is not a number", text);
    value = value * 10 + static_cast<uint64_t>(c - '0');
  }
  return value;
}

namespace {
Result<int64_t> ParseBase256(std::string_view field) {
  // The first bit is the mark, the second the sign; two's complement, most significant byte first.
  const bool negative = (field.front() & 0x40) != 0;
  uint64_t value = 0;
  for (size_t i = 0; i < field.size(); ++i) {
    auto byte = static_cast<uint8_t>(field[i]);
    if (negative) byte = static_cast<uint8_t>(~byte);
    if (i == 0) byte &= 0x7f;
    if ((value >> 55) != 0) return InvalidArgument("a number in a tar header is too large");
    value = (value << 8) | byte;
  }
  if ((value >> 63) != 0) return InvalidArgument("a number in a tar header is too large");
  return negative ? ~static_cast<int64_t>(value) : static_cast<int64_t>(value);
}
}  // namespace

Result<int64_t> ParseTarNumber(std::string_view field) {
  if (!field.empty() && (field.front() & 0x80) != 0) return ParseBase256(field);
  constexpr std::string_view kFilling(" \0", 2);
  const size_t begin = field.find_first_not_of(kFilling);
  if (begin == std::string_view::npos) return int64_t{0};
  field.remove_prefix(begin);
  field = field.substr(0, field.find_first_of(kFilling));
  int64_t value = 0;
  for (const char c : field) {
    if (c < '0' || c > '7') return InvalidArgument("a number in a tar header is not octal");
    value = value * 8 + (c - '0');  // 12 digits at most: 36 bits
  }
  return value;
}

}  // namespace slipway::layer
