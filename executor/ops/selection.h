// Selection: the entries that a copy takes from its source, under the names that they get.
//
// The content key of a copy is the digest over its selection, so a changed file outside it misses nothing. Selecting
// reads indexes, and hashes only those selected files whose digest is not known yet.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "executor/base/context.h"
#include "executor/base/status.h"
#include "executor/content/store.h"
#include "executor/graph/vertex.h"
#include "executor/layer/view.h"
#include "executor/tree/entry.h"

namespace slipway::ops {

/// An entry under another path: one of an index with the beginning of its path left out, or one of its own. A copy of
/// each entry of a large context would be most of what the daemon holds.
class Picked {
 public:
  /// `entry` must be kept alive for as long.
  Picked(const tree::Entry* entry, size_t skip) : entry_(entry), skip_(skip) {}
  explicit Picked(tree::Entry own) : own_(std::make_unique<tree::Entry>(std::move(own))), entry_(own_.get()) {}

  std::string_view path() const { return std::string_view(entry_->path).substr(skip_); }
  /// All but the path.
  const tree::Entry& entry() const { return *entry_; }
  /// The entry, below `prefix`.
  tree::Entry Copy(std::string_view prefix = "") const;

 private:
  std::unique_ptr<const tree::Entry> own_;
  const tree::Entry* entry_;
  size_t skip_ = 0;
};

/// One match of one source path.
struct Selected {
  std::string source;  ///< the path as matched, links not followed; for messages and for its last element
  tree::Entry root;    ///< what it is, links followed; its `path` is not used
  /// A folder's contents (or with --parents everything down from the pivot), `path` relative to where they are put.
  /// Parents come first. Files have their digest; hard links within the selection are kept, others became files.
  std::vector<Picked> below;
  std::vector<std::shared_ptr<const void>> indexes;  ///< what keeps `below` alive
};

/// Whom a selection is for; only its messages differ.
enum class SelectionUse {
  kContext,  ///< a copy from the build context
  kFrom,     ///< a copy from a stage, an image or a named context
  kMount,    ///< a bind mount
};

/// Why a path is not in what is selected from, as graph::SourceOp::why_missing.
using WhyMissing = std::function<std::string(const std::string& path)>;

/// NOT_FOUND if a source matches nothing and `copy.must_exist`; `why` may know more, and may be null. Contents are
/// leased.
Result<std::vector<Selected>> Select(const Context& ctx, const graph::CopyAction& copy, layer::View& from,
                                     content::Lease* lease, SelectionUse use, const WhyMissing& why);

/// Appends to the key: names, types, modes, owners, contents; not times. The root's own name counts where it is a file.
void AddToDigest(const std::vector<Selected>& selection, Hasher& hasher);

}  // namespace slipway::ops
