#include "executor/layer/decompress_ahead.h"

#include <pthread.h>

#include "executor/base/caught.h"

namespace slipway::layer {

namespace {
// Multiples of a tar block, so that no header lies across two buffers; all together no more than a processor's cache.
constexpr size_t kBufferSize = 64U << 10;
constexpr size_t kBuffers = 10;
// Handed on, and given back, so many at a time: each time wakes a thread.
constexpr size_t kBatch = kBuffers / 2;
}  // namespace

AheadStream::AheadStream(const Context& ctx, const ByteSource& source, HashBy hash, uint64_t max_bytes, GzipSums sums)
    : ctx_(ctx), hash_(hash), max_bytes_(max_bytes), decompressed_(Decompress(source, &codec_, sums)) {}

AheadStream::~AheadStream() = default;

// Fills a buffer to the brim unless the stream ends.
Status AheadStream::Fill(Buffer& buffer) {
  SLIPWAY_RETURN_IF_ERROR(ctx_.Err());
  buffer.bytes.resize(kBufferSize);
  buffer.size = 0;
  buffer.last = false;
  while (buffer.size < kBufferSize && !buffer.last) {
    SLIPWAY_ASSIGN_OR_RETURN(const size_t got, decompressed_(std::span(buffer.bytes).subspan(buffer.size)));
    buffer.size += got;
    buffer.last = got == 0;
  }
  total_ += buffer.size;
  if (total_ > max_bytes_) return ResourceExhausted("the archive is larger than {} bytes", max_bytes_);
  if (hash_ == HashBy::kDecompressor) Hash(buffer);
  return Status();
}

void AheadStream::Work(const std::stop_token& stop) {
  bool last = false;
  while (!last) {
    BufferPtr buffer;
    bool tell = false;
    {
      std::unique_lock lock(mutex_);
      if (!changed_.wait(lock, stop, [this] { return !empty_.empty(); })) return;
      buffer = std::move(empty_.back());
      empty_.pop_back();
    }
    Status status = Caught("decompressing", [&] { return Fill(*buffer); });
    last = buffer->last || !status.ok();
    {
      std::lock_guard lock(mutex_);
      if (status.ok()) {
        full_.push_back(std::move(buffer));
      } else {
        error_ = std::move(status);
        failed_ = true;
      }
      tell = last || full_.size() == kBatch;
    }
    if (tell) changed_.notify_all();
  }
}

Status AheadStream::Advance() {
  offset_ = 0;
  if (current_ == nullptr) {
    current_ = std::make_unique<Buffer>();
    SLIPWAY_RETURN_IF_ERROR(Fill(*current_));
    if (hash_ == HashBy::kCaller) Hash(*current_);
    return Status();
  }
  if (!thread_.joinable()) {
    for (size_t i = 1; i < kBuffers; ++i) empty_.push_back(std::make_unique<Buffer>());
    thread_ = std::jthread([this](const std::stop_token& stop) { Work(stop); });
    pthread_setname_np(thread_.native_handle(), "decompress");
  }
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !full_.empty() || failed_; });
  if (full_.empty()) return error_;
  empty_.push_back(std::exchange(current_, std::move(full_.front())));
  full_.pop_front();
  const bool tell = empty_.size() == kBatch;
  lock.unlock();
  if (tell) changed_.notify_all();
  if (hash_ == HashBy::kCaller) Hash(*current_);
  return Status();
}

Result<std::string_view> AheadStream::Peek() {
  while (current_ == nullptr || offset_ == current_->size) {
    if (current_ != nullptr && current_->last) return std::string_view();
    SLIPWAY_RETURN_IF_ERROR(Advance());
  }
  return std::string_view(current_->bytes.data() + offset_, current_->size - offset_);
}

Result<Digest> AheadStream::Drain() {
  while (true) {
    SLIPWAY_ASSIGN_OR_RETURN(const std::string_view rest, Peek());
    if (rest.empty()) break;
    Consume(rest.size());
  }
  // The thread, if it hashes, has done so before it handed the last buffer over.
  return hash_ == HashBy::kNobody ? Digest() : hasher_.Finish();
}

}  // namespace slipway::layer
