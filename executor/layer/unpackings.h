// Unpackings: which layers are being unpacked at the moment.
//
// An unpacking gives the layer's index on the way, so whoever wants only that waits for it. It may need what is below
// the layer, so it is named by the layer and the chain below, and waits for unpackings that are lower in its own chain
// only: then no two wait for each other, whatever layers chains have in common.
#pragma once

#include <string>

#include "executor/base/digest.h"
#include "executor/base/flight.h"
#include "executor/layer/store.h"

namespace slipway::layer {

/// By names; each gives the folder.
using Unpackings = Flight<std::string>;

/// What tells the lowest `count` layers of a chain from all others.
inline std::string ChainId(const Chain& chain, size_t count) {
  Hasher hasher;
  for (size_t i = 0; i < count; ++i) hasher.Field(chain[i]);
  return hasher.Finish().hex();
}

/// The beginning of the names of all unpackings of a layer.
inline std::string UnpackingsOf(const Key& key) { return key + " "; }
/// The name of that of the layer at `position`.
inline std::string UnpackingOf(const Chain& chain, size_t position) {
  return UnpackingsOf(chain.at(position)) + ChainId(chain, position);
}

}  // namespace slipway::layer
