// Follow: where a path leads in a tree whose entries can be looked up, symbolic links followed inside the root.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "executor/base/status.h"
#include "executor/tree/entry.h"

namespace slipway::tree {

/// What is at a path itself, null if nothing is there. The path is clean; the entry has to live until the next call.
using LookupEntry = std::function<Result<const Entry*>(const std::string& path)>;

struct Followed {
  std::string path;    ///< clean and without links; what is missing at its end is kept as it was written
  bool found = false;  ///< whether anything is there
};

/// Follows the links of all elements (of the last one if `follow_last`); ".." and absolute targets stay below the
/// root, which always exists. INVALID_ARGUMENT where links lead in a circle or have targets, or make ways, longer than
/// anybody means; FAILED_PRECONDITION where something that
/// is neither a folder nor a link has more behind it; what `lookup` fails with is passed on.
Result<Followed> Follow(std::string_view path, bool follow_last, const LookupEntry& lookup);

}  // namespace slipway::tree
