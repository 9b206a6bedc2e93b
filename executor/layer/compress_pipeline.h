// The pipeline of the assembler: bytes in, blocks compressed by as many threads as are free, compressed bytes out in
// order.
//
// One thread fills it and takes the results (so the output needs no lock); it compresses or hashes blocks itself
// whenever it would have to wait, so a pool that is busy with other work only makes it slower. Memory is bounded by a
// fixed number of blocks in flight.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <string_view>

#include "executor/base/context.h"
#include "executor/base/digest.h"
#include "executor/base/status.h"
#include "executor/base/thread_pool.h"
#include "executor/layer/block_library.h"
#include "executor/layer/compress.h"

namespace slipway::layer {

class CompressPipeline {
 public:
  /// `write` gets the compressed bytes, in order, on the thread that calls the functions here. `library` may be
  /// null.
  CompressPipeline(const Context& ctx, StreamFormat format, ThreadPool& pool,
                   std::function<Status(std::string_view)> write, BlockLibrary* library = nullptr);
  /// Blocks that no thread has begun are dropped; waits for those that are being compressed.
  ~CompressPipeline();
  CompressPipeline(const CompressPipeline&) = delete;
  CompressPipeline& operator=(const CompressPipeline&) = delete;

  /// Room for the next bytes; never empty. Valid until the next call.
  std::span<char> Space();
  /// `size` bytes of Space() were filled, with those from `offset` on of a content of this digest (empty: not known).
  Status Filled(size_t size, const Digest& content, uint64_t offset);
  Status Append(std::string_view bytes);
  /// Bytes of the block that is being filled.
  size_t filled() const;
  /// Ends the block here; it is ended by itself when it has StreamFormat::block_size() bytes.
  Status Cut();
  /// Writes all that is left. Nothing may be added afterwards.
  Status Finish();

  /// Bytes that went in.
  uint64_t size() const { return size_; }
  /// Digest of the bytes that went in; after Finish().
  Digest digest() const { return digest_; }
  /// The blocks that are worth being looked for in a library another time; after Finish().
  const std::vector<PackedBlock>& blocks() const { return blocks_; }

 private:
  struct Block;
  struct Shared;

  void StartBlock();
  Status EndFull();
  Status Write(std::string_view bytes);
  /// Hands the current block to whoever compresses it; the last one of the stream is left to this thread.
  Status EndBlock(bool last);
  Status WriteFront();
  Status WriteFinished();

  Context ctx_;
  StreamFormat format_;
  ThreadPool& pool_;
  std::function<Status(std::string_view)> write_;
  size_t most_in_flight_;
  std::shared_ptr<Shared> shared_;
  std::deque<std::shared_ptr<Block>> in_flight_;     // in the order of the stream
  std::vector<std::shared_ptr<Block>> free_blocks_;  // their buffers are used again
  std::shared_ptr<Block> current_;
  Digest digest_;
  uint64_t size_ = 0;
  uint64_t written_ = 0;
  std::vector<PackedBlock> blocks_;
};

}  // namespace slipway::layer
