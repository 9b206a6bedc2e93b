// What is wrong with the entries of an uploaded folder: each alone, and all together. Nothing of what a client sends is
// believed: after these checks every path stays inside the folder and lies below folders only.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "executor/source/context_source.h"
#include "executor/tree/entry.h"

namespace slipway::sources {

/// What is wrong with a manifest.
struct ManifestError {
  Status status;       ///< INVALID_ARGUMENT or RESOURCE_EXHAUSTED
  size_t entry = 0;    ///< which entry
  std::string member;  ///< "path"; "" where none is to blame
};

/// OK, or what is wrong with the entry for itself; `member` then names which part of it.
Status CheckEntry(const tree::Entry& entry, const source::Limits& limits, std::string* member);

/// OK, or what is wrong between the entries: double paths, something below a file, hard links to nothing. `order`
/// becomes the indexes of the entries in the order of their paths.
ManifestError CheckTogether(const std::deque<tree::Entry>& entries, std::vector<uint32_t>* order);

}  // namespace slipway::sources
