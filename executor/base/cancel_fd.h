// CancelFd: becomes readable when a context is cancelled, for those who poll. A deadline does not fire it; PollTimeout
// bounds the wait by it.
#pragma once

#include <sys/eventfd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <stop_token>

#include "executor/base/context.h"
#include "executor/base/unique_fd.h"

namespace slipway {

class CancelFd {
 public:
  explicit CancelFd(const Context& ctx)
      : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
        callback_(ctx.stop_token(), [this] { ::eventfd_write(fd_.get(), 1); }) {}
  int get() const { return fd_.get(); }

 private:
  UniqueFd fd_;
  std::stop_callback<std::function<void()>> callback_;
};

/// Milliseconds for poll(2) until `until` or the context's deadline, whichever is sooner; at most an hour.
inline int PollTimeout(const Context& ctx, Context::TimePoint until = Context::TimePoint::max()) {
  using std::chrono::milliseconds;
  if (const auto deadline = ctx.deadline()) until = std::min(until, *deadline);
  constexpr milliseconds kMost = std::chrono::hours(1);
  const auto now = std::chrono::steady_clock::now();
  if (until > now + kMost) return static_cast<int>(kMost.count());
  const auto left = std::chrono::duration_cast<milliseconds>(until - now);
  return static_cast<int>(std::max<int64_t>(left.count() + 1, 0));
}

}  // namespace slipway
