// ScopedMount: a mount that is taken away at the end of its scope.
#pragma once

#include <string>
#include <utility>

#include "executor/base/status.h"

namespace slipway::snapshot {

class ScopedMount {
 public:
  ScopedMount() = default;
  /// Owns what is mounted on `target` already.
  explicit ScopedMount(std::string target) : target_(std::move(target)) {}
  ScopedMount(ScopedMount&& other) noexcept : target_(std::exchange(other.target_, {})) {}
  ScopedMount& operator=(ScopedMount&& other) noexcept;
  /// Logs a failure.
  ~ScopedMount();

  /// Unmounts. A mount that stays busy for a moment is waited for, then detached: nobody can reach it any more, and it
  /// goes away with its last user. OK if there is none.
  Status Unmount();
  const std::string& target() const { return target_; }

 private:
  std::string target_;
};

}  // namespace slipway::snapshot
