// ContentAhead: the contents that a daemon lacks, as the messages that carry them. While one is sent, the next ones are
// read on a pool: a file's open, read and close take longer than its way through the socket.
//
// A daemon on the same machine is handed large files instead, which it reads itself.
//
// A bounded number of messages is held, of about a MiB each. What has changed since the context was read is noticed
// here where its size tells, of larger files where the stamp does; otherwise by the daemon, from the digest. Not
// thread-safe; works on the pool inside.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "cli/context_entry.h"
#include "cli/context_reader.h"
#include "executor/base/context.h"
#include "executor/base/file_handover.h"
#include "executor/base/status.h"
#include "executor/base/thread_pool.h"
#include "slipway/v1/sources.pb.h"

namespace slipway::cli {

class ContentAhead {
 public:
  /// `wanted` are indexes of files in `entries`, in the order in which they are sent. `handover`: where the daemon
  /// takes open files; may be null. All of it must outlive this.
  ContentAhead(const Context& ctx, ThreadPool& pool, int root_fd, const std::vector<ContextEntry>& entries,
               std::span<const uint32_t> wanted, HandoverSender* handover = nullptr)
      : ctx_(ctx),
        pool_(pool),
        root_fd_(root_fd),
        entries_(entries),
        wanted_(wanted),
        handover_(handover),
        opener_(root_fd) {}

  struct Message {
    v1::UploadContextRequest request;
    uint64_t bytes = 0;  ///< of files
    uint64_t files = 0;  ///< that end in it
  };
  /// The next one; nullptr behind the last. ABORTED if a file is not the one that was read before.
  Result<std::unique_ptr<Message>> Next();

 private:
  struct Piece {
    uint32_t entry = 0;
    uint64_t offset = 0;
    uint64_t size = 0;
  };
  struct Batch {
    explicit Batch(ThreadPool& pool) : reading(pool) {}
    std::vector<Piece> pieces;           // whole small files, or a piece of a large one
    std::shared_ptr<const UniqueFd> fd;  // of the large one
    bool handed_over = false;
    size_t weight = 0;  // about the bytes on the wire
    std::unique_ptr<Message> message = std::make_unique<Message>();
    TaskGroup reading;  // last: it uses the rest
  };

  bool MayStart() const;
  Status Start();
  Status TakeLarge(Batch& batch);
  bool HandOver(Batch& batch);
  void Cut(Batch& batch);
  bool TakeSmall(Batch& batch);
  Status ReadFiles(Batch& batch) const;
  Status ReadPiece(Batch& batch) const;

  const Context& ctx_;
  ThreadPool& pool_;
  const int root_fd_;
  const std::vector<ContextEntry>& entries_;
  const std::span<const uint32_t> wanted_;
  HandoverSender* const handover_;
  FileOpener opener_;
  size_t at_ = 0;                       // in wanted_: what no batch has yet
  uint64_t offset_ = 0;                 // in that file
  size_t untold_ = 0;                   // batches whose file was handed over and whose message was not sent
  std::shared_ptr<const UniqueFd> fd_;  // of that file, if it is a large one
  std::deque<std::unique_ptr<Batch>> batches_;
};

}  // namespace slipway::cli
