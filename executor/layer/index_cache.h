// IndexCache: indexes of layers in memory, bounded by the number of their entries.
//
// Some time after they came all of them are let go: a daemon at rest should not hold millions of entries, and they can
// be read from the content store again. Thread-safe.
#pragma once

#include <atomic>
#include <chrono>
#include <list>
#include <map>
#include <memory>
#include <utility>

#include "executor/base/delayed.h"
#include "executor/base/guarded.h"
#include "executor/layer/store.h"
#include "executor/tree/entry.h"

namespace slipway::layer {

using TreePtr = std::shared_ptr<const tree::Tree>;

class IndexCache {
 public:
  static constexpr size_t kMostEntries = 150'000;  // about 30 MB
  static constexpr std::chrono::seconds kKept{20};

  explicit IndexCache(size_t most_entries = kMostEntries, std::chrono::milliseconds kept = kKept);

  /// Null if it is not there. Counts as a use.
  TreePtr Find(const Key& key);
  /// One that is there already stays as it is. The least recently used go; the one that came last stays, whatever its
  /// size.
  void Add(const Key& key, TreePtr tree);

 private:
  struct Held {
    std::list<std::pair<Key, TreePtr>> order;  // the latest used first
    std::map<Key, std::list<std::pair<Key, TreePtr>>::iterator> map;
    size_t entries = 0;
  };
  void Forget();

  const size_t most_entries_;
  Guarded<Held> held_;
  std::atomic<bool> forgetting_ = false;  // what is held is on its way out
  Delayed<bool> forgotten_;               // last: it uses the others
};

}  // namespace slipway::layer
