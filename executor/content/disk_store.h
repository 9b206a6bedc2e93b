// DiskStore: the content store in a folder. Catalog says what is where, the files hold it, UseLog remembers last uses.
//
// Order of every write: the bytes are synced, then renamed to their place, then the folder is synced, then the catalog
// learns of it. Only what may be lost with the power (Durable::kSoon) is told to the catalog first and lies in a folder
// of its own until it is synced. Removal goes the other way: out of the catalog, then the file.
#pragma once

#include <atomic>
#include <chrono>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "executor/base/delayed.h"
#include "executor/base/thread_pool.h"
#include "executor/content/catalog.h"
#include "executor/content/layout.h"
#include "executor/content/store.h"
#include "executor/content/use_log.h"

namespace slipway::content {

/// Descriptors of packs that were read lately, so that a packed content costs no open(). Thread-safe.
class PackFiles {
 public:
  explicit PackFiles(const Layout& layout) : layout_(layout) {}
  Result<std::shared_ptr<const UniqueFd>> Open(uint64_t number);
  void Forget(uint64_t number);

 private:
  using Entry = std::pair<uint64_t, std::shared_ptr<const UniqueFd>>;
  const Layout& layout_;
  std::mutex mutex_;
  std::list<Entry> recent_;  // guarded by mutex_; last used first
};

/// A blob in use that lies at Layout::Unsynced(digest, number), or a pack at Layout::UnsyncedPack(number).
struct Unsynced {
  Digest digest;  ///< empty: it is a pack
  uint64_t number = 0;
  UniqueFd file;
};

class DiskStore : public Store {
 public:
  DiskStore(std::string root, const Clock& clock);
  /// Saves last uses.
  ~DiskStore() override;
  /// Makes the folders, sweeps them and fills the catalog. Once, before anything else.
  Status Load();

  Result<Blob> Open(const Digest& digest) override;
  bool Has(const Digest& digest) override;
  Result<std::vector<Digest>> Missing(std::span<const Digest> digests, Lease* lease) override;
  Result<std::unique_ptr<Ingest>> Begin(const IngestOptions& options) override;
  Result<std::unique_ptr<BatchIngest>> BeginBatch(Durable durable) override;
  Result<Digest> PutFile(const std::string& path, Lease* lease) override;
  Result<Digest> PutOpenFile(int fd, uint64_t size, Lease* lease) override;
  Result<Lease> NewLease(std::string_view purpose) override;
  Result<CollectResult> Collect(const Context& ctx, const CollectOptions& options,
                                std::span<const Digest> in_use) override;
  Status AwaitSynced(const Lease& lease, const std::function<Status()>& between) override {
    return catalog_.AwaitSynced(IdOf(&lease), between);
  }
  Result<uint64_t> TotalBytes() override;

  // For the ingests and the collector.
  Catalog& catalog() { return catalog_; }
  const Layout& layout() const { return layout_; }
  uint64_t NextNumber() { return ++last_number_; }
  PackFiles& pack_files() { return pack_files_; }
  /// Moves a synced file to its place as a blob and enters it, unless that content is there by now.
  Status Publish(StagedFile& file, const Digest& digest, uint64_t size, int64_t lease);
  /// Enters a file that is not synced yet, and has it synced behind.
  Status PublishUnsynced(StagedFile& file, const Digest& digest, uint64_t size, int64_t lease);
  /// Has a batch's files synced behind, which were entered from where they lie, after BeginSync.
  void SyncBehind(std::vector<Unsynced> files);
  /// Whether batches come faster than the disk takes them.
  bool IsBehind() const { return batches_behind_ >= kMostBehind; }
  /// Removes the file of a pack, wherever it lies.
  Status RemovePack(uint64_t number);
  /// The file that holds a content.
  std::string PathOf(const Digest& digest, const Location& where) const;
  /// A lease as a guard, for content in the middle of a write.
  Lease Guard() { return MakeLease(catalog_.NewLease()); }
  static int64_t LeaseId(const Lease* lease) { return IdOf(lease); }

 protected:
  Status AddToLease(int64_t id, std::span<const Digest> digests) override;
  void EndLease(int64_t id) override;

 private:
  using Uses = std::map<std::string, FileUse>;
  static constexpr size_t kMostBehind = 8;
  Status RescueUnsynced();
  std::vector<Status> Settle(const std::vector<Unsynced>& files);
  Result<bool> SettleOne(const Unsynced& file);
  bool IsGone(const Digest& digest, const Location& where) const;
  Status LoadBlobs(Uses& uses);
  Status LoadPacks(Uses& uses);
  Result<Blob> OpenAt(const Location& where, const Digest& digest);
  void SaveUses();
  void SaveUsesNowAndThen();

  const Layout layout_;
  const Clock& clock_;
  Catalog catalog_;
  PackFiles pack_files_;
  std::unique_ptr<UseLog> use_log_;
  std::shared_ptr<const UniqueFd> nothing_;  // what Open gives for the empty content
  std::atomic<uint64_t> last_number_ = 0;
  std::atomic<std::chrono::steady_clock::time_point> uses_saved_;
  std::mutex collecting_;  // one collection at a time
  std::atomic<size_t> batches_behind_ = 0;
  Delayed<Unsynced> late_sync_;           // last, with the next: they use the others until all is synced
  ThreadPool behind_{4, "sync batches"};  // one large context does not hold up the others
};

}  // namespace slipway::content
