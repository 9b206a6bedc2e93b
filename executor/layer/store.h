// The layer store: every layer this daemon knows, in whichever forms it has, each made from another only when asked
// for.
//
// - remote descriptor (AddRemote): known to be in some registry; no byte is here
// - compressed blob (Blob): in the content store; downloaded, or assembled from a recipe or an upper folder
// - index (Index): the table of its entries
// - unpacked folder (LowerDirs): an overlay's lower
// - recipe (AddRecipe): entries whose contents are in the content store (a COPY)
// - upper folder (NewUpper, AddUpper): what a container changed
//
// A layer is named by a Key; a file system is a Chain of keys, bottom first. Making a form is one flight per layer,
// records survive restarts, and what a crash left half made is swept when the store is opened. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "executor/base/clock.h"
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

/// "sha256:…" (diff id, of registry layers; with "@sha256:…" if an earlier one claimed it for another blob),
/// "recipe:sha256:…" or "upper:<random>".
using Key = std::string;
/// Bottom first. Empty: scratch.
using Chain = std::vector<Key>;

/// A layer in a registry.
struct Remote {
  oci::Descriptor descriptor;
  std::string host;
  std::string repository;
};

/// Streams a blob from a registry into `sink`. Its digest is not verified: it is hashed where it is kept.
using Fetch = std::function<Status(const Context&, const Remote&, const std::function<Status(std::string_view)>& sink,
                                   const VertexProgress&)>;

struct StoreOptions {
  std::string root;
  ArchiveLimits limits;
};

class Store;

/// Keeps layers from being forgotten by Retain() until destroyed.
class Pin {
 public:
  Pin() = default;
  Pin(Pin&& other) noexcept : store_(std::exchange(other.store_, nullptr)), chain_(std::move(other.chain_)) {}
  Pin& operator=(Pin&& other) noexcept;
  ~Pin();

 private:
  friend class Store;
  Pin(Store* store, std::unique_ptr<const Chain> chain) : store_(store), chain_(std::move(chain)) {}
  Store* store_ = nullptr;
  std::unique_ptr<const Chain> chain_;
};

class Store {
 public:
  /// `content` and `pool` must outlive the store.
  static Result<std::unique_ptr<Store>> Open(const StoreOptions& options, content::Store& content, ThreadPool& pool,
                                             Fetch fetch);
  virtual ~Store() = default;

  /// Where recipes' contents and blobs are.
  virtual content::Store& content() = 0;

  /// A key stands for one blob, wherever that is: what an image's config says of it is only believed once the layer is
  /// unpacked, and must not lead to other bytes where somebody else's image has that diff id.
  virtual Result<Key> AddRemote(const Digest& diff_id, const Remote& where) = 0;
  /// Equal recipes are one layer. Parents of every entry must be among the entries. Contents are leased by the caller.
  /// `encoded` is the digest of the encoded tree where the content store has it already, leased.
  virtual Result<Key> AddRecipe(std::shared_ptr<const tree::Tree> recipe, const Digest& encoded) = 0;
  Result<Key> AddRecipe(tree::Tree recipe) {
    return AddRecipe(std::make_shared<const tree::Tree>(std::move(recipe)), Digest());
  }
  /// A path that does not exist yet, for snapshot::Active::Commit; then AddUpper records it.
  virtual std::string NewUpper() = 0;
  /// `unchanged`: paths of files in it that are as they are in the layers below. They are in the folder and in the
  /// index for the sake of their other names, and not in the blob.
  virtual Result<Key> AddUpper(const std::string& path, const std::vector<std::string>& unchanged) = 0;

  /// Whether all layers are known and can still be made into any form. What is not is forgotten.
  virtual bool Usable(const Chain& chain) = 0;
  /// Whether the layer was asked for and could not be had: no registry gives it, or what one gives is not this layer.
  /// So until it can be had, or until Retain(). Only what was asked for by Index() or for its files is known.
  virtual bool Lost(const Key& key) = 0;
  /// Remote places where the layer is known to be, the newest first.
  virtual std::vector<Remote> Remotes(const Key& key) = 0;
  /// Records that a registry has the layer's blob now: it was pushed there.
  virtual Status NotePlace(const Key& key, const Remote& place) = 0;
  /// When the layer was made here; what an image's history says.
  virtual std::optional<SystemTime> Created(const Key& key) = 0;
  /// The diff id where it is known without work (remote layers and assembled ones); empty otherwise.
  virtual Digest DiffId(const Key& key) = 0;
  /// The blob that Blob() would give, if it is known without work.
  virtual std::optional<AssembledLayer> KnownBlob(const Key& key, const AssembleOptions& options) = 0;

  /// Whether the entries of all of them are known without a blob being downloaded or decompressed.
  virtual bool IndexesAtHand(const Chain& chain) = 0;
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
  /// A file entry of layer `chain[position]`.
  struct FileAt {
    size_t position = 0;
    tree::Entry file;
  };
  /// FileContent of many, in their order: small ones are packed, and all are synced together.
  virtual Result<std::vector<Digest>> FileContents(const Context& ctx, const Chain& chain,
                                                   const std::vector<FileAt>& files, content::Lease* lease,
                                                   const VertexProgress& progress) = 0;
  /// The content of the same, to be read where it is: nothing is hashed or stored. Unpacks a registry layer.
  virtual Result<content::Blob> OpenFile(const Context& ctx, const Chain& chain, size_t position,
                                         const tree::Entry& file, const VertexProgress& progress) = 0;
  /// The compressed blob in the content store (leased). Registry layers are given as they are in their registry,
  /// whatever `options` ask for. `sink` gets the bytes if, and only if, the layer has to be assembled now; then a
  /// blob that is large, or of a step's folder, is not in the content store afterwards: it can be made again.
  virtual Result<AssembledLayer> Blob(const Context& ctx, const Key& key, const AssembleOptions& options,
                                      content::Lease* lease, BlobSink* sink, const VertexProgress& progress) = 0;

  /// Pin first, then ask Usable(): what was usable then stays so.
  Pin Hold(Chain chain);

  /// Content that records here name: what content::Store::Collect must keep.
  virtual Result<std::vector<Digest>> ContentInUse() = 0;
  /// Forgets all layers but `keep` and those that are pinned, and removes their folders.
  virtual Status Retain(const std::vector<Key>& keep) = 0;
  /// Bytes of unpacked and upper folders, roughly.
  virtual Result<uint64_t> FolderBytes() = 0;

 protected:
  friend class Pin;
  /// Chains are known by where they are, so that a long one costs no more than a short one.
  virtual void AddPin(const Chain* chain) = 0;
  virtual void DropPin(const Chain* chain) = 0;
};

}  // namespace slipway::layer
