// Catalog: what the store holds, where, when it was last used and who leases it; in memory, filled when the store is
// opened.
//
// It does no I/O, so its one lock is held for moments only. Making and removing the file of a blob happen outside of
// it, between Reserve… and Finish… calls: whoever has reserved a digest is alone with that file name. Thread-safe.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <cstring>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "executor/base/clock.h"
#include "executor/base/digest.h"
#include "executor/content/pack.h"
#include "executor/content/use_log.h"

namespace slipway::content {

/// Where a content is: in the file of its own, or at an offset of a pack.
struct Location {
  static constexpr uint64_t kBlob = UINT64_MAX;
  uint64_t pack = kBlob;  ///< the pack's number
  uint64_t offset = 0;    ///< in the pack; of a blob its number while it is not synced, 0 once it is in its place
  uint64_t size = 0;
  bool is_blob() const { return pack == kBlob; }
  /// Of what is not synced yet; 0 for a blob in its place.
  uint64_t number() const { return is_blob() ? offset : pack; }
  bool operator==(const Location&) const = default;
};

/// Something that Collect could remove.
struct Candidate {
  Digest digest;
  SystemTime used;
  Location where;
};

/// How full a pack is.
struct PackState {
  uint64_t number = 0;
  uint64_t file_bytes = 0;
  uint64_t live_count = 0;
  uint64_t live_bytes = 0;  ///< with the table's part
};

class Catalog {
 public:
  explicit Catalog(const Clock& clock) : clock_(clock) {}

  // What is found when the store is opened.
  void LoadBlob(const Digest& digest, uint64_t size, SystemTime used);
  /// Of content that several packs hold, the pack loaded last counts.
  void LoadPack(uint64_t number, uint64_t file_bytes, SystemTime used, std::span<const PackItem> items);

  // Reading.
  /// Where it is, counted as a use.
  std::optional<Location> Use(const Digest& digest);
  bool Has(const Digest& digest) const;
  /// Which are not there, each once; the others are leased and used.
  std::vector<Digest> Missing(std::span<const Digest> digests, int64_t lease);
  uint64_t total_bytes() const;

  // Writing.
  /// Leases and uses it if it is there.
  bool LeaseIfPresent(const Digest& digest, int64_t lease);
  /// True if it is there (then it is leased). Else waits until nobody makes or removes the blob's file and reserves it:
  /// the caller must call FinishBlob. Whoever reserves several must do so in ascending order.
  bool ReserveBlob(const Digest& digest, int64_t lease);
  /// Enters the blob, or only ends the reservation if there is no size. `number`: it is not synced yet.
  void FinishBlob(const Digest& digest, std::optional<uint64_t> size, int64_t lease, uint64_t number = 0);
  /// A blob that was not synced is in its place now.
  void SettleBlob(const Digest& digest, uint64_t number);
  // What was entered before it was on the disk, and somebody may wait for: a blob or a pack by its number. If its sync
  // fails it is in doubt: it can be read, and it is taken for missing when it is brought again.
  void BeginSync(uint64_t number);
  void EndSync(uint64_t number, const Status& status);
  /// Waits for the end of those that hold contents of the lease; the first failure. `between` as in Store.
  Status AwaitSynced(int64_t lease, const std::function<Status()>& between);
  /// Enters a pack; content that is there already stays where it is.
  void AddPack(uint64_t number, uint64_t file_bytes, std::span<const PackItem> items, int64_t lease);

  // Leases. 0 is no lease and is ignored everywhere.
  int64_t NewLease();
  void AddToLease(int64_t lease, std::span<const Digest> digests);
  void EndLease(int64_t lease);

  // Collecting.
  std::vector<Candidate> Candidates() const;
  /// Takes content out unless it is leased, was used again or has moved. A blob stays reserved until FinishBlob.
  bool Take(const Candidate& candidate);
  std::vector<PackState> Packs() const;
  /// Which of `items` are live in this pack.
  std::vector<PackItem> Live(uint64_t pack, std::span<const PackItem> items) const;
  /// Enters a pack whose items were copied from others: each moves if it is still where `from` says.
  void MovePack(uint64_t number, uint64_t file_bytes, std::span<const PackItem> items, std::span<const Location> from);
  /// Forgets the pack if nothing in it is live.
  bool TakePackIfDead(uint64_t number);
  /// Takes content out whose file could not be opened, if it is still said to be at `where` and `is_gone` then confirms
  /// it: asked with the lock held, for only so can the file not have come back.
  void DropIfLost(const Digest& digest, const Location& where, const std::function<bool()>& is_gone);

  /// Files used since the last call, for the log of uses.
  std::vector<FileUse> TakeUses();

 private:
  struct Record {
    Location where;
    SystemTime used;
    bool unsaved = false;  // stands in unsaved_
  };
  struct Pack {
    uint64_t file_bytes = 0;
    uint64_t live_count = 0;
    uint64_t live_bytes = 0;
    SystemTime used;
    bool unsaved = false;
  };
  // A digest's own bytes, in one load: contexts have ten thousands of digests, and each is looked for several times.
  struct FirstBytes {
    size_t operator()(const Digest& digest) const noexcept {
      size_t hash = 0;
      std::memcpy(&hash, digest.bytes().data(), sizeof(hash));
      return hash;
    }
  };
  using Records = std::unordered_map<Digest, Record, FirstBytes>;
  // How many times leases name a content. Large contexts are leased by several at once, so a lease holds pointers to
  // these, which stay where they are.
  using Leased = std::unordered_map<Digest, uint32_t, FirstBytes>;
  struct Holding {
    std::vector<Leased::pointer> contents;  // some may stand here more than once
    size_t tidy_at = 1024;                  // so many, and the doubles are taken out
  };

  // All of these are called with the lock held.
  void Touch(const Digest& digest, Record& record, SystemTime now);
  void AddToLeaseLocked(int64_t lease, const Digest& digest);
  void Hold(Holding& holding, const Digest& digest);
  void LetGo(Leased::pointer content);
  bool IsLeased(const Digest& digest) const;
  std::vector<uint64_t> UnsyncedOf(int64_t lease) const;
  bool IsInDoubt(const Location& where) const;
  void Enter(const Digest& digest, const Location& where, SystemTime used);
  void Leave(Records::iterator it);

  const Clock& clock_;
  mutable std::mutex mutex_;
  std::condition_variable unreserved_;
  Records records_;
  std::unordered_map<uint64_t, Pack> packs_;
  std::unordered_set<Digest> reserved_;  // blobs whose file is being made or removed
  std::unordered_set<uint64_t> unsynced_;
  std::unordered_map<uint64_t, Status> in_doubt_;
  std::condition_variable synced_;
  Leased leased_;
  std::unordered_map<int64_t, Holding> leases_;
  int64_t last_lease_ = 0;
  std::vector<Digest> unsaved_;  // blobs used since TakeUses
  uint64_t total_bytes_ = 0;     // of files
};

}  // namespace slipway::content
