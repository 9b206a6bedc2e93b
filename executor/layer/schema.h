// The tables of the layer store, and the queries on them.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "executor/base/status.h"
#include "executor/db/database.h"
#include "executor/layer/assembler.h"
#include "executor/layer/store.h"

namespace slipway::layer {

/// What is known of a layer besides its blobs and folders.
struct LayerRow {
  Key key;
  Digest diff_id;      ///< empty until known
  Digest recipe;       ///< encoded tree in the content store; empty for others
  Digest index;        ///< encoded tree in the content store; empty until made
  std::string upper;   ///< path of an upper folder
  SystemTime created;  ///< when it was recorded here
};

class Records {
 public:
  static Result<std::unique_ptr<Records>> Open(const std::string& path);

  Result<std::optional<LayerRow>> Find(const Key& key);
  /// NOT_FOUND with a text for people if there is none.
  Result<LayerRow> Get(const Key& key);
  /// One that is known stays as it is. `mark`: what Settler gave for its folder; "" without one.
  Status Insert(const LayerRow& row, const std::string& mark = "");
  Status SetIndex(const Key& key, const Digest& index);
  Status SetDiffId(const Key& key, const Digest& diff_id);
  /// Paths of an upper folder that are no changes.
  Status AddUnchanged(const Key& key, const std::vector<std::string>& paths);
  Result<std::vector<std::string>> Unchanged(const Key& key);
  /// The folders that were theirs, which are to be removed.
  Result<std::vector<std::string>> Forget(const std::vector<Key>& keys);
  Result<std::vector<LayerRow>> All();

  Status AddRemote(const Key& key, const Remote& remote);
  Result<std::vector<Remote>> Remotes(const Key& key);

  /// `form` tells codec, level, family and clamp apart. `blocks` are the blob's; of each key the last is remembered.
  Status AddBlob(const Key& key, const std::string& form, const AssembledLayer& blob,
                 const std::vector<PackedBlock>& blocks);
  /// A compressed block, and the blob that it is in.
  Result<std::optional<std::pair<Digest, PackedBlock>>> Block(const Digest& key);
  Result<std::optional<AssembledLayer>> Blob(const Key& key, const std::string& form);

  /// `below` is "" for a layer that stands alone, else the id of the chain it was unpacked on.
  Status AddUnpacked(const Key& key, const std::string& below, const std::string& dir, const std::string& mark);
  /// "" if it is not unpacked, or not on that chain.
  Result<std::string> Unpacked(const Key& key, const std::string& below);
  /// All folders, of layers unpacked and of steps, and whose they are.
  Result<std::map<std::string, Key>> Folders();

  // Folders in use that may not have reached the disk, by their paths (settler.h). Not those that Doubt() was told of.
  Result<std::vector<std::string>> Unsettled();
  /// Takes the mark from what is recorded with these folders.
  Status Settle(const std::vector<std::string>& folders);
  /// A sync of these folders has failed: they are used as long as this daemon lives and forgotten by the next one.
  Status Doubt(const std::vector<std::string>& folders);
  /// Forgets what has another mark than `mark`.
  Status ForgetUnsettled(const std::string& mark);

 private:
  explicit Records(std::unique_ptr<db::Database> db) : db_(std::move(db)) {}
  std::unique_ptr<db::Database> db_;
};

}  // namespace slipway::layer
