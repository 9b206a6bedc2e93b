// Settler: brings folders that steps have made to the disk, after they are in use already.
//
// A step's folder is recorded and used at once, marked as not settled. About a second later one sync of the file system
// settles all that came meanwhile, of all runs. The mark says in which boot of the machine it was made: the end of the
// daemon alone loses nothing, and after loss of power what has another boot's mark is not believed.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "executor/base/status.h"
#include "executor/layer/store.h"

namespace slipway::layer {

/// What tells this boot of the machine from all others; "" where the kernel does not say.
std::string BootId();

/// Thread-safe.
class Settler {
 public:
  using Settled = std::function<Status(const std::vector<Key>& keys)>;

  /// `settled` is called for layers whose folders below `root` are on the disk.
  Settler(std::string root, Settled settled) : root_(std::move(root)), settled_(std::move(settled)) {}
  /// Settles what is left.
  ~Settler();
  Settler(const Settler&) = delete;
  Settler& operator=(const Settler&) = delete;

  /// Does not wait for the disk.
  void Add(const Key& key);

 private:
  void Work();
  Status SettleNow(const std::vector<Key>& keys) const;

  const std::string root_;
  const Settled settled_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Key> waiting_;  // guarded by mutex_
  bool stopping_ = false;     // guarded by mutex_
  std::thread worker_;        // once there was something to do
};

}  // namespace slipway::layer
