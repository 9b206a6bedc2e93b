// Flights: equal work asked for at the same time runs once, and all who asked get its result.
//
// If the one who does it is cancelled, another of those who wait takes over. An exception is a failure (Caught).
// Thread-safe.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "executor/base/caught.h"
#include "executor/base/context.h"
#include "executor/base/status.h"

namespace slipway::registry {

template <typename T>
class Flights {
 public:
  /// Runs `work` under `key`, or waits for the equal one that is under way. `led`, if given, tells whether it was run
  /// here.
  Result<T> Do(const Context& ctx, const std::string& key, const std::function<Result<T>()>& work,
               bool* led = nullptr) {
    while (true) {
      std::unique_lock lock(mutex_);
      auto [it, first] = flights_.try_emplace(key);
      if (first) it->second = std::make_shared<Flight>();
      const std::shared_ptr<Flight> flight = it->second;
      if (led != nullptr) *led = first;
      if (first) {
        lock.unlock();
        return Lead(*flight, key, work);
      }
      SLIPWAY_RETURN_IF_ERROR(ctx.Wait(lock, flight->landed, [&] { return flight->result.has_value(); }));
      const Code code = flight->result->code();
      if (code != Code::kCancelled && code != Code::kDeadlineExceeded) return *flight->result;
      // That was the leader's cancel, not ours.
    }
  }

 private:
  struct Flight {
    std::optional<Result<T>> result;  // guarded by mutex_
    std::condition_variable_any landed;
  };

  Result<T> Lead(Flight& flight, const std::string& key, const std::function<Result<T>()>& work) {
    const Result<T> result = Caught("the call", work);
    std::lock_guard lock(mutex_);
    flight.result = result;
    flights_.erase(key);
    flight.landed.notify_all();
    return result;
  }

  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Flight>> flights_;  // guarded by mutex_
};

}  // namespace slipway::registry
