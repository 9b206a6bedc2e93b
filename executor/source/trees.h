// What all kinds of contexts do with their trees: limits, a check of what others made, and remembering what was made
// before. Internal to this folder.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "executor/base/status.h"
#include "executor/content/store.h"
#include "executor/source/context_source.h"
#include "executor/source/memo.h"
#include "executor/tree/entry.h"

namespace slipway::source {

/// RESOURCE_EXHAUSTED, in the same words everywhere: which limit, and whose it is.
Status TooManyEntries(uint64_t limit);
Status TooManyBytes(uint64_t limit);
Status FileTooLarge(std::string_view path, uint64_t size, uint64_t limit);
Status CheckLimits(const tree::Tree& tree, const Limits& limits);

/// Adds folders (0755) that are only named by what is in them.
tree::Tree WithParents(const tree::Tree& tree);
/// INVALID_ARGUMENT unless all paths are clean, lie in folders of the tree, files name their content, and links lead to
/// files.
Status CheckShape(const tree::Tree& tree);

/// Leases the contents of a tree; which of them are not there, each once.
Result<std::vector<Digest>> LeaseContents(const tree::Tree& tree, content::Store& store, content::Lease* lease);

/// The tree that was remembered under `key`, if all of it is still here and within the limits; else nullptr.
Result<std::shared_ptr<const tree::Tree>> RecallTree(const std::string& key, content::Store& store, Memo& memo,
                                                     const Limits& limits, content::Lease* lease);
Status RememberTree(const std::string& key, const tree::Tree& tree, content::Store& store, Memo& memo,
                    content::Lease* lease);

/// A tree of one file.
Result<tree::Tree> TreeOfFile(std::string_view name, std::string_view text, content::Store& store,
                              content::Lease* lease);

}  // namespace slipway::source
