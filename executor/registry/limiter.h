// Limiter: at most so many transfers for each host at once. Thread-safe.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <string>

#include "executor/base/cleanup.h"
#include "executor/base/context.h"
#include "executor/base/status.h"

namespace slipway::registry {

class Limiter {
 public:
  explicit Limiter(size_t per_host) : per_host_(per_host == 0 ? 1 : per_host) {}

  /// Waits for a place, which is given back when the Cleanup ends. It must not outlive the Limiter.
  Result<Cleanup> Enter(const Context& ctx, const std::string& host) {
    std::unique_lock lock(mutex_);
    SLIPWAY_RETURN_IF_ERROR(ctx.Wait(lock, freed_, [&] { return active_[host] < per_host_; }));
    ++active_[host];
    return Cleanup([this, host] {
      std::lock_guard guard(mutex_);
      if (--active_[host] == 0) active_.erase(host);
      freed_.notify_all();
    });
  }

 private:
  const size_t per_host_;
  std::mutex mutex_;
  std::condition_variable_any freed_;
  std::map<std::string, size_t> active_;  // guarded by mutex_
};

}  // namespace slipway::registry
