// LayerMerge: several layers as one: what is seen when they lie over each other, and, over a base, what they hide of
// it.
//
// Layers are added from the bottom. Whiteouts, opaque folders and replaced entries are applied, parents that are
// symbolic links are followed inside the root, and the names of one file stay names of one file. No bytes are touched:
// of each file is told which layer has its content, under what path. Not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "executor/base/status.h"
#include "executor/tree/entry.h"

namespace slipway::layer {

struct MergedEntry {
  /// Of the names of one file the first in the tree's order is the file, the others are hard links to it.
  tree::Entry entry;
  // Of a file: where its content is.
  size_t layer = 0;    ///< number of the layer, in the order of Add
  tree::Entry source;  ///< the file as it stands in that layer, under its path there
};

class LayerMerge {
 public:
  /// The next layer up. INVALID_ARGUMENT for symbolic links that lead in a circle.
  Status Add(const tree::Tree& layer);

  /// All that is visible, in the tree's order; folders that are only implied by what is in them are made 0755 0:0.
  /// Without a base there is nothing to hide, and no whiteout or opaque folder is left.
  /// FAILED_PRECONDITION for a hard link to what no layer has.
  Result<std::vector<MergedEntry>> Finish(bool over_base) &&;

 private:
  struct Less {
    using is_transparent = void;
    bool operator()(std::string_view a, std::string_view b) const { return tree::PathLess(a, b); }
  };
  /// A file, whatever its names: the layer and the path of its content.
  using FileId = std::pair<size_t, std::string>;
  struct Node {
    tree::Entry entry;
    std::optional<FileId> file;
    bool implied = false;
  };
  using Nodes = std::map<std::string, Node, Less>;

  Result<std::string> RealPath(std::string_view path);
  void MakeFolders(std::string_view path);
  void EraseBelow(const std::string& path);
  void Place(const std::string& path, tree::Entry entry, std::optional<FileId> file);

  Nodes nodes_;
  std::map<FileId, tree::Entry> files_;  // those that may have several names, as they are now
  size_t layers_ = 0;
  std::string parent_;       // the folder that was resolved last,
  std::string parent_real_;  // and what it came to
};

}  // namespace slipway::layer
