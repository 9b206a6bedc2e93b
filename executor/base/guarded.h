// Guarded<T>: a value that can be reached only while its mutex is held.
//
//   Guarded<std::map<K, V>> map;
//   map.Lock()->emplace(k, v);
#pragma once

#include <mutex>
#include <utility>

namespace slipway {

template <typename T>
class Guarded {
 public:
  Guarded() = default;
  explicit Guarded(T value) : value_(std::move(value)) {}

  class Access {
   public:
    T* operator->() { return value_; }
    T& operator*() { return *value_; }
    /// For condition variables.
    std::unique_lock<std::mutex>& lock() { return lock_; }

   private:
    friend class Guarded;
    Access(std::mutex& mutex, T* value) : lock_(mutex), value_(value) {}
    std::unique_lock<std::mutex> lock_;
    T* value_;
  };

  Access Lock() { return Access(mutex_, &value_); }

 private:
  std::mutex mutex_;
  T value_;
};

}  // namespace slipway
