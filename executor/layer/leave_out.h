// Without: a layer's entries without some of its files, of whose other names none is lost.
#pragma once

#include <string>
#include <vector>

#include "executor/tree/entry.h"

namespace slipway::layer {

/// `layer` without the files and hard links at `paths` (what else is there stays). Where the name left out was the file
/// that other names link to, the first of those becomes the file.
tree::Tree Without(const tree::Tree& layer, const std::vector<std::string>& paths);

}  // namespace slipway::layer
