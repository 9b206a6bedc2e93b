// View: a chain of layers as one file system to look things up in, without unpacking or mounting anything.
//
// Whiteouts, opaque directories and replaced directories are applied. Paths are relative to the root, cleaned ("" is
// the root). Each call reads the indexes of as many layers as it needs, from the top. Not thread-safe; cheap to make.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "executor/base/context.h"
#include "executor/base/progress.h"
#include "executor/base/status.h"
#include "executor/layer/chain_lookup.h"
#include "executor/layer/store.h"
#include "executor/tree/entry.h"

namespace slipway::layer {

/// What Located says, without a copy: the entry is that of an index.
struct Seen {
  const tree::Entry* entry = nullptr;
  size_t layer = 0;
  bool implied = false;

  Located Copy() const { return {.entry = *entry, .layer = layer, .implied = implied}; }
};

/// Where a path leads once symbolic links are followed inside the root.
struct Resolved {
  std::string path;              ///< clean, without links; what is missing at the end is kept as it was written
  std::optional<Located> found;  ///< empty if nothing is there
};

class View {
 public:
  /// `store` must outlive the view.
  View(Store& store, Chain chain, VertexProgress progress);

  /// What is at `path` itself; links are not followed anywhere. The root always exists.
  Result<std::optional<Located>> Lookup(const Context& ctx, std::string_view path);
  /// Follows symbolic links in all elements (in the last one if `follow_last`), clamped at the root; its
  /// errors are those of tree::Follow.
  Result<Resolved> Resolve(const Context& ctx, std::string_view path, bool follow_last);
  /// Everything below the folder `path` (not itself), sorted by path; links are not followed. The entries live as long
  /// as the view, or as what Indexes() gives.
  Result<std::vector<Seen>> Below(const Context& ctx, std::string_view path);
  /// Keeps alive what Below has given so far.
  std::vector<std::shared_ptr<const void>> Indexes() const;
  /// The names in the folder `path`, sorted.
  Result<std::vector<std::string>> Names(const Context& ctx, std::string_view path);

  /// The content of a located file (hard links followed), in the content store and leased.
  Result<Digest> Content(const Context& ctx, const Located& file, content::Lease* lease);
  /// The same of many, in their order: far cheaper than one by one where they are not in the store yet.
  Result<std::vector<Digest>> Contents(const Context& ctx, const std::vector<Located>& files, content::Lease* lease);
  /// A whole small file ("etc/passwd"), links followed; NOT_FOUND if it is not there.
  Result<std::string> ReadFile(const Context& ctx, std::string_view path, content::Store& content, uint64_t limit);

  const Chain& chain() const { return chain_; }

 private:
  struct Part {
    size_t layer = 0;
    const tree::Tree* tree = nullptr;
    size_t first = 0;
    size_t last = 0;
  };
  Result<std::shared_ptr<const tree::Tree>> Layer(const Context& ctx, size_t position);
  /// What the layers have below `path`, from the top down to where the rest is hidden.
  Result<std::vector<Part>> PartsBelow(const Context& ctx, std::string_view path);
  std::vector<Seen> ListOne(const Part& part, std::string_view path);
  std::vector<Seen> ListMerged(const std::vector<Part>& parts, std::string_view path);
  Seen Implied(std::string_view path, size_t layer);
  /// The file that a located file or hard link is a name of.
  Result<Located> FileOf(const Context& ctx, Located at);

  Store& store_;
  Chain chain_;
  VertexProgress progress_;
  std::vector<std::shared_ptr<const tree::Tree>> indexes_;
  std::shared_ptr<std::deque<tree::Entry>> implied_;  // folders that Below has made up
};

}  // namespace slipway::layer
