// Flight: equal work asked for by several threads at the same moment is done once (per key), and all get its result.
//
// The first caller does the work in its own thread under its own context; the others wait. If the first is cancelled,
// one of those that still want the result does it again. An exception is a failure (Caught).
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "executor/base/caught.h"
#include "executor/base/context.h"
#include "executor/base/status.h"

namespace slipway {

template <typename T>
class Flight {
 public:
  /// Calls `work` unless an equal call is under way; then waits for that one. T must be copyable.
  Result<T> Do(const Context& ctx, const std::string& key, const std::function<Result<T>()>& work) {
    while (true) {
      std::unique_lock lock(mutex_);
      auto [it, first] = calls_.try_emplace(key);
      if (first) {
        auto call = it->second = std::make_shared<Call>();
        lock.unlock();
        Result<T> result = Caught("the work", work);
        lock.lock();
        call->abandoned = !result.ok() && ctx.Done();
        call->result = result;
        calls_.erase(key);
        call->done.notify_all();
        return result;
      }
      const std::shared_ptr<Call> call = it->second;
      SLIPWAY_RETURN_IF_ERROR(ctx.Wait(lock, call->done, [&call] { return call->result.has_value(); }));
      if (!call->abandoned) return *call->result;
    }
  }

  /// Waits for a call that is under way and whose key begins with `prefix`, without making one. OK when it has ended,
  /// however that was, or if there is none; else why the wait was given up.
  Status Await(const Context& ctx, std::string_view prefix) {
    std::unique_lock lock(mutex_);
    const auto it = FindUnderWay(prefix);
    if (it == calls_.end()) return Status();
    const std::shared_ptr<Call> call = it->second;
    return ctx.Wait(lock, call->done, [&call] { return call->result.has_value(); });
  }
  /// Whether there is one.
  bool IsUnderWay(std::string_view prefix) {
    std::lock_guard lock(mutex_);
    return FindUnderWay(prefix) != calls_.end();
  }

 private:
  struct Call {
    std::condition_variable_any done;
    std::optional<Result<T>> result;
    bool abandoned = false;  // ended by its own caller's cancellation
  };
  using Calls = std::map<std::string, std::shared_ptr<Call>, std::less<>>;
  typename Calls::iterator FindUnderWay(std::string_view prefix) {
    const auto it = calls_.lower_bound(prefix);
    return it != calls_.end() && it->first.starts_with(prefix) ? it : calls_.end();
  }

  std::mutex mutex_;
  Calls calls_;
};

}  // namespace slipway
