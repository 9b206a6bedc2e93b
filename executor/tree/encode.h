// Encode of entries that are not a Tree: what is held otherwise needs no copy to be written.
#pragma once

#include <span>
#include <string>

#include "executor/tree/entry.h"

namespace slipway::tree {

/// As Encode of the tree of these entries, which are sorted by PathLess, each path once.
std::string Encode(std::span<const Entry* const> sorted);

}  // namespace slipway::tree
