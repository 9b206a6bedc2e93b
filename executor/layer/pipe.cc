#include "executor/layer/pipe.h"

#include <algorithm>
#include <cstring>

namespace slipway::layer {

Status BytePipe::Write(const Context& ctx, std::string_view bytes) {
  std::unique_lock lock(mutex_);
  SLIPWAY_RETURN_IF_ERROR(ctx.Wait(lock, changed_, [this] { return closed_ || held_ < capacity_; }));
  if (closed_) return Cancelled("the reader wants no more");
  chunks_.emplace_back(bytes);
  held_ += bytes.size();
  changed_.notify_all();
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
  SLIPWAY_RETURN_IF_ERROR(ctx.Wait(lock, changed_, [this] { return finished_ || !chunks_.empty(); }));
  size_t done = 0;
  while (done < buffer.size() && !chunks_.empty()) {
    const std::string& front = chunks_.front();
    const size_t n = std::min(buffer.size() - done, front.size() - front_used_);
    std::memcpy(buffer.data() + done, front.data() + front_used_, n);
    done += n;
    front_used_ += n;
    held_ -= n;
    if (front_used_ == front.size()) {
      chunks_.pop_front();
      front_used_ = 0;
    }
  }
  if (done > 0) {
    changed_.notify_all();
    return done;
  }
  if (!end_.ok()) return end_;
  return size_t{0};
}

void BytePipe::Close() {
  std::lock_guard lock(mutex_);
  closed_ = true;
  changed_.notify_all();
}

}  // namespace slipway::layer
