// Layout of a tar header: the fields of POSIX ustar (IEEE 1003.1, pax), and what GNU tar and star put into the same 512
// bytes.
#pragma once

#include <cstddef>
#include <cstdint>

namespace slipway::layer::tar {

inline constexpr size_t kBlock = 512;

struct Field {
  size_t offset;
  size_t size;
};

inline constexpr Field kName{0, 100};
inline constexpr Field kMode{100, 8};
inline constexpr Field kUid{108, 8};
inline constexpr Field kGid{116, 8};
inline constexpr Field kSize{124, 12};
inline constexpr Field kMtime{136, 12};
inline constexpr Field kChecksum{148, 8};
inline constexpr Field kTypeflag{156, 1};
inline constexpr Field kLinkname{157, 100};
inline constexpr Field kMagic{257, 8};  // "ustar\0" "00", or GNU's "ustar  \0"
inline constexpr Field kDevMajor{329, 8};
inline constexpr Field kDevMinor{337, 8};
inline constexpr Field kPrefix{345, 155};
inline constexpr Field kStarPrefix{345, 131};
inline constexpr Field kStarTrailer{508, 4};  // "tar\0"

// GNU's old sparse format.
inline constexpr size_t kSparsePairSize = 24;  // offset and length, 12 bytes each
inline constexpr Field kSparsePairs{386, 4 * kSparsePairSize};
inline constexpr Field kSparseIsExtended{482, 1};
inline constexpr Field kSparseRealSize{483, 12};
inline constexpr Field kSparseExtensionPairs{0, 21 * kSparsePairSize};
inline constexpr Field kSparseExtensionIsExtended{504, 1};

/// Bytes that follow content of `size` bytes up to the next block.
constexpr uint64_t Padding(uint64_t size) { return (kBlock - size % kBlock) % kBlock; }

}  // namespace slipway::layer::tar
