// DenseCodec: gzip blocks by libdeflate, whose levels lie between ISA-L's and zlib's in speed and size.
//
// libdeflate makes whole streams only. A block of ours must be open at its end and end on a byte, so that others can
// follow in the same stream: the bit that marks the last deflate block is found and cleared, and an empty stored block
// fills the last byte, as a sync flush does. Where the last deflate block begins, ISA-L's inflate tells, which is given
// one deflate block after the other; the same pass proves that the block reads back.
#pragma once

#include <memory>

#include "executor/layer/compress.h"

namespace slipway::layer {

/// `level` is libdeflate's. The bytes do not depend on the processor.
std::unique_ptr<BlockCodec> NewDenseCodec(int level);

}  // namespace slipway::layer
