#include "executor/layer/store.h"

#include <fcntl.h>
#include <malloc.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <list>
#include <map>
#include <thread>
#include <unordered_set>

#include "executor/base/delayed.h"
#include "executor/base/flight.h"
#include "executor/base/fs.h"
#include "executor/base/guarded.h"
#include "executor/base/log.h"
#include "executor/layer/downloads.h"
#include "executor/layer/leave_out.h"
#include "executor/layer/schema.h"
#include "executor/layer/settler.h"
#include "executor/layer/stored_blocks.h"
#include "executor/layer/view.h"

namespace slipway::layer {

namespace {
using TreePtr = std::shared_ptr<const tree::Tree>;

constexpr std::string_view kRecipePrefix = "recipe:";
constexpr std::string_view kUpperPrefix = "upper:";
/// Blobs with more than this in them are streamed to a registry without a copy in the content store.
constexpr uint64_t kLargestKept = 256U << 20;

/// Indexes in memory, bounded by their entries.
class IndexCache {
 public:
  TreePtr Find(const Key& key) {
    const auto it = map_.find(key);
    if (it == map_.end()) return nullptr;
    order_.splice(order_.begin(), order_, it->second);
    return it->second->second;
  }
  void Add(const Key& key, TreePtr tree) {
    if (map_.contains(key)) return;
    held_ += tree->size();
    order_.emplace_front(key, std::move(tree));
    map_[key] = order_.begin();
    while (held_ > kMostEntries && order_.size() > 1) {
      held_ -= order_.back().second->size();
      map_.erase(order_.back().first);
      order_.pop_back();
    }
  }

 private:
  static constexpr size_t kMostEntries = 150'000;  // about 30 MB
  std::list<std::pair<Key, TreePtr>> order_;
  std::map<Key, std::list<std::pair<Key, TreePtr>>::iterator> map_;
  size_t held_ = 0;
};

std::string FormOf(const AssembleOptions& options) {
  return fmt::format("{} {} {} {}", oci::CompressionName(options.compression), options.level,
                     options.family == oci::Family::kOci ? "oci" : "docker",
                     options.clamp_mtime ? std::to_string(*options.clamp_mtime) : "-");
}

std::string ChainId(const Chain& chain, size_t count) {
  Hasher hasher;
  for (size_t i = 0; i < count; ++i) hasher.Field(chain[i]);
  return hasher.Finish().hex();
}

std::string RandomName() {
  static std::atomic<uint64_t> counter{0};
  const auto now = std::chrono::steady_clock::now().time_since_epoch().count();
  const auto wall = Clock::Real().System().time_since_epoch().count();
  return Hasher()
      .Field(static_cast<uint64_t>(now))
      .Field(static_cast<uint64_t>(wall))
      .Field(static_cast<uint64_t>(::getpid()))
      .Field(++counter)
      .Finish()
      .hex()
      .substr(0, 24);
}

class StoreImpl : public Store {
 public:
  StoreImpl(const StoreOptions& options, content::Store& content, ThreadPool& pool, Fetch fetch,
            std::unique_ptr<Records> records)
      : options_(options),
        content_(content),
        pool_(pool),
        records_(std::move(records)),
        downloads_(content, std::move(fetch)) {}

  Status Sweep();

  content::Store& content() override { return content_; }
  Result<Key> AddRemote(const Digest& diff_id, const Remote& where) override;
  using Store::AddRecipe;
  Result<Key> AddRecipe(TreePtr recipe, const Digest& encoded) override;
  std::string NewUpper() override { return fs::Join(Folder("uppers"), RandomName()); }
  Result<Key> AddUpper(const std::string& path, const std::vector<std::string>& unchanged) override;

  bool Usable(const Chain& chain) override;
  std::vector<Remote> Remotes(const Key& key) override { return records_->Remotes(key).ValueOr({}); }
  Status NotePlace(const Key& key, const Remote& place) override { return records_->AddRemote(key, place); }
  std::optional<SystemTime> Created(const Key& key) override;
  Digest DiffId(const Key& key) override;
  std::optional<AssembledLayer> KnownBlob(const Key& key, const AssembleOptions& options) override;

  bool IndexesAtHand(const Chain& chain) override;
  Result<TreePtr> Index(const Context& ctx, const Key& key, const VertexProgress& progress) override;
  Result<std::vector<std::string>> LowerDirs(const Context& ctx, const Chain& chain,
                                             const VertexProgress& progress) override;
  Result<std::string> Unpacked(const Context& ctx, const Chain& chain, size_t position,
                               const VertexProgress& progress) override;
  Result<Digest> FileContent(const Context& ctx, const Chain& chain, size_t position, const tree::Entry& file,
                             content::Lease* lease, const VertexProgress& progress) override;
  Result<std::vector<Digest>> FileContents(const Context& ctx, const Chain& chain, const std::vector<FileAt>& files,
                                           content::Lease* lease, const VertexProgress& progress) override;
  Result<content::Blob> OpenFile(const Context& ctx, const Chain& chain, size_t position, const tree::Entry& file,
                                 const VertexProgress& progress) override;
  Result<AssembledLayer> Blob(const Context& ctx, const Key& key, const AssembleOptions& options, content::Lease* lease,
                              BlobSink* sink, const VertexProgress& progress) override;

  Result<std::vector<Digest>> ContentInUse() override;
  Status Retain(const std::vector<Key>& keep) override;
  Result<uint64_t> FolderBytes() override;

 protected:
  void AddPin(const Chain* chain) override { pins_.Lock()->insert(chain); }
  void DropPin(const Chain* chain) override { pins_.Lock()->erase(chain); }

 private:
  std::string Folder(std::string_view name) const { return fs::Join(options_.root, name); }
  Result<LayerRow> Row(const Key& key);
  Status Insert(LayerRow row, const std::string& boot = "");
  Result<TreePtr> LoadTree(const Digest& digest);
  Result<TreePtr> MakeIndex(const Context& ctx, const LayerRow& row, const VertexProgress& progress);
  Status SaveIndex(const Key& key, const TreePtr& tree);
  void SaveIndexes(const std::vector<std::pair<Key, TreePtr>>& indexes);

  /// Reads a registry layer's blob: from the content store, or streamed from its registry (and kept on the way).
  template <typename T>
  Result<T> WithBlobStream(const Context& ctx, const LayerRow& row, const VertexProgress& progress,
                           const std::function<Result<T>(const ByteSource&, oci::Compression)>& use);

  /// An unpacked folder that is in use and not recorded yet: it has not reached the disk.
  struct Fresh {
    Key key;
    std::string below;  // as in Records::AddUnpacked
    std::string dir;
  };
  /// Keeps an index in memory for a while.
  void Cache(const Key& key, TreePtr tree);
  Result<std::string> UnpackedDir(const Key& key, const std::string& below);
  void RecordFresh(const std::vector<Fresh>& folders);
  Result<std::string> UnpackNow(const Context& ctx, const Chain& chain, size_t position, const LayerRow& row,
                                const VertexProgress& progress);
  Result<bool> FillFolder(const Context& ctx, const Chain& chain, size_t position, const LayerRow& row,
                          const std::string& dir, const VertexProgress& progress);
  LowerAccess LowerOf(const Context& ctx, const Chain& chain, size_t position, const VertexProgress& progress);
  Result<EntrySource> SourceOf(const Context& ctx, const LayerRow& row, const VertexProgress& progress);
  Result<AssembledLayer> RegistryBlob(const Context& ctx, const LayerRow& row, content::Lease* lease,
                                      const VertexProgress& progress);

  const StoreOptions options_;
  content::Store& content_;
  ThreadPool& pool_;
  const std::unique_ptr<Records> records_;
  Guarded<IndexCache> indexes_;
  std::atomic<bool> forgetting_ = false;  // what is in indexes_ is on its way out
  struct Turn {};
  Guarded<Turn> adding_remotes_;  // a key is for the blob that came first
  Guarded<std::unordered_set<const Chain*>> pins_;
  Guarded<std::map<Key, std::chrono::steady_clock::time_point>> newborn_;
  Flight<TreePtr> index_flights_;
  Flight<std::string> unpack_flights_;
  Flight<AssembledLayer> blob_flights_;
  Downloads downloads_;
  const std::string boot_ = BootId();
  Settler settler_{options_.root, [this](const std::vector<Key>& keys) { return records_->Settle(keys); }};
  Guarded<std::vector<Fresh>> fresh_;
  Delayed<Fresh> records_of_fresh_{"sync layers", std::chrono::seconds(2),
                                   [this](const std::vector<Fresh>& folders) { RecordFresh(folders); }};
  Delayed<bool> forgotten_{"forget indexes", std::chrono::seconds(20), [this](const std::vector<bool>&) {
                             forgetting_ = false;
                             std::exchange(*indexes_.Lock(), IndexCache());
                             ::malloc_trim(0);
                           }};
  Delayed<std::pair<Key, TreePtr>> new_indexes_{"save indexes", std::chrono::seconds(1), [this](const auto& indexes) {
                                                  SaveIndexes(indexes);
                                                }};  // these three last: they use the others until all is done
};

Status StoreImpl::Sweep() {
  for (const char* name : {"uppers", "unpacked", "tmp"}) SLIPWAY_RETURN_IF_ERROR(fs::MakeDirs(Folder(name), 0700));
  // Folders that loss of power may have left with holes go with those that no record names.
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<Key> unsettled, records_->TakeUnsettled(boot_));
  for (const Key& key : unsettled) settler_.Add(key);
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<LayerRow> rows, records_->All());
  SLIPWAY_ASSIGN_OR_RETURN(const auto unpacked, records_->AllUnpacked());
  std::unordered_set<std::string> known;
  for (const auto& [dir, key] : unpacked) known.insert(dir);
  for (const LayerRow& row : rows) {
    if (!row.upper.empty()) known.insert(row.upper);
  }
  for (const char* name : {"uppers", "unpacked", "tmp"}) {
    SLIPWAY_ASSIGN_OR_RETURN(const std::vector<std::string> names, fs::ListDir(Folder(name)));
    for (const std::string& entry : names) {
      const std::string path = fs::Join(Folder(name), entry);
      if (known.contains(path)) continue;
      spdlog::debug("remove '{}', which no record names", path);
      SLIPWAY_RETURN_IF_ERROR(fs::RemoveAll(path));
    }
  }
  return Status();
}

Result<LayerRow> StoreImpl::Row(const Key& key) {
  SLIPWAY_ASSIGN_OR_RETURN(std::optional<LayerRow> row, records_->Find(key));
  if (!row) return NotFound("layer '{}' is not known here any more", key);
  return *std::move(row);
}

// What is new is kept for a while whatever Retain is told: its maker has yet to record or pin it.
Status StoreImpl::Insert(LayerRow row, const std::string& boot) {
  (*newborn_.Lock())[row.key] = std::chrono::steady_clock::now();
  row.created = Clock::Real().System();
  return records_->Insert(row, boot);
}

Result<Key> StoreImpl::AddRemote(const Digest& diff_id, const Remote& where) {
  const Digest& blob = where.descriptor.digest;
  Key key = diff_id.ToString();
  const auto adding = adding_remotes_.Lock();
  std::vector<Remote> known = Remotes(key);
  const auto same_blob = [&](const Remote& remote) { return remote.descriptor.digest == blob; };
  if (!known.empty() && std::none_of(known.begin(), known.end(), same_blob)) {
    // Somebody else says that this blob comes to that diff id. Nobody has looked yet, so the two are not one layer.
    key = fmt::format("{}@{}", key, blob);
    known = Remotes(key);
  }
  // Most bases are known already, and then nothing is written.
  for (const Remote& remote : known) {
    if (remote.host == where.host && remote.repository == where.repository && same_blob(remote)) return key;
  }
  SLIPWAY_RETURN_IF_ERROR(
      Insert({.key = key, .diff_id = diff_id, .recipe = {}, .index = {}, .upper = "", .created = {}}));
  SLIPWAY_RETURN_IF_ERROR(records_->AddRemote(key, where));
  return key;
}

Result<Key> StoreImpl::AddRecipe(TreePtr recipe, const Digest& encoded) {
  std::string bytes;
  Digest digest = encoded;
  if (digest.empty()) {
    bytes = tree::Encode(*recipe);
    digest = Digest::Of(bytes);
  }
  Key key = std::string(kRecipePrefix) + digest.ToString();
  SLIPWAY_ASSIGN_OR_RETURN(const std::optional<LayerRow> known, records_->Find(key));
  if (!known || !content_.Has(digest)) {
    SLIPWAY_ASSIGN_OR_RETURN(content::Lease lease, content_.NewLease("a new recipe"));
    if (encoded.empty()) SLIPWAY_RETURN_IF_ERROR(content_.Put(bytes, &lease, content::Durable::kSoon).status());
    SLIPWAY_RETURN_IF_ERROR(
        Insert({.key = key, .diff_id = {}, .recipe = digest, .index = {}, .upper = "", .created = {}}));
  }
  Cache(key, std::move(recipe));
  return key;
}

Result<Key> StoreImpl::AddUpper(const std::string& path, const std::vector<std::string>& unchanged) {
  Key key = std::string(kUpperPrefix) + std::string(fs::BaseName(path));
  // Where no boot can be told from another, it goes to the disk first.
  if (boot_.empty()) ::sync();
  SLIPWAY_RETURN_IF_ERROR(
      Insert({.key = key, .diff_id = {}, .recipe = {}, .index = {}, .upper = path, .created = {}}, boot_));
  if (!boot_.empty()) settler_.Add(key);
  if (!unchanged.empty()) SLIPWAY_RETURN_IF_ERROR(records_->AddUnchanged(key, unchanged));
  return key;
}

bool StoreImpl::Usable(const Chain& chain) {
  for (const Key& key : chain) {
    const auto row = records_->Find(key);
    if (!row.ok() || !row->has_value()) return false;
    const LayerRow& layer = **row;
    if (!layer.upper.empty() && !fs::Exists(layer.upper)) return false;
    if (!layer.recipe.empty() && !content_.Has(layer.recipe)) return false;
  }
  return true;
}

std::optional<SystemTime> StoreImpl::Created(const Key& key) {
  const auto row = records_->Find(key);
  return row.ok() && row->has_value() ? std::optional((*row)->created) : std::nullopt;
}

Digest StoreImpl::DiffId(const Key& key) {
  const auto row = records_->Find(key);
  return row.ok() && row->has_value() ? (*row)->diff_id : Digest();
}

std::optional<AssembledLayer> StoreImpl::KnownBlob(const Key& key, const AssembleOptions& options) {
  const auto row = records_->Find(key);
  if (!row.ok() || !row->has_value()) return std::nullopt;
  if ((*row)->recipe.empty() && (*row)->upper.empty()) {
    const std::vector<Remote> remotes = Remotes(key);
    if (remotes.empty()) return std::nullopt;
    return AssembledLayer{.diff_id = (*row)->diff_id, .descriptor = remotes.front().descriptor, .tar_bytes = 0};
  }
  return records_->Blob(key, FormOf(options)).ValueOr(std::nullopt);
}

Result<TreePtr> StoreImpl::LoadTree(const Digest& digest) {
  constexpr uint64_t kLargestTree = 1U << 30;
  SLIPWAY_ASSIGN_OR_RETURN(const content::Blob blob, content_.Open(digest));
  SLIPWAY_ASSIGN_OR_RETURN(const std::string bytes, blob.ReadAll(kLargestTree));
  SLIPWAY_ASSIGN_OR_RETURN(tree::Tree tree, tree::Decode(bytes));
  return std::make_shared<const tree::Tree>(std::move(tree));
}

Result<TreePtr> StoreImpl::Index(const Context& ctx, const Key& key, const VertexProgress& progress) {
  if (TreePtr cached = indexes_.Lock()->Find(key)) return cached;
  return index_flights_.Do(ctx, key, [&]() -> Result<TreePtr> {
    if (TreePtr cached = indexes_.Lock()->Find(key)) return cached;
    SLIPWAY_ASSIGN_OR_RETURN(const LayerRow row, Row(key));
    SLIPWAY_ASSIGN_OR_RETURN(TreePtr tree, MakeIndex(ctx, row, progress));
    Cache(key, tree);
    return tree;
  });
}

bool StoreImpl::IndexesAtHand(const Chain& chain) {
  return std::all_of(chain.begin(), chain.end(), [this](const Key& key) {
    if (indexes_.Lock()->Find(key) != nullptr) return true;
    const auto row = records_->Find(key);
    if (!row.ok() || !row->has_value()) return false;
    return !(*row)->recipe.empty() || !(*row)->upper.empty() || (!(*row)->index.empty() && content_.Has((*row)->index));
  });
}

Result<TreePtr> StoreImpl::MakeIndex(const Context& ctx, const LayerRow& row, const VertexProgress& progress) {
  if (!row.recipe.empty()) return LoadTree(row.recipe);
  if (!row.index.empty() && content_.Has(row.index)) {
    if (auto tree = LoadTree(row.index); tree.ok()) return tree;
  }
  TreePtr tree;
  if (!row.upper.empty()) {
    SLIPWAY_ASSIGN_OR_RETURN(tree::Tree walked, WalkUpper(ctx, row.upper));
    tree = std::make_shared<const tree::Tree>(std::move(walked));
  } else {
    // Whoever unpacks the layer verifies the diff id; the table of a blob is that of the blob in any case.
    const auto use = [&](const ByteSource& source, oci::Compression compression) {
      return IndexLayer(ctx, source, compression, {}, options_.limits);
    };
    SLIPWAY_ASSIGN_OR_RETURN(tree::Tree indexed, WithBlobStream<tree::Tree>(ctx, row, progress, use));
    tree = std::make_shared<const tree::Tree>(std::move(indexed));
  }
  new_indexes_.Add({row.key, tree});
  return tree;
}

// Nobody waits for it: without it the index is made again.
void StoreImpl::SaveIndexes(const std::vector<std::pair<Key, TreePtr>>& indexes) {
  for (const auto& [key, tree] : indexes) {
    if (const Status status = SaveIndex(key, tree); !status.ok()) {
      spdlog::warn("keep the index of layer '{}': {}", key, status.message());
    }
  }
}

Status StoreImpl::SaveIndex(const Key& key, const TreePtr& tree) {
  SLIPWAY_ASSIGN_OR_RETURN(content::Lease lease, content_.NewLease("a new index"));
  SLIPWAY_ASSIGN_OR_RETURN(const Digest digest, content_.Put(tree::Encode(*tree), &lease, content::Durable::kSoon));
  return records_->SetIndex(key, digest);
}

template <typename T>
Result<T> StoreImpl::WithBlobStream(const Context& ctx, const LayerRow& row, const VertexProgress& progress,
                                    const std::function<Result<T>(const ByteSource&, oci::Compression)>& use) {
  const std::vector<Remote> remotes = Remotes(row.key);
  if (remotes.empty()) return NotFound("no registry is known to have layer '{}'", row.key);
  for (const Remote& remote : remotes) {
    const auto blob = content_.Has(remote.descriptor.digest) ? content_.Open(remote.descriptor.digest)
                                                             : Result<content::Blob>(NotFound("not here"));
    if (!blob.ok()) continue;
    SLIPWAY_ASSIGN_OR_RETURN(const oci::Compression compression, oci::LayerCompression(remote.descriptor.media_type));
    return use(ReadBlob(*blob), compression);
  }
  // Read while it is downloaded. If the first place fails the others are tried, one after the other, into the store.
  const Remote& remote = remotes.front();
  SLIPWAY_ASSIGN_OR_RETURN(const oci::Compression compression, oci::LayerCompression(remote.descriptor.media_type));
  std::optional<Result<T>> streamed;
  SLIPWAY_RETURN_IF_ERROR(
      downloads_.Stream(ctx, remote, progress, [&](const ByteSource& source) { streamed = use(source, compression); }));
  if (streamed && (streamed->ok() || ctx.Done())) return *std::move(streamed);
  if (streamed && content_.Has(remote.descriptor.digest))
    return *std::move(streamed);  // the bytes are right, the layer is not
  SLIPWAY_RETURN_IF_ERROR(downloads_.Ensure(ctx, remotes, progress));
  return WithBlobStream<T>(ctx, row, progress, use);
}

Result<std::vector<std::string>> StoreImpl::LowerDirs(const Context& ctx, const Chain& chain,
                                                      const VertexProgress& progress) {
  std::vector<std::string> dirs(chain.size());
  std::vector<size_t> missing;
  for (size_t i = 0; i < chain.size(); ++i) {
    SLIPWAY_ASSIGN_OR_RETURN(const LayerRow row, Row(chain[i]));
    dirs[i] = row.upper;
    if (dirs[i].empty()) {
      SLIPWAY_ASSIGN_OR_RETURN(dirs[i], UnpackedDir(chain[i], ChainId(chain, i)));
    }
    if (dirs[i].empty()) missing.push_back(i);
  }
  TaskGroup group(pool_);
  for (const size_t i : missing) {
    group.Run([&, i]() -> Status {
      SLIPWAY_ASSIGN_OR_RETURN(dirs[i], Unpacked(ctx, chain, i, progress));
      return Status();
    });
  }
  SLIPWAY_RETURN_IF_ERROR(group.Wait());
  return std::vector<std::string>(dirs.rbegin(), dirs.rend());
}

Result<std::string> StoreImpl::Unpacked(const Context& ctx, const Chain& chain, size_t position,
                                        const VertexProgress& progress) {
  SLIPWAY_ASSIGN_OR_RETURN(const LayerRow row, Row(chain[position]));
  if (!row.upper.empty()) return row.upper;
  const std::string below = ChainId(chain, position);
  return unpack_flights_.Do(ctx, row.key + " " + below, [&]() -> Result<std::string> {
    SLIPWAY_ASSIGN_OR_RETURN(std::string dir, UnpackedDir(row.key, below));
    if (!dir.empty() && fs::Exists(dir)) return dir;
    return UnpackNow(ctx, chain, position, row, progress);
  });
}

Result<std::string> StoreImpl::UnpackNow(const Context& ctx, const Chain& chain, size_t position, const LayerRow& row,
                                         const VertexProgress& progress) {
  SLIPWAY_ASSIGN_OR_RETURN(fs::TempDir temp, fs::TempDir::Make(Folder("tmp"), "unpack-"));
  if (::chmod(temp.path().c_str(), 0755) != 0) return ErrnoStatus(errno, "chmod");
  SLIPWAY_ASSIGN_OR_RETURN(const bool alone, FillFolder(ctx, chain, position, row, temp.path(), progress));
  const std::string dir = fs::Join(Folder("unpacked"), RandomName());
  SLIPWAY_RETURN_IF_ERROR(fs::Rename(temp.path(), dir));
  temp.Release();
  Fresh fresh{.key = row.key, .below = alone ? "" : ChainId(chain, position), .dir = dir};
  fresh_.Lock()->push_back(fresh);
  records_of_fresh_.Add(std::move(fresh));
  return dir;
}

// Read again from the content store if it is needed again: a daemon at rest should not hold millions of entries.
void StoreImpl::Cache(const Key& key, TreePtr tree) {
  indexes_.Lock()->Add(key, std::move(tree));
  if (!forgetting_.exchange(true)) forgotten_.Add(true);
}

Result<std::string> StoreImpl::UnpackedDir(const Key& key, const std::string& below) {
  {
    auto all_fresh = fresh_.Lock();  // named: a temporary in the loop's head would unlock before the loop
    for (const Fresh& fresh : *all_fresh) {
      if (fresh.key == key && (fresh.below.empty() || fresh.below == below)) return fresh.dir;
    }
  }
  return records_->Unpacked(key, below);
}

// What fails stays in use, and is swept at the next start.
void StoreImpl::RecordFresh(const std::vector<Fresh>& folders) {
  const auto record = [&]() -> Status {
    SLIPWAY_RETURN_IF_ERROR(SyncFolders(Folder("unpacked")));
    for (const Fresh& done : folders) {
      SLIPWAY_RETURN_IF_ERROR(records_->AddUnpacked(done.key, done.below, done.dir));
      auto fresh = fresh_.Lock();
      std::erase_if(*fresh, [&](const Fresh& one) { return one.dir == done.dir; });
    }
    return Status();
  };
  if (const Status status = record(); !status.ok()) spdlog::warn("record unpacked layers: {}", status.message());
}

// Whether the layer stands alone: it did not depend on what is below it.
Result<bool> StoreImpl::FillFolder(const Context& ctx, const Chain& chain, size_t position, const LayerRow& row,
                                   const std::string& dir, const VertexProgress& progress) {
  if (!row.recipe.empty()) {
    SLIPWAY_ASSIGN_OR_RETURN(const EntrySource source, SourceOf(ctx, row, progress));
    SLIPWAY_RETURN_IF_ERROR(MaterializeTree(ctx, source, dir));
    return true;
  }
  const LowerAccess lower = LowerOf(ctx, chain, position, progress);
  const auto use = [&](const ByteSource& source, oci::Compression compression) {
    return ApplyLayer(ctx, source, compression, row.diff_id, dir, options_.limits, lower);
  };
  SLIPWAY_ASSIGN_OR_RETURN(AppliedLayer applied, WithBlobStream<AppliedLayer>(ctx, row, progress, use));
  auto index = std::make_shared<const tree::Tree>(std::move(applied.index));
  if (row.index.empty()) new_indexes_.Add({row.key, index});
  Cache(row.key, std::move(index));
  return applied.self_contained;
}

LowerAccess StoreImpl::LowerOf(const Context& ctx, const Chain& chain, size_t position,
                               const VertexProgress& progress) {
  const auto below =
      std::make_shared<View>(*this, Chain(chain.begin(), chain.begin() + static_cast<ptrdiff_t>(position)), progress);
  LowerAccess access;
  access.lower = [below, ctx](const std::string& path) -> Result<tree::Entry> {
    SLIPWAY_ASSIGN_OR_RETURN(const std::optional<Located> found, below->Lookup(ctx, path));
    if (!found) return NotFound("'{}' is not in the layers below", path);
    return found->entry;
  };
  access.lower_file = [this, below, ctx, progress](const std::string& path) -> Result<UniqueFd> {
    SLIPWAY_ASSIGN_OR_RETURN(const std::optional<Located> found, below->Lookup(ctx, path));
    if (!found) return NotFound("'{}' is not in the layers below", path);
    SLIPWAY_ASSIGN_OR_RETURN(const std::string dir, Unpacked(ctx, below->chain(), found->layer, progress));
    SLIPWAY_ASSIGN_OR_RETURN(const UniqueFd root, fs::Open(dir, O_RDONLY | O_DIRECTORY));
    return fs::OpenBeneath(root.get(), found->entry.path, O_RDONLY);
  };
  return access;
}

Result<EntrySource> StoreImpl::SourceOf(const Context& ctx, const LayerRow& row, const VertexProgress& progress) {
  EntrySource source;
  SLIPWAY_ASSIGN_OR_RETURN(source.tree, Index(ctx, row.key, progress));
  if (!row.recipe.empty()) {
    source.open = [this](const tree::Entry& entry) { return content_.Open(entry.digest); };
    return source;
  }
  SLIPWAY_ASSIGN_OR_RETURN(UniqueFd root, fs::Open(row.upper, O_RDONLY | O_DIRECTORY));
  const auto shared = std::make_shared<const UniqueFd>(std::move(root));
  source.open = [shared](const tree::Entry& entry) -> Result<content::Blob> {
    SLIPWAY_ASSIGN_OR_RETURN(UniqueFd file, fs::OpenBeneath(shared->get(), entry.path, O_RDONLY | O_NOFOLLOW));
    return content::Blob(std::make_shared<const UniqueFd>(std::move(file)), 0, entry.size);
  };
  return source;
}

Result<Digest> StoreImpl::FileContent(const Context& ctx, const Chain& chain, size_t position, const tree::Entry& file,
                                      content::Lease* lease, const VertexProgress& progress) {
  if (!file.digest.empty()) {
    if (lease != nullptr) SLIPWAY_RETURN_IF_ERROR(lease->Add(file.digest));
    return file.digest;
  }
  if (file.size <= content::kLargestPacked) {
    // Copied, so that programs that run on the layer see the link count that it came with.
    SLIPWAY_ASSIGN_OR_RETURN(const content::Blob blob, OpenFile(ctx, chain, position, file, progress));
    SLIPWAY_ASSIGN_OR_RETURN(const std::string bytes, blob.ReadAll());
    return content_.Put(bytes, lease);
  }
  SLIPWAY_ASSIGN_OR_RETURN(const std::string dir, Unpacked(ctx, chain, position, progress));
  return content_.PutFile(fs::Join(dir, file.path), lease);
}

Result<std::vector<Digest>> StoreImpl::FileContents(const Context& ctx, const Chain& chain,
                                                    const std::vector<FileAt>& files, content::Lease* lease,
                                                    const VertexProgress& progress) {
  SLIPWAY_ASSIGN_OR_RETURN(const std::unique_ptr<content::BatchIngest> batch, content_.BeginBatch());
  std::map<size_t, UniqueFd> folders;  // of the layers, by position
  std::string bytes;
  std::vector<Digest> out;
  out.reserve(files.size());
  for (const auto& [position, file] : files) {
    SLIPWAY_RETURN_IF_ERROR(ctx.Err());
    // A large file costs no copy when it is linked in.
    if (!file.digest.empty() || file.size > content::kLargestPacked) {
      SLIPWAY_ASSIGN_OR_RETURN(out.emplace_back(), FileContent(ctx, chain, position, file, lease, progress));
      continue;
    }
    UniqueFd& folder = folders[position];
    if (!folder.valid()) {
      SLIPWAY_ASSIGN_OR_RETURN(const std::string dir, Unpacked(ctx, chain, position, progress));
      SLIPWAY_ASSIGN_OR_RETURN(folder, fs::Open(dir, O_RDONLY | O_DIRECTORY));
    }
    SLIPWAY_ASSIGN_OR_RETURN(const UniqueFd fd, fs::OpenBeneath(folder.get(), file.path, O_RDONLY | O_NOFOLLOW));
    bytes.resize(file.size);
    SLIPWAY_ASSIGN_OR_RETURN(const size_t got, fs::ReadFull(fd.get(), bytes));
    if (got != file.size) return DataLoss("'/{}' has {} bytes instead of {}", file.path, got, file.size);
    SLIPWAY_ASSIGN_OR_RETURN(out.emplace_back(), batch->Add(bytes));
  }
  SLIPWAY_RETURN_IF_ERROR(batch->Commit(lease));
  return out;
}

Result<content::Blob> StoreImpl::OpenFile(const Context& ctx, const Chain& chain, size_t position,
                                          const tree::Entry& file, const VertexProgress& progress) {
  if (!file.digest.empty()) return content_.Open(file.digest);
  SLIPWAY_ASSIGN_OR_RETURN(const std::string dir, Unpacked(ctx, chain, position, progress));
  SLIPWAY_ASSIGN_OR_RETURN(const UniqueFd root, fs::Open(dir, O_RDONLY | O_DIRECTORY));
  SLIPWAY_ASSIGN_OR_RETURN(UniqueFd fd, fs::OpenBeneath(root.get(), file.path, O_RDONLY | O_NOFOLLOW));
  return content::Blob(std::make_shared<const UniqueFd>(std::move(fd)), 0, file.size);
}

Result<AssembledLayer> StoreImpl::RegistryBlob(const Context& ctx, const LayerRow& row, content::Lease* lease,
                                               const VertexProgress& progress) {
  const std::vector<Remote> remotes = Remotes(row.key);
  SLIPWAY_RETURN_IF_ERROR(downloads_.Ensure(ctx, remotes, progress));
  for (const Remote& remote : remotes) {
    if (!content_.Has(remote.descriptor.digest)) continue;
    if (lease != nullptr) SLIPWAY_RETURN_IF_ERROR(lease->Add(remote.descriptor.digest));
    return AssembledLayer{.diff_id = row.diff_id, .descriptor = remote.descriptor, .tar_bytes = 0};
  }
  return NotFound("layer '{}' vanished while it was used", row.key);
}

Result<AssembledLayer> StoreImpl::Blob(const Context& ctx, const Key& key, const AssembleOptions& options,
                                       content::Lease* lease, BlobSink* sink, const VertexProgress& progress) {
  SLIPWAY_ASSIGN_OR_RETURN(const LayerRow row, Row(key));
  if (row.recipe.empty() && row.upper.empty()) return RegistryBlob(ctx, row, lease, progress);
  const std::string form = FormOf(options);
  // Who only wants it streamed must not be waited for by who wants it stored.
  const std::string flight = fmt::format("{} {}{}", key, form, sink != nullptr ? " streamed" : "");
  SLIPWAY_ASSIGN_OR_RETURN(AssembledLayer blob, blob_flights_.Do(ctx, flight, [&]() -> Result<AssembledLayer> {
    SLIPWAY_ASSIGN_OR_RETURN(const std::optional<AssembledLayer> known, records_->Blob(key, form));
    if (known && content_.Has(known->descriptor.digest)) return *known;
    SLIPWAY_ASSIGN_OR_RETURN(EntrySource source, SourceOf(ctx, row, progress));
    SLIPWAY_ASSIGN_OR_RETURN(const std::vector<std::string> unchanged, records_->Unchanged(key));
    if (!unchanged.empty()) source.tree = std::make_shared<const tree::Tree>(Without(*source.tree, unchanged));
    const uint64_t all = source.tree->content_bytes();  // a sum over all entries
    const auto count = [&](uint64_t bytes) { progress.Count("export layer", bytes, all); };
    // A copy here serves the layers that will be like this one, and other registries. For these alone, writing it
    // to the disk costs more than making it again: contents of a step's folder are not known by digest, so its
    // blocks are not found again, and of a large one the upload takes longest.
    AssembleOptions how = options;
    how.keep = sink == nullptr || (!row.recipe.empty() && all <= kLargestKept);
    StoredBlocks library(*records_, content_);
    BlockReuse reuse{.earlier = row.recipe.empty() || !how.keep ? nullptr : &library, .blocks = {}};
    SLIPWAY_ASSIGN_OR_RETURN(AssembledLayer made,
                             Assemble(ctx, source, how, content_, lease, pool_, sink, count, &reuse));
    SLIPWAY_RETURN_IF_ERROR(records_->AddBlob(key, form, made, reuse.blocks));
    if (!options.clamp_mtime) SLIPWAY_RETURN_IF_ERROR(records_->SetDiffId(key, made.diff_id));
    return made;
  }));
  if (lease != nullptr) SLIPWAY_RETURN_IF_ERROR(lease->Add(blob.descriptor.digest));
  return blob;
}

Result<std::vector<Digest>> StoreImpl::ContentInUse() {
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<LayerRow> rows, records_->All());
  std::vector<Digest> out;
  for (const LayerRow& row : rows) {
    if (!row.index.empty()) out.push_back(row.index);
    if (row.recipe.empty()) continue;
    out.push_back(row.recipe);
    SLIPWAY_ASSIGN_OR_RETURN(const TreePtr tree, LoadTree(row.recipe));
    for (const tree::Entry& entry : tree->entries()) {
      if (!entry.digest.empty()) out.push_back(entry.digest);
    }
  }
  return out;
}

Status StoreImpl::Retain(const std::vector<Key>& keep) {
  std::unordered_set<Key> kept(keep.begin(), keep.end());
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<LayerRow> rows, records_->All());
  SLIPWAY_ASSIGN_OR_RETURN(const auto unpacked, records_->AllUnpacked());
  // Pins stay locked until the records are gone: whoever pins after that finds the layer unusable and makes it anew.
  auto pins = pins_.Lock();
  for (const Chain* chain : *pins) kept.insert(chain->begin(), chain->end());
  {
    static constexpr std::chrono::hours kChildhood{1};
    auto newborn = newborn_.Lock();
    std::erase_if(*newborn,
                  [](const auto& born) { return std::chrono::steady_clock::now() - born.second > kChildhood; });
    for (const auto& [key, born] : *newborn) kept.insert(key);
  }
  {
    auto all_fresh = fresh_.Lock();
    for (const Fresh& fresh : *all_fresh) kept.insert(fresh.key);
  }
  std::vector<Key> gone;
  std::vector<std::string> folders;
  for (const LayerRow& row : rows) {
    if (kept.contains(row.key)) continue;
    gone.push_back(row.key);
    if (!row.upper.empty()) folders.push_back(row.upper);
  }
  for (const auto& [dir, key] : unpacked) {
    if (!kept.contains(key)) folders.push_back(dir);
  }
  SLIPWAY_RETURN_IF_ERROR(records_->Forget(gone));
  { const auto unlock = std::move(pins); }
  for (const std::string& folder : folders) SLIPWAY_RETURN_IF_ERROR(fs::RemoveAll(folder));
  return Status();
}

Result<uint64_t> StoreImpl::FolderBytes() {
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<LayerRow> rows, records_->All());
  SLIPWAY_ASSIGN_OR_RETURN(const auto unpacked, records_->AllUnpacked());
  uint64_t sum = 0;
  std::unordered_set<Key> folders;
  for (const auto& [dir, key] : unpacked) folders.insert(key);
  for (const LayerRow& row : rows) {
    const Digest& index = row.recipe.empty() ? row.index : row.recipe;
    if (index.empty() || (row.upper.empty() && !folders.contains(row.key))) continue;
    if (auto tree = LoadTree(index); tree.ok()) sum += (*tree)->content_bytes();
  }
  return sum;
}

}  // namespace

Pin& Pin::operator=(Pin&& other) noexcept {
  if (this != &other) {
    Pin old(std::move(*this));
    store_ = std::exchange(other.store_, nullptr);
    chain_ = std::move(other.chain_);
  }
  return *this;
}

Pin::~Pin() {
  if (store_ != nullptr) store_->DropPin(chain_.get());
}

Pin Store::Hold(Chain chain) {
  auto pinned = std::make_unique<const Chain>(std::move(chain));
  AddPin(pinned.get());
  return Pin(this, std::move(pinned));
}

Result<std::unique_ptr<Store>> Store::Open(const StoreOptions& options, content::Store& content, ThreadPool& pool,
                                           Fetch fetch) {
  SLIPWAY_RETURN_IF_ERROR(fs::MakeDirs(options.root, 0700));
  SLIPWAY_ASSIGN_OR_RETURN(auto records, Records::Open(fs::Join(options.root, "layers.db")));
  auto store = std::make_unique<StoreImpl>(options, content, pool, std::move(fetch), std::move(records));
  SLIPWAY_RETURN_IF_ERROR(store->Sweep());
  return std::unique_ptr<Store>(std::move(store));
}

}  // namespace slipway::layer
