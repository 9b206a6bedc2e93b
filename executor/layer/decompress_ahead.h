// A stream that is decompressed on a thread of its own while the caller works on what came before.
//
// Only a stream of more than one buffer gets the thread. The buffers are few and of fixed size, so memory is bounded.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string_view>
#include <thread>
#include <vector>

#include "executor/base/context.h"
#include "executor/base/digest.h"
#include "executor/base/status.h"
#include "executor/layer/archive.h"
#include "executor/layer/decompress.h"

namespace slipway::layer {

/// Who hashes the decompressed bytes: whoever has less to do.
enum class HashBy {
  kNobody,
  kDecompressor,  ///< for callers that write files
  kCaller,        ///< for callers that look at headers only: inflating is the longest part then
};

class AheadStream {
 public:
  /// `source` is read by one thread at a time and must outlive the stream. `max_bytes` bounds the decompressed bytes:
  /// RESOURCE_EXHAUSTED past it.
  AheadStream(const Context& ctx, const ByteSource& source, HashBy hash, uint64_t max_bytes,
              GzipSums sums = GzipSums::kChecked);
  /// Waits until a read of the source that is under way has returned.
  ~AheadStream();
  AheadStream(const AheadStream&) = delete;
  AheadStream& operator=(const AheadStream&) = delete;

  /// The bytes that are next: at least one unless the stream has ended. At least `size` (of up to 512) if the stream
  /// has as many left and only multiples of 512 were consumed.
  Result<std::string_view> Peek();
  void Consume(size_t size) { offset_ += size; }

  /// Reads to the end and gives the digest; empty if it was not asked for.
  Result<Digest> Drain();
  Codec codec() const { return codec_; }

 private:
  struct Buffer {
    std::vector<char> bytes;
    size_t size = 0;
    bool last = false;
  };
  using BufferPtr = std::unique_ptr<Buffer>;

  void Hash(const Buffer& buffer) { hasher_.Update({buffer.bytes.data(), buffer.size}); }
  Status Fill(Buffer& buffer);
  Status Advance();
  void Work(const std::stop_token& stop);

  Context ctx_;
  const HashBy hash_;
  const uint64_t max_bytes_;
  // Of whichever thread reads: the caller's before the thread starts.
  Codec codec_ = Codec::kNone;
  ByteSource decompressed_;
  uint64_t total_ = 0;
  Hasher hasher_;  // of that thread too, or the caller's, as hash_ says

  BufferPtr current_;  // of the caller
  size_t offset_ = 0;

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<BufferPtr> full_;    // guarded by mutex_
  std::vector<BufferPtr> empty_;  // guarded by mutex_
  Status error_;                  // guarded by mutex_
  bool failed_ = false;           // guarded by mutex_
  std::jthread thread_;           // last: joined first
};

}  // namespace slipway::layer
