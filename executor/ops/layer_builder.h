// LayerBuilder: makes the entries of one new layer over a file system, as a program that copies files into it would.
//
// It answers look-ups from what was put so far and from the layers below, follows symbolic links inside the root, and
// keeps the layer self-contained: every folder on the way to an entry is among the entries, with the metadata it has
// below. Used by one thread.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "executor/base/context.h"
#include "executor/base/status.h"
#include "executor/layer/view.h"
#include "executor/tree/entry.h"

namespace slipway::ops {

/// What folders made on the way get.
struct NewFolder {
  uint32_t mode = 0755;
  uint32_t uid = 0;
  uint32_t gid = 0;
  tree::Time mtime;
};

class LayerBuilder {
 public:
  /// `below` may be null: the layer is made on nothing. It must outlive the builder.
  explicit LayerBuilder(layer::View* below) : below_(below) {}

  /// What is at `path` itself (links in its parents are not followed: give a resolved path).
  Result<std::optional<tree::Entry>> Lookup(const Context& ctx, const std::string& path);

  struct Place {
    std::string path;  ///< clean, without links as far as it exists
    std::optional<tree::Entry> entry;
  };
  /// Follows links inside the root; what does not exist is kept as written. INVALID_ARGUMENT for loops and for a file
  /// in the middle.
  Result<Place> Resolve(const Context& ctx, std::string_view path, bool follow_last);

  /// Makes `path` (which may go through links) a folder, with all parents; the resolved path. Existing folders stay as
  /// they are. FAILED_PRECONDITION if something else is there.
  Result<std::string> MakeFolders(const Context& ctx, std::string_view path, const NewFolder& as);

  /// Puts an entry at its path. Its parents must exist and be folders. A file or link that is there is replaced; a
  /// folder replaced by anything else (`replace_folder`) is emptied first, or is FAILED_PRECONDITION; a folder over a
  /// folder changes its metadata.
  Status Put(const Context& ctx, tree::Entry entry, bool replace_folder);

  /// About so many entries more will be put. Only spares time and memory.
  void Expect(size_t more);

  /// All entries, sorted.
  tree::Tree Take();

 private:
  struct ByPath {
    using is_transparent = void;
    bool operator()(const tree::Entry& a, const tree::Entry& b) const { return tree::PathLess(a.path, b.path); }
    bool operator()(const tree::Entry& a, std::string_view b) const { return tree::PathLess(a.path, b); }
    bool operator()(std::string_view a, const tree::Entry& b) const { return tree::PathLess(a, b.path); }
  };

  Status CarryParents(const Context& ctx, const std::string& path);
  void EraseBelow(const std::string& path);
  bool HiddenBelow(std::string_view path) const;
  const tree::Entry* Find(std::string_view path) const;
  /// In place of what has its path.
  void Insert(tree::Entry entry);
  void Spread();

  layer::View* below_;
  std::string absent_;             // a path that the layers below do not have, the last one met; "" if none
  std::string carried_;            // a folder of ours with all its parents, the last one met; "" if none
  std::set<std::string> emptied_;  // folders of the layers below that were replaced
  // Entries mostly come in the order of their paths and stay: then they are only lined up, which takes a third less
  // memory. The first one that does not makes them all a set.
  std::vector<tree::Entry> line_;
  std::set<tree::Entry, ByPath> entries_;  // line_ is empty if this is not
};

}  // namespace slipway::ops
