// ContextUpload: one folder on its way from a client into the content store. First its entries, then the contents that
// are missing, then Commit. Destroyed before that, it leaves nothing but content that nobody leases.
//
// Holds the entries in memory (bounded by the limits), never file contents. Not thread-safe.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/sources/manifest_check.h"
#include "executor/content/store.h"
#include "executor/source/context_source.h"
#include "executor/tree/entry.h"

namespace slipway::sources {

struct UploadCounts {
  uint64_t bytes_received = 0;
  uint64_t files_received = 0;
  uint64_t files_reused = 0;
  uint64_t bytes_total = 0;
};

class ContextUpload {
 public:
  /// Bytes that names, links and attributes may take together.
  static constexpr uint64_t kMaxManifestBytes = 128ULL << 20;

  static Result<std::unique_ptr<ContextUpload>> Begin(content::Store& store, const source::Limits& limits);

  /// Takes an entry. A file of size 0 may have no digest.
  ManifestError Add(tree::Entry entry);
  /// All entries were added: finds out which contents are missing.
  ManifestError EndManifest();
  /// Indexes of the entries whose contents are to be sent, ascending. After EndManifest.
  const std::vector<uint32_t>& missing() const { return missing_; }
  /// The size of the largest of those; 0 if there is none.
  uint64_t largest_missing() const { return largest_missing_; }

  /// The next bytes. INVALID_ARGUMENT if it is not this entry's turn or it gets too long (`member` names which part of
  /// the message is wrong), DATA_LOSS if the content is not what was announced.
  Status AddContent(uint32_t entry, std::string_view bytes, std::string* member);
  /// The same for a whole file, read from its beginning. `between` is asked now and then whether to go on.
  Status AddFile(uint32_t entry, int fd, const std::function<Status()>& between, std::string* member);
  /// Whether every missing content has come.
  bool complete() const { return next_ == missing_.size(); }
  /// The first file that is still missing, for messages.
  std::string NextMissing() const;

  /// Stores the tree. Its digest; the lease then holds all that belongs to it. It reaches the disk soon
  /// (content::Store::AwaitSynced).
  Result<Digest> Commit();
  /// After Commit.
  content::Lease TakeLease() { return std::move(lease_); }
  /// The tree, unless it is a very large one.
  std::shared_ptr<const tree::Tree> TakeTree() { return std::move(tree_); }
  const UploadCounts& counts() const { return counts_; }

 private:
  ContextUpload(content::Store& store, const source::Limits& limits) : store_(store), limits_(limits) {}
  Status CheckTurn(uint32_t entry, std::string* member) const;
  Status BeginBatch();
  ManifestError FindMissing();
  ManifestError AddFolders();
  tree::Tree MoveToTree();

  content::Store& store_;
  const source::Limits limits_;
  content::Lease lease_;
  std::deque<tree::Entry> entries_;  // there may be very many: nothing that is moved as it grows
  std::vector<uint32_t> order_;      // of the entries, by their paths
  std::deque<tree::Entry> folders_;  // implied by paths but not listed, sorted
  uint64_t manifest_bytes_ = 0;
  uint64_t files_ = 0;
  std::vector<uint32_t> missing_;
  uint64_t largest_missing_ = 0;
  size_t next_ = 0;        // in missing_
  uint64_t received_ = 0;  // of the file that is under way
  bool in_file_ = false;
  std::unique_ptr<content::BatchIngest> batch_;
  std::shared_ptr<const tree::Tree> tree_;  // once it is stored
  UploadCounts counts_;
};

}  // namespace slipway::sources
