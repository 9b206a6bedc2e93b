// SurveyEffort: a look at a few places of a layer's files before it is made, to find how much its compression is worth.
//
// A blob is to be at most some percent larger than the slow codecs make it. Where most of it will be bytes that nothing
// makes smaller (archives, pictures, random data), those percent are a small part of the whole, and the fast codec does
// for the rest as well: a gigabyte of which half is text costs a third of the time and 3 % in size.
#pragma once

#include "executor/layer/assembler.h"
#include "executor/layer/compress.h"

namespace slipway::layer {

/// Depends on the entries and what is in their files only. kDense for small layers, of which nothing is read.
Effort SurveyEffort(const EntrySource& source);

}  // namespace slipway::layer
