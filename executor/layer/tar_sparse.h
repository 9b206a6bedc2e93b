// Sparse files in tar: which ranges of a file the stored bytes belong to.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "executor/base/status.h"

namespace slipway::layer {

struct SparseSegment {
  uint64_t offset = 0;
  uint64_t length = 0;
};
using SparseMap = std::vector<SparseSegment>;

/// A map of more segments than this is refused.
inline constexpr size_t kMostSparseSegments = 1U << 20;

/// INVALID_ARGUMENT unless the segments rise without overlap, lie within `file_size` and hold `stored` bytes in all.
Status CheckSparseMap(const SparseMap& map, uint64_t file_size, uint64_t stored);

/// "offset,length,offset,length…" of GNU.sparse.map (formats 0.0 and 0.1).
Result<SparseMap> ParseSparseList(std::string_view text);

/// Pairs of 12-byte fields in an old GNU header or extension block, appended to `map`; the first empty pair ends them.
Status AppendOldSparsePairs(std::string_view pairs, SparseMap& map);

/// Format 1.0 puts the map in front of the content: decimal lines, first the number of pairs. Takes what it is fed.
class SparseMapParser {
 public:
  /// True once the map is complete. `text` is the next block of 512 bytes.
  Result<bool> Feed(std::string_view text);
  SparseMap Take() { return std::move(map_); }

 private:
  Status EndNumber();

  bool have_count_ = false;
  uint64_t numbers_left_ = 0;
  bool digits_ = false;
  uint64_t number_ = 0;
  bool half_ = false;  // the offset of a pair was read, its length was not
  SparseMap map_;
};

/// A decimal number; INVALID_ARGUMENT for anything else or more than 63 bits.
Result<uint64_t> ParseDecimal(std::string_view text);
/// A number field of a tar header: octal text, or base 256. INVALID_ARGUMENT for what is neither or does not fit 63
/// bits.
Result<int64_t> ParseTarNumber(std::string_view field);

}  // namespace slipway::layer
