// Cleanup: runs a function at the end of a scope unless released. For what has no type of its own.
#pragma once

#include <functional>
#include <utility>

namespace slipway {

class Cleanup {
 public:
  Cleanup() = default;
  explicit Cleanup(std::function<void()> action) : action_(std::move(action)) {}
  Cleanup(Cleanup&& other) noexcept : action_(std::exchange(other.action_, nullptr)) {}
  Cleanup& operator=(Cleanup&& other) noexcept {
    if (this != &other) {
      Run();
      action_ = std::exchange(other.action_, nullptr);
    }
    return *this;
  }
  ~Cleanup() { Run(); }

  /// Runs the action now, once.
  void Run() {
    if (auto action = std::exchange(action_, nullptr)) action();
  }
  /// Forgets the action.
  void Release() { action_ = nullptr; }

 private:
  std::function<void()> action_;
};

}  // namespace slipway
