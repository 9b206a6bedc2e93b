#include "executor/layer/pipe.h"

#include <algorithm>
#include <cstring>

namespace slipway::layer {

Status BytePipe::Write(const Context& ctx, std::string_view bytes) {
  while (!bytes.empty()) {
    std::unique_lock lock(mutex_);
    if (written_ - read_ == capacity_) {
      // Until there is room for more than a few bytes: going to and fro costs more than the copy.
      SLIPWAY_RETURN_IF_ERROR(
          ctx.Wait(lock, changed_, [this] { return closed_ || written_ - read_ <= capacity_ / 2; }));
    }
    if (closed_) return Cancelled("the reader wants no more");
    const size_t at = written_ % capacity_;
    const size_t n = std::min({bytes.size(), capacity_ - at, static_cast<size_t>(capacity_ - (written_ - read_))});
    // The reader stays away from what is not written yet, so it need not wait for the copy.
    lock.unlock();
    std::memcpy(ring_.get() + at, bytes.data(), n);
    lock.lock();
    const bool was_empty = written_ == read_;
    written_ += n;
    lock.unlock();
    if (was_empty) changed_.notify_all();
    bytes.remove_prefix(n);
  }
  return Status();
}

void BytePipe::Finish(Status status) {
  std::lock_guard lock(mutex_);
  finished_ = true;
  end_ = std::move(status);
  changed_.notify_all();
}

Result<size_t> BytePipe::Read(const Context& ctx, std::span<char> buffer) {
  std::unique_lock lock(mutex_);
  SLIPWAY_RETURN_IF_ERROR(ctx.Wait(lock, changed_, [this] { return finished_ || read_ < written_; }));
  size_t done = 0;
  while (done < buffer.size() && read_ < written_) {
    const size_t at = read_ % capacity_;
    const size_t n = std::min({buffer.size() - done, capacity_ - at, static_cast<size_t>(written_ - read_)});
    lock.unlock();
    std::memcpy(buffer.data() + done, ring_.get() + at, n);
    lock.lock();
    const bool was_tight = written_ - read_ > capacity_ / 2;
    read_ += n;
    done += n;
    if (was_tight && written_ - read_ <= capacity_ / 2) changed_.notify_all();
  }
  if (done > 0) return done;
  if (!end_.ok()) return end_;
  return size_t{0};
}

void BytePipe::Close() {
  std::lock_guard lock(mutex_);
  closed_ = true;
  changed_.notify_all();
}

}  // namespace slipway::layer
