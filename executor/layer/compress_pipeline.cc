#include "executor/layer/compress_pipeline.h"

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <mutex>

namespace slipway::layer {

namespace {
/// Each thread works on one block and finds another waiting; past that, more would only be memory.
size_t MostInFlight(size_t block_size, size_t threads) {
  constexpr size_t kMostBytes = 64U << 20;
  return std::min(2 * (threads + 1), kMostBytes / block_size);
}
}  // namespace

/// One block on its way: filled by the producer, compressed by whoever takes it, written by the producer.
struct CompressPipeline::Block {
  ByteBuffer in;  // the dictionary, then the block
  size_t dictionary = 0;
  size_t filled = 0;
  ByteBuffer out;
  // Set by the thread that compresses, before `done`.
  BlockCheck check;
  Status status;
  bool done = false;  // guarded by Shared::mutex

  std::string_view Dictionary() const { return in.view().substr(0, dictionary); }
  std::string_view Bytes() const { return in.view().substr(dictionary, filled); }
};

/// What the producer and the pool's threads have in common; outlives the pipeline as long as a thread works for it.
struct CompressPipeline::Shared {
  explicit Shared(const StreamFormat& stream_format) : format(stream_format) {}

  const StreamFormat format;
  std::mutex mutex;
  std::condition_variable done;
  std::deque<std::shared_ptr<Block>> waiting;       // guarded by mutex
  std::vector<std::unique_ptr<BlockCodec>> codecs;  // guarded by mutex; those that no thread uses

  /// Compresses one block that no thread has begun. False if there is none.
  bool RunOne() {
    std::unique_lock lock(mutex);
    if (waiting.empty()) return false;
    const std::shared_ptr<Block> block = std::move(waiting.front());
    waiting.pop_front();
    std::unique_ptr<BlockCodec> codec;
    if (!codecs.empty()) {
      codec = std::move(codecs.back());
      codecs.pop_back();
    }
    lock.unlock();
    if (codec == nullptr) codec = format.NewCodec();
    Compress(*block, *codec);
    lock.lock();
    codecs.push_back(std::move(codec));
    block->done = true;
    done.notify_all();
    return true;
  }

 private:
  static void Compress(Block& block, BlockCodec& codec) {
    auto check = codec.Compress(block.Dictionary(), block.Bytes(), block.out);
    if (check.ok()) {
      block.check = *check;
    } else {
      block.status = std::move(check).status();
    }
  }
};

CompressPipeline::CompressPipeline(const Context& ctx, StreamFormat format, ThreadPool& pool,
                                   std::function<Status(std::string_view)> write)
    : ctx_(ctx),
      format_(format),
      pool_(pool),
      write_(std::move(write)),
      most_in_flight_(MostInFlight(format.block_size(), pool.size())),
      shared_(std::make_shared<Shared>(format)) {}

CompressPipeline::~CompressPipeline() {
  std::lock_guard lock(shared_->mutex);
  shared_->waiting.clear();
}

void CompressPipeline::StartBlock() {
  std::shared_ptr<Block> next;
  if (!free_blocks_.empty()) {
    next = std::move(free_blocks_.back());
    free_blocks_.pop_back();
  } else {
    next = std::make_shared<Block>();
    next->in.Reserve(format_.dictionary_size() + format_.block_size());
    next->in.set_size(next->in.capacity());
  }
  next->done = false;
  next->dictionary = 0;
  next->filled = 0;
  if (const Block* last = in_flight_.empty() ? nullptr : in_flight_.back().get(); last != nullptr) {
    const std::string_view bytes = last->Bytes();
    next->dictionary = std::min(format_.dictionary_size(), bytes.size());
    if (next->dictionary > 0) {
      std::memcpy(next->in.data(), bytes.data() + bytes.size() - next->dictionary, next->dictionary);
    }
  }
  current_ = std::move(next);
}

std::span<char> CompressPipeline::Space() {
  if (current_ == nullptr) StartBlock();
  return {current_->in.data() + current_->dictionary + current_->filled, format_.block_size() - current_->filled};
}

Status CompressPipeline::Filled(size_t size) {
  current_->filled += size;
  size_ += size;
  return current_->filled == format_.block_size() ? EndBlock(/*last=*/false) : Status();
}

Status CompressPipeline::Append(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::span<char> space = Space();
    const size_t size = std::min(space.size(), bytes.size());
    std::memcpy(space.data(), bytes.data(), size);
    SLIPWAY_RETURN_IF_ERROR(Filled(size));
    bytes.remove_prefix(size);
  }
  return Status();
}

Status CompressPipeline::EndBlock(bool last) {
  SLIPWAY_RETURN_IF_ERROR(ctx_.Err());
  if (size_ == current_->filled) SLIPWAY_RETURN_IF_ERROR(write_(format_.Header()));
  hasher_.Update(current_->Bytes());
  if (!format_.compresses()) {
    SLIPWAY_RETURN_IF_ERROR(write_(current_->Bytes()));
    current_->filled = 0;
    return Status();
  }
  {
    std::lock_guard lock(shared_->mutex);
    shared_->waiting.push_back(current_);
  }
  in_flight_.push_back(std::move(current_));
  if (last) return Status();
  pool_.Submit([shared = shared_] { shared->RunOne(); });
  // The next block's dictionary is the end of this one, so it is begun before this one can be written and used again.
  StartBlock();
  SLIPWAY_RETURN_IF_ERROR(WriteFinished());
  while (in_flight_.size() >= most_in_flight_) SLIPWAY_RETURN_IF_ERROR(WriteFront());
  return Status();
}

Status CompressPipeline::WriteFinished() {
  while (!in_flight_.empty()) {
    {
      std::lock_guard lock(shared_->mutex);
      if (!in_flight_.front()->done) return Status();
    }
    SLIPWAY_RETURN_IF_ERROR(WriteFront());
  }
  return Status();
}

// Waits for the oldest block, helping meanwhile.
Status CompressPipeline::WriteFront() {
  const std::shared_ptr<Block> block = std::move(in_flight_.front());
  in_flight_.pop_front();
  while (true) {
    {
      std::unique_lock lock(shared_->mutex);
      if (block->done) break;
      if (shared_->waiting.empty()) {
        shared_->done.wait(lock, [&] { return block->done; });
        break;
      }
    }
    shared_->RunOne();
  }
  SLIPWAY_RETURN_IF_ERROR(block->status);
  format_.Add(block->check);
  SLIPWAY_RETURN_IF_ERROR(write_(block->out.view()));
  free_blocks_.push_back(block);
  return Status();
}

Status CompressPipeline::Finish() {
  if (current_ != nullptr && current_->filled > 0) {
    SLIPWAY_RETURN_IF_ERROR(EndBlock(/*last=*/true));
  } else if (size_ == 0) {
    SLIPWAY_RETURN_IF_ERROR(write_(format_.Header()));
  }
  while (!in_flight_.empty()) SLIPWAY_RETURN_IF_ERROR(WriteFront());
  SLIPWAY_RETURN_IF_ERROR(write_(format_.Trailer()));
  digest_ = hasher_.Finish();
  return Status();
}

}  // namespace slipway::layer
