// The layer store: every layer this daemon knows, in whichever forms it has, each made from another only when asked for.
//
//   remote descriptor   AddRemote            known to be in some registry; no byte is here
//   compressed blob     Blob                 in the content store: downloaded, or assembled from a recipe or an upper folder
//   index               Index                the table of its entries
//   unpacked folder     LowerDirs            an overlay lower
//   recipe              AddRecipe            entries whose contents are in the content store (a COPY)
//   upper folder        NewUpper, AddUpper   what a container changed
//
// A layer is named by a Key; a file system is a Chain of keys, bottom first. Making a form is one flight per layer, records
// survive restarts, and what a crash left half made is swept when the store is opened. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "executor/base/context.h"
#include "executor/base/digest.h"
#include "executor/base/progress.h"
#include "executor/base/status.h"
#include "executor/base/thread_pool.h"
#include "executor/content/store.h"
#include "executor/layer/archive.h"
#include "executor/layer/assembler.h"
#include "executor/oci/manifest.h"
#include "executor/tree/entry.h"

namespace slipway::layer {

/// "sha256:…" (diff id, of registry layers), "recipe:sha256:…" or "upper:<random>".
using Key = std::string;
/// Bottom first. Empty: scratch.
using Chain = std::vector<Key>;

/// A layer in a registry.
struct Remote {
  oci::Descriptor descriptor;
  std::string host;
  std::string repository;
};

/// Streams a blob from a registry into `sink`, verifying its digest.
using Fetch = std::function<Status(const Context&, const Remote&, const std::function<Status(std::string_view)>& sink,
                                   const VertexProgress&)>;

struct StoreOptions {
  std::string root;
  ArchiveLimits limits;
};

class Store {
 public:
  /// `content` and `pool` must outlive the store.
  static Result<std::unique_ptr<Store>> Open(const StoreOptions& options, content::Store& content, ThreadPool& pool,
                                             Fetch fetch);
  virtual ~Store() = default;

  virtual Result<Key> AddRemote(const Digest& diff_id, const Remote& where) = 0;
  /// Equal recipes are one layer. Parents of every entry must be among the entries. Contents are leased by the caller.
  virtual Result<Key> AddRecipe(const tree::Tree& recipe) = 0;
  /// A path that does not exist yet, for snapshot::Active::Commit; then AddUpper records it.
  virtual std::string NewUpper() = 0;
  virtual Result<Key> AddUpper(const std::string& path) = 0;

  /// Whether all layers are known and can still be made into any form. What is not is forgotten.
  virtual bool Usable(const Chain& chain) = 0;
  /// Remote places where the layer is known to be, the newest first.
  virtual std::vector<Remote> Remotes(const Key& key) = 0;
  /// The diff id where it is known without work (remote layers and assembled ones); empty otherwise.
  virtual Digest DiffId(const Key& key) = 0;
  /// The blob that Blob() would give, if it is known without work.
  virtual std::optional<AssembledLayer> KnownBlob(const Key& key, const AssembleOptions& options) = 0;

  /// The layer's entries. Downloads the blob once if that is what it takes.
  virtual Result<std::shared_ptr<const tree::Tree>> Index(const Context& ctx, const Key& key,
                                                          const VertexProgress& progress) = 0;
  /// Unpacked folders for an overlay, the topmost first; layers are unpacked in parallel.
  virtual Result<std::vector<std::string>> LowerDirs(const Context& ctx, const Chain& chain,
                                                     const VertexProgress& progress) = 0;
  /// The folder of one unpacked layer of a chain (the layer at `position`).
  virtual Result<std::string> Unpacked(const Context& ctx, const Chain& chain, size_t position,
                                       const VertexProgress& progress) = 0;
  /// The content of a file entry of layer `chain[position]`, in the content store: there already for recipes, else the
  /// file is hashed and linked in. Leased.
  virtual Result<Digest> FileContent(const Context& ctx, const Chain& chain, size_t position, const tree::Entry& file,
                                     content::Lease* lease, const VertexProgress& progress) = 0;
  /// The compressed blob in the content store (leased). Registry layers are given as they are in their registry, whatever
  /// `options` ask for. `sink` gets the bytes if, and only if, the layer has to be assembled now.
  virtual Result<AssembledLayer> Blob(const Context& ctx, const Key& key, const AssembleOptions& options,
                                      content::Lease* lease, BlobSink* sink, const VertexProgress& progress) = 0;

  /// Content that records here name: what content::Store::Collect must keep.
  virtual Result<std::vector<Digest>> ContentInUse() = 0;
  /// Forgets all layers but `keep` and removes their folders.
  virtual Status Retain(const std::vector<Key>& keep) = 0;
  /// Bytes of unpacked and upper folders, roughly.
  virtual Result<uint64_t> FolderBytes() = 0;
};

}  // namespace slipway::layer
