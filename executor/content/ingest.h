// The ways content enters a DiskStore: one write, a batch, a file taken in.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <unordered_set>
#include <vector>

#include "executor/content/disk_store.h"
#include "executor/content/pack.h"
#include "executor/content/side_thread.h"
#include "executor/content/staged_file.h"
#include "executor/content/sync_queue.h"

namespace slipway::content {

/// Digest and size of a file's content.
Result<std::pair<Digest, uint64_t>> HashFile(int fd);

/// "content is 'sha256:…' and should be 'sha256:…'"
Status WrongContent(const Digest& is, const Digest& expected);

class DiskIngest : public Ingest {
 public:
  DiskIngest(DiskStore& store, const IngestOptions& options, StagedFile file)
      : store_(store), options_(options), file_(std::move(file)) {}

  Status Write(std::string_view bytes) override;
  /// Instead of writing: shares all bytes of the file open as `fd`, which should be `size`, and hashes them. False
  /// where they cannot be shared or are more or fewer; nothing has happened then.
  Result<bool> Share(int fd, uint64_t size, const std::function<Status()>& between);
  uint64_t size() const override { return file_.size(); }
  Result<Blob> Written() override;
  Status Verify() override;
  Result<Digest> Commit(Lease* lease) override;

  /// The first half of Commit: checks and syncs. The rest is for Publish.
  Result<Digest> Seal();
  StagedFile& file() { return file_; }

 private:
  DiskStore& store_;
  const IngestOptions options_;
  StagedFile file_;
  std::shared_ptr<const UniqueFd> reading_;  // the file, for those who read what was written
  Hasher hasher_;
  Digest digest_;                        // empty until nothing more is written
  std::unique_ptr<SideThread> hashing_;  // from the first long write on
  Status failure_;
};

class DiskBatch : public BatchIngest {
 public:
  DiskBatch(DiskStore& store, Durable durable) : store_(store), durable_(durable), guard_(store.Guard()) {}

  Result<Digest> Add(std::string_view bytes) override;
  Status BeginFile(uint64_t size, const Digest& expected) override;
  Status Append(std::string_view bytes) override;
  Result<Digest> EndFile() override;
  Result<Digest> AddFile(int fd, uint64_t size, const Digest& expected,
                         const std::function<Status()>& between) override;
  Status Commit(Lease* lease) override;

 private:
  struct Large {
    Digest digest;
    uint64_t size = 0;
    StagedFile file;
  };
  struct Current {
    uint64_t size = 0;
    Digest expected;
    std::string bytes;                  // of a small file that comes in pieces
    Digest digest;                      // of one that came whole
    std::unique_ptr<DiskIngest> large;  // of a large one
    uint64_t written = 0;
  };

  Status AppendSmall(std::string_view bytes);
  Status AppendAll(int fd, const std::function<Status()>& between);
  bool IsNew(const Digest& digest);
  Result<Digest> AddPacked(const Digest& digest, std::string_view bytes);
  Result<Digest> AddLarge(DiskIngest& ingest);
  Status NextPack();
  Status EndPack();
  Status EndWriting(StagedFile& file);
  Status PublishPacks(int64_t lease);
  Status PublishLarge(int64_t lease);

  DiskStore& store_;
  const Durable durable_;
  Lease guard_;  // keeps what was found to be there from vanishing before Commit
  std::vector<Digest> digests_;
  std::unordered_set<Digest> seen_;
  std::deque<PackWriter> packs_;  // at their places while they are synced, as the large files
  std::vector<uint64_t> pack_numbers_;
  std::deque<Large> large_;
  std::optional<Current> current_;
  Status failure_;                // of a write: nothing can be trusted any more
  std::deque<StagedFile*> late_;  // those written last, of a batch that does not wait for the disk
  std::vector<Unsynced> behind_;  // of those, what was entered
  SyncQueue syncs_;               // last: it uses the files
};

}  // namespace slipway::content
