// Looking a path up in layers that lie over each other, by their indexes: whiteouts, opaque directories and replaced
// directories are applied. Paths are clean and relative to the root, which is "".
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "executor/base/status.h"
#include "executor/tree/entry.h"

namespace slipway::layer {

/// An entry and the layer that has it.
struct Located {
  tree::Entry entry;
  size_t layer = 0;      ///< position in the chain
  bool implied = false;  ///< a folder that no layer names: only what is below it
};

/// Gives the index of the layer at a position; the bottom one is 0.
using IndexAt = std::function<Result<std::shared_ptr<const tree::Tree>>(size_t position)>;

/// What is at `path` itself in the lowest `count` layers; links are not followed anywhere. The root always exists. Asks
/// for as few indexes as it takes, from the top.
Result<std::optional<Located>> LookUp(size_t count, const IndexAt& index_at, std::string_view path);

/// Whether a layer hides what the layers below have at a path, itself or through a folder above.
bool Hides(const tree::Tree& layer, std::string_view path);

/// A folder that no layer names.
tree::Entry ImpliedDir(std::string_view path);

/// "" for what is in the root.
std::string_view ParentPath(std::string_view path);

}  // namespace slipway::layer
