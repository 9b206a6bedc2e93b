// Settler: brings folders that steps have made to the disk, after they are in use already.
//
// A step's folder is recorded and used at once, marked as not settled. About a second later one sync of the file system
// settles all that came meanwhile, of all runs. The mark says in which boot of the machine it was made: the end of the
// daemon alone loses nothing, and after loss of power what has another boot's mark is not believed.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "executor/base/delayed.h"
#include "executor/base/status.h"
#include "executor/layer/store.h"

namespace slipway::layer {

/// What tells this boot of the machine from all others; "" where the kernel does not say.
std::string BootId();

/// Thread-safe.
class Settler {
 public:
  using Settled = std::function<Status(const std::vector<Key>& keys)>;

  /// `settled` is called for layers whose folders below `root` are on the disk. What is left is settled at the end.
  Settler(std::string root, Settled settled);

  /// Does not wait for the disk.
  void Add(const Key& key) { waiting_.Add(key); }

 private:
  Status SettleNow(const std::vector<Key>& keys) const;

  const std::string root_;
  const Settled settled_;
  Delayed<Key> waiting_;  // last: it uses the others
};

}  // namespace slipway::layer
