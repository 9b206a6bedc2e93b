// Decompression of a byte stream whose compression is told by its first bytes: gzip (ISA-L), zstd, xz and bzip2, or
// none.
//
// Streams of several gzip members or zstd frames read as one. Broken input is INVALID_ARGUMENT (what is no such stream
// at all) or DATA_LOSS (what ends early or fails its check); memory is bounded whatever the input says.
#pragma once

#include <cstdint>
#include <string_view>

#include "executor/base/status.h"
#include "executor/layer/archive.h"

namespace slipway::layer {

enum class Codec { kNone, kGzip, kZstd, kXz, kBzip2 };

/// What is done about the check sum that each gzip member ends with. Leaving it out spares a twentieth of the time; it
/// is for who goes by a digest of the bytes, before or after decompression. That the length fits is seen to in any
/// case.
enum class GzipSums { kChecked, kLeftOut };

/// For messages: "gzip", "uncompressed" …
std::string_view CodecName(Codec codec);

/// By the first bytes; six are enough.
Codec DetectCodec(std::string_view first_bytes);

/// The decompressed bytes of `source`. `codec`, if not null, gets what was detected, at the first read. The result
/// keeps a reference to `source`. After an error it must not be read again.
ByteSource Decompress(const ByteSource& source, Codec* codec = nullptr, GzipSums sums = GzipSums::kChecked);

}  // namespace slipway::layer
