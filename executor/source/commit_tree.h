// A commit's tree read from a mirror's object database: first the names, then the contents that are not known yet.
// Internal to this folder.
//
// Names come from a remote and are checked as git checks them: none leads out of the tree or is a ".git". Attributes
// and filters have no effect: bytes are those of the blob.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "executor/base/context.h"
#include "executor/base/progress.h"
#include "executor/base/status.h"
#include "executor/content/store.h"
#include "executor/source/context_source.h"
#include "executor/source/memo.h"
#include "executor/source/mirror.h"
#include "executor/tree/entry.h"

namespace slipway::source {

/// A submodule's place.
struct Gitlink {
  std::string path;  ///< in its repository
  std::string oid;   ///< the commit, 40 hex digits
};

struct BlobPlace {
  size_t entry = 0;
  std::string oid;  ///< 20 bytes
};

/// Entries of a tree whose files have no content yet.
struct CommitEntries {
  std::vector<tree::Entry> entries;
  std::vector<BlobPlace> blobs;
  std::vector<Gitlink> links;
};

/// Where a folder is in a tree.
struct FolderPlace {
  std::string path;             ///< symbolic links followed; "" is the root
  git_oid tree{};               ///< unless `link`
  std::optional<Gitlink> link;  ///< the folder is, or is in, this submodule …
  std::string rest;             ///< … here
};

/// The tree of a commit and when it was made.
struct CommitInfo {
  git_oid tree{};
  tree::Time time;
};
Result<CommitInfo> ReadCommit(const Mirror& mirror, const std::string& commit);

/// Follows symbolic links inside the repository. NOT_FOUND if nothing is there, INVALID_ARGUMENT if it is no folder or
/// leads out.
Result<FolderPlace> FindFolder(const Mirror& mirror, const git_oid& root, std::string_view folder);

/// Counts over a whole context, submodules included.
struct Tally {
  uint64_t entries = 0;
  uint64_t bytes = 0;
};

/// Lists what is below `folder` of a commit, as entries below `prefix` ("" or a clean path). `folder_path` is the
/// folder's path in the repository, for links' paths. RESOURCE_EXHAUSTED past `limits`.
Result<CommitEntries> ListFolder(const Context& ctx, const Mirror& mirror, const git_oid& folder,
                                 const std::string& folder_path, const std::string& prefix, tree::Time time,
                                 const Limits& limits, Tally* tally);

struct StoredBlobs {
  uint64_t read = 0;  ///< blobs that had to be read
  uint64_t read_bytes = 0;
  std::vector<std::string> lfs_pointers;  ///< paths
};

/// Gives the entries their contents: known ones by the memo, others are read into the store. All are leased.
Result<StoredBlobs> StoreBlobs(const Context& ctx, const Mirror& mirror, const Limits& limits, uint64_t max_blob_bytes,
                               Tally* tally, content::Store& store, Memo& memo, content::Lease* lease,
                               const VertexProgress& progress, CommitEntries* commit);

/// The bytes of a small blob by its path in a tree; nullopt if there is none.
Result<std::optional<std::string>> ReadSmallFile(const Mirror& mirror, const git_oid& tree, const std::string& path,
                                                 uint64_t limit);

}  // namespace slipway::source
