// The content store: bytes by digest, on disk, shared by all runs of a daemon.
//
// Two kinds of content live here behind one interface: *blobs* (layers, manifests, configs, large files), a file each,
// and *packed* content (the many small files of a context), appended to pack files so that a file costs no system call
// of its own. Readers see no difference: Open() gives a window into some file.
//
// Life cycle of a write: Begin → Write … → Commit. Bytes go to a temporary name, are hashed on the way, synced,
// renamed: content that is visible is whole, also after a crash; what a crash left unfinished is swept when the store
// is opened. What can be fetched or made again need not wait for the disk (Durable::kSoon).
//
// The files are the truth and are listed when the store is opened; a small database remembers only when each was last
// used, written now and then, and may be lost. A lease protects what a run uses or makes from Collect(). Leases live in
// memory: one process at a time opens a root (the daemon holds a file lock on its state), and those of a dead process
// are gone with it. All functions may be called from any thread; leases, ingests and batches must end before the store
// does.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "executor/base/clock.h"
#include "executor/base/context.h"
#include "executor/base/digest.h"
#include "executor/base/status.h"
#include "executor/base/unique_fd.h"

namespace slipway::content {

/// Content up to this size is packed when it comes in a batch; larger content is a blob.
inline constexpr uint64_t kLargestPacked = 1U << 20;

/// A window into a file that holds some content. Copies share the descriptor; valid as long as it lives, even if the
/// content is collected meanwhile. Thread-safe.
class Blob {
 public:
  Blob() = default;
  Blob(std::shared_ptr<const UniqueFd> fd, int64_t offset, uint64_t size)
      : fd_(std::move(fd)), offset_(offset), size_(size) {}

  uint64_t size() const { return size_; }
  /// Reads until `buffer` is full or the content ends; the number of bytes read. `position` is relative to the content.
  /// DATA_LOSS if the file is shorter than the content.
  Result<size_t> ReadAt(std::span<char> buffer, uint64_t position) const;
  /// The whole content; RESOURCE_EXHAUSTED if larger than `limit`.
  Result<std::string> ReadAll(uint64_t limit = 64U << 20) const;
  /// For sendfile, mmap and the like: the file and where the content begins in it.
  int fd() const { return fd_->get(); }
  int64_t offset() const { return offset_; }

 private:
  std::shared_ptr<const UniqueFd> fd_;
  int64_t offset_ = 0;
  uint64_t size_ = 0;
};

class Store;

/// Keeps what was added to it from being collected until destroyed. Copies are not possible; share by shared_ptr.
/// What is added need not be there yet. Thread-safe but for moving.
class Lease {
 public:
  Lease() = default;
  Lease(Lease&& other) noexcept;
  Lease& operator=(Lease&& other) noexcept;
  ~Lease();
  Status Add(const Digest& digest);
  Status Add(std::span<const Digest> digests);

 private:
  friend class Store;
  Lease(Store* store, int64_t id) : store_(store), id_(id) {}
  Store* store_ = nullptr;
  int64_t id_ = 0;
};

/// One write that is not yet visible. Destroyed without Commit, it leaves nothing. Not thread-safe.
class Ingest {
 public:
  virtual ~Ingest() = default;
  /// Hashes and writes. RESOURCE_EXHAUSTED past `max_size` and on a full disk; a failed ingest stays failed.
  virtual Status Write(std::string_view bytes) = 0;
  /// Bytes written so far.
  virtual uint64_t size() const = 0;
  /// What was written so far, for others to read while more is written, from any thread. It stays readable when the
  /// ingest has ended, however that was.
  virtual Result<Blob> Written() = 0;
  /// No more is written: DATA_LOSS if `expected` was given and this is something else. For who wants to know before the
  /// content has reached the disk; Commit does the same.
  virtual Status Verify() = 0;
  /// Makes the content visible and leased; its digest. DATA_LOSS if `expected` was given and differs (nothing is kept).
  /// Content that is there already is OK. `lease` may be nullptr: then Collect may take it at once. Call it once.
  virtual Result<Digest> Commit(Lease* lease) = 0;
};

/// Many files in one write: each is hashed and becomes visible with the others at Commit. Small ones are packed; what
/// the store has already is not written again. Destroyed without Commit, it leaves nothing. Not thread-safe.
class BatchIngest {
 public:
  virtual ~BatchIngest() = default;
  /// Adds a whole content.
  virtual Result<Digest> Add(std::string_view bytes) = 0;
  /// Adds content piecewise: Begin, Append …, End. `expected` empty: any. DATA_LOSS if there are more or fewer
  /// bytes than `size` or, at End, if the digest differs; the file is then dropped and the batch may go on.
  virtual Status BeginFile(uint64_t size, const Digest& expected) = 0;
  virtual Status Append(std::string_view bytes) = 0;
  virtual Result<Digest> EndFile() = 0;
  /// The same for a file of somebody else's, open as `fd` and read from its beginning. Where the file system can, the
  /// bytes of a large one are shared and not copied; what is written to it later is not seen. `between` is asked every
  /// MiB or so whether to go on.
  virtual Result<Digest> AddFile(int fd, uint64_t size, const Digest& expected,
                                 const std::function<Status()>& between) = 0;
  /// Makes everything visible and leased, synced first or soon as BeginBatch was told. If that fails, some of it may be
  /// visible and none is leased.
  virtual Status Commit(Lease* lease) = 0;
};

enum class Durable {
  kAtCommit,  ///< what was written is there after a crash of the machine; what was there already, as who wrote it said
  kSoon,      ///< it is synced some seconds later; if the machine crashes before, it may be gone (never broken)
};

struct IngestOptions {
  Digest expected;        ///< verified at Commit unless empty
  int64_t max_size = -1;  ///< RESOURCE_EXHAUSTED past this; -1: no bound
  Durable durable = Durable::kAtCommit;
};

struct CollectOptions {
  uint64_t keep_bytes = 0;  ///< collect least recently used content until no more than this is left
  std::chrono::seconds min_age = std::chrono::seconds(0);  ///< content used more recently is kept whatever its size
};

struct CollectResult {
  uint64_t removed_bytes = 0;  ///< sum of the sizes of what was removed
  uint64_t removed_count = 0;
  uint64_t kept_bytes = 0;  ///< on disk afterwards
};

struct OpenOptions {
  const Clock* clock = &Clock::Real();  ///< for last use
};

class Store {
 public:
  /// Opens the store below `root` (made if missing) and sweeps what a crash left. The caller sees to it that no other
  /// process has it open. FAILED_PRECONDITION if a newer program wrote it.
  static Result<std::unique_ptr<Store>> Open(const std::string& root, const OpenOptions& options = {});
  virtual ~Store() = default;

  /// NOT_FOUND if it is not there. Counts as a use.
  virtual Result<Blob> Open(const Digest& digest) = 0;
  /// Whether it is there; does not count as a use.
  virtual bool Has(const Digest& digest) = 0;
  /// Which of `digests` are not there, in their order, each once. Those that are there are added to `lease` in the same
  /// step, so they cannot vanish in between, and count as used. The empty content is always there. `lease` may be
  /// nullptr.
  virtual Result<std::vector<Digest>> Missing(std::span<const Digest> digests, Lease* lease) = 0;

  virtual Result<std::unique_ptr<Ingest>> Begin(const IngestOptions& options) = 0;
  virtual Result<std::unique_ptr<BatchIngest>> BeginBatch(Durable durable = Durable::kAtCommit) = 0;
  /// A small document in one call. `lease` as in Ingest::Commit.
  Result<Digest> Put(std::string_view bytes, Lease* lease, Durable durable = Durable::kAtCommit);
  /// Takes a file of this file system in as content by a hard link (a copy where that fails), hashing it on the way.
  /// The caller promises never to write to the file again. INVALID_ARGUMENT for what is not a regular file.
  virtual Result<Digest> PutFile(const std::string& path, Lease* lease) = 0;
  /// The same for the file open for reading as `fd`, whatever stands at its path meanwhile: for who was told the path
  /// by others. DATA_LOSS if it has not `size` bytes.
  virtual Result<Digest> PutOpenFile(int fd, uint64_t size, Lease* lease) = 0;

  /// `purpose` is for people ("run ca1f").
  virtual Result<Lease> NewLease(std::string_view purpose) = 0;
  /// Waits until what was committed with Durable::kSoon of the contents of `lease` is on the disk. Its failure
  /// otherwise: what could not be synced can still be read, but counts as missing for those who bring it again.
  /// `between` is asked several times a second whether to go on waiting.
  virtual Status AwaitSynced(const Lease& lease, const std::function<Status()>& between) = 0;
  /// Content that must be kept beyond leases (what cache records name) is marked by its owner through this: `in_use` is
  /// asked for the digests to keep, then the least recently used rest goes. Packs are dropped when all they hold is
  /// gone, and rewritten when most of it is. Others may read and write meanwhile.
  virtual Result<CollectResult> Collect(const Context& ctx, const CollectOptions& options,
                                        std::span<const Digest> in_use) = 0;
  /// Bytes on disk.
  virtual Result<uint64_t> TotalBytes() = 0;

 protected:
  friend class Lease;
  Lease MakeLease(int64_t id) { return Lease(this, id); }
  /// 0, which no lease has, for nullptr.
  static int64_t IdOf(const Lease* lease) { return lease != nullptr ? lease->id_ : 0; }
  virtual Status AddToLease(int64_t id, std::span<const Digest> digests) = 0;
  virtual void EndLease(int64_t id) = 0;
};

}  // namespace slipway::content
