// Selection: the entries that a copy takes from its source, under the names that they get.
//
// The content key of a copy is the digest over its selection, so a changed file outside it misses nothing. Selecting
// reads indexes, and hashes only those selected files whose digest is not known yet.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "executor/base/context.h"
#include "executor/base/status.h"
#include "executor/content/store.h"
#include "executor/graph/vertex.h"
#include "executor/layer/view.h"
#include "executor/tree/entry.h"

namespace slipway::ops {

/// One match of one source path.
struct Selected {
  std::string source;  ///< the path as matched, links not followed; for messages and for its last element
  tree::Entry root;    ///< what it is, links followed; its `path` is not used
  /// A folder's contents (or with --parents everything down from the pivot), `path` relative to where they are put.
  /// Parents come first. Files have their digest; hard links within the selection are kept, others became files.
  std::vector<tree::Entry> below;
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
