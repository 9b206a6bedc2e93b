// ScopedMount: a mount that is taken away at the end of its scope.
#pragma once

#include <string>
#include <utility>

#include "executor/base/status.h"

namespace slipway::snapshot {

class ScopedMount {
 public:
  ScopedMount() = default;
  /// Owns what is mounted on `target` already. With mounts below it, it cannot but be detached.
  explicit ScopedMount(std::string target, bool mounts_below = false)
      : target_(std::move(target)), mounts_below_(mounts_below) {}
  ScopedMount(ScopedMount&& other) noexcept
      : target_(std::exchange(other.target_, {})), mounts_below_(other.mounts_below_) {}
  ScopedMount& operator=(ScopedMount&& other) noexcept;
  /// Logs a failure.
  ~ScopedMount();

  /// Unmounts. A mount that stays busy for a moment is waited for (unless there are mounts below it), then detached:
  /// nobody can reach it any more, and it goes away with its last user. OK if there is none.
  Status Unmount();
  const std::string& target() const { return target_; }

 private:
  std::string target_;
  bool mounts_below_ = false;
};

}  // namespace slipway::snapshot
