#include "executor/layer/compress_pipeline.h"

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <mutex>

#include "executor/base/caught.h"

namespace slipway::layer {

namespace {
/// Each thread works on one block and finds another waiting; past that, more would only be memory.
size_t MostInFlight(size_t block_size, size_t threads) {
  constexpr size_t kMostBytes = 64U << 20;
  return std::min(2 * (threads + 1), kMostBytes / block_size);
}

/// Smaller blocks are compressed sooner than looked for.
constexpr size_t kWorthKeeping = 64U << 10;

void AppendNumber(uint64_t value, std::string& out) {
  out.append(reinterpret_cast<const char*>(&value), sizeof(value));
}
}  // namespace

/// One block on its way: filled by the producer, compressed by whoever takes it, written by the producer.
struct CompressPipeline::Block {
  ByteBuffer in;  // the dictionary, then the block
  size_t dictionary = 0;
  size_t filled = 0;
  ByteBuffer out;
  std::string makings;  // what its key is made of; empty if it has none
  bool known = true;    // whether all of it can be described so far
  // Set by the thread that compresses, before `done`.
  PackedBlock packed;
  Status status;
  bool done = false;    // guarded by Shared::mutex
  bool hashed = false;  // guarded by Shared::mutex

  std::string_view Dictionary() const { return in.view().substr(0, dictionary); }
  std::string_view Bytes() const { return in.view().substr(dictionary, filled); }

  void Reset() {
    done = false;
    hashed = false;
    dictionary = 0;
    filled = 0;
    makings.clear();
    known = true;
    packed = {};
  }
  bool Finished() const { return done && hashed; }
  bool HasKey() const { return known && !makings.empty() && filled >= kWorthKeeping; }
};

/// What the producer and the pool's threads have in common; outlives the pipeline as long as a thread works for it.
struct CompressPipeline::Shared {
  Shared(const StreamFormat& stream_format, BlockLibrary* block_library)
      : format(stream_format), format_name(format.Name()), library(block_library) {}

  const StreamFormat format;
  const std::string format_name;
  BlockLibrary* const library;
  std::mutex mutex;
  std::condition_variable done;
  std::deque<std::shared_ptr<Block>> waiting;  // guarded by mutex, as all below
  std::deque<std::shared_ptr<Block>> to_hash;  // in the order of the stream
  bool hashing = false;                        // a thread does
  size_t running = 0;
  Hasher hasher;                                    // of the thread that hashes
  std::vector<std::unique_ptr<BlockCodec>> codecs;  // those that no thread uses

  /// Compresses one block that no thread has begun. False if there is none.
  bool RunOne() {
    std::unique_lock lock(mutex);
    if (waiting.empty()) return false;
    const std::shared_ptr<Block> block = std::move(waiting.front());
    waiting.pop_front();
    ++running;
    std::unique_ptr<BlockCodec> codec;
    if (!codecs.empty()) {
      codec = std::move(codecs.back());
      codecs.pop_back();
    }
    lock.unlock();
    block->status = Caught("compressing", [&] {
      if (codec == nullptr) codec = format.NewCodec();
      return Make(*block, *codec);
    });
    lock.lock();
    if (codec != nullptr) codecs.push_back(std::move(codec));
    block->done = true;
    --running;
    done.notify_all();
    return true;
  }

  /// Hashes what came in, block after block, unless a thread does already. False if there was nothing to do.
  bool HashAll() {
    std::unique_lock lock(mutex);
    if (hashing || to_hash.empty()) return false;
    hashing = true;
    while (!to_hash.empty()) {
      const std::shared_ptr<Block> block = std::move(to_hash.front());
      to_hash.pop_front();
      lock.unlock();
      hasher.Update(block->Bytes());
      lock.lock();
      block->hashed = true;
      done.notify_all();
    }
    hashing = false;
    done.notify_all();
    return true;
  }

 private:
  Status Make(Block& block, BlockCodec& codec) const {
    if (block.HasKey()) {
      block.packed.key = Digest::Of(block.makings);
      if (Reuse(block)) return Status();
    }
    SLIPWAY_ASSIGN_OR_RETURN(block.packed.plain, codec.Compress(block.Dictionary(), block.Bytes(), block.out));
    block.packed.size = static_cast<uint32_t>(block.out.view().size());
    if (!block.packed.key.empty()) block.packed.crc = Crc32(block.out.view());
    return Status();
  }

  // A block of this key may have become another: its disk may have lost bits, and so may the file that was read now.
  bool Reuse(Block& block) const {
    const auto found = library->Find(block.packed.key, block.out);
    if (!found || found->size != block.out.view().size() || found->crc != Crc32(block.out.view()) ||
        found->plain.size != block.Bytes().size() || found->plain.crc != Crc32(block.Bytes())) {
      return false;
    }
    block.packed = *found;
    return true;
  }
};

CompressPipeline::CompressPipeline(const Context& ctx, StreamFormat format, ThreadPool& pool,
                                   std::function<Status(std::string_view)> write, BlockLibrary* library)
    : ctx_(ctx),
      format_(format),
      pool_(pool),
      write_(std::move(write)),
      most_in_flight_(MostInFlight(format.block_size(), pool.size())),
      shared_(std::make_shared<Shared>(format, library)) {}

CompressPipeline::~CompressPipeline() {
  std::unique_lock lock(shared_->mutex);
  shared_->waiting.clear();
  shared_->to_hash.clear();
  shared_->done.wait(lock, [this] { return shared_->running == 0 && !shared_->hashing; });
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
  next->Reset();
  next->known = shared_->library != nullptr && !shared_->format_name.empty();
  if (next->known) next->makings = shared_->format_name + "\n";
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

Status CompressPipeline::Filled(size_t size, const Digest& content, uint64_t offset) {
  if (content.empty()) current_->known = false;
  if (current_->known) {
    std::string& makings = current_->makings;
    makings.push_back('c');
    makings.append(reinterpret_cast<const char*>(content.bytes().data()), Digest::kSize);
    AppendNumber(offset, makings);
    AppendNumber(size, makings);
  }
  current_->filled += size;
  size_ += size;
  return EndFull();
}

Status CompressPipeline::Append(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::span<char> space = Space();
    const std::string_view part = bytes.substr(0, space.size());
    std::memcpy(space.data(), part.data(), part.size());
    if (current_->known) {
      current_->makings.push_back('b');
      AppendNumber(part.size(), current_->makings);
      current_->makings += part;
    }
    current_->filled += part.size();
    size_ += part.size();
    SLIPWAY_RETURN_IF_ERROR(EndFull());
    bytes.remove_prefix(part.size());
  }
  return Status();
}

size_t CompressPipeline::filled() const { return current_ != nullptr ? current_->filled : 0; }

Status CompressPipeline::Cut() { return filled() > 0 ? EndBlock(/*last=*/false) : Status(); }

Status CompressPipeline::EndFull() {
  return current_->filled == format_.block_size() ? EndBlock(/*last=*/false) : Status();
}

Status CompressPipeline::Write(std::string_view bytes) {
  written_ += bytes.size();
  return write_(bytes);
}

Status CompressPipeline::EndBlock(bool last) {
  SLIPWAY_RETURN_IF_ERROR(ctx_.Err());
  if (size_ == current_->filled) SLIPWAY_RETURN_IF_ERROR(Write(format_.Header()));
  if (!format_.compresses()) {
    shared_->hasher.Update(current_->Bytes());
    SLIPWAY_RETURN_IF_ERROR(Write(current_->Bytes()));
    current_->filled = 0;
    return Status();
  }
  {
    std::lock_guard lock(shared_->mutex);
    shared_->waiting.push_back(current_);
    shared_->to_hash.push_back(current_);
  }
  in_flight_.push_back(std::move(current_));
  if (last) return Status();
  pool_.Submit([shared = shared_] {
    shared->HashAll();
    shared->RunOne();
  });
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
      if (!in_flight_.front()->Finished()) return Status();
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
      if (block->Finished()) break;
      const auto nothing_to_do = [&] {
        return shared_->waiting.empty() && (shared_->hashing || shared_->to_hash.empty());
      };
      if (nothing_to_do()) shared_->done.wait(lock, [&] { return block->Finished() || !nothing_to_do(); });
      if (block->Finished()) break;
    }
    if (!shared_->HashAll()) shared_->RunOne();
  }
  SLIPWAY_RETURN_IF_ERROR(block->status);
  format_.Add(block->packed.plain);
  if (!block->packed.key.empty()) blocks_.emplace_back(block->packed).offset = written_;
  SLIPWAY_RETURN_IF_ERROR(Write(block->out.view()));
  free_blocks_.push_back(block);
  return Status();
}

Status CompressPipeline::Finish() {
  if (current_ != nullptr && current_->filled > 0) {
    SLIPWAY_RETURN_IF_ERROR(EndBlock(/*last=*/true));
  } else if (size_ == 0) {
    SLIPWAY_RETURN_IF_ERROR(Write(format_.Header()));
  }
  while (!in_flight_.empty()) SLIPWAY_RETURN_IF_ERROR(WriteFront());
  SLIPWAY_RETURN_IF_ERROR(Write(format_.Trailer()));
  digest_ = shared_->hasher.Finish();
  return Status();
}

}  // namespace slipway::layer
