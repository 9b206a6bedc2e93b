#include "executor/layer/index_cache.h"

#include <malloc.h>

namespace slipway::layer {

IndexCache::IndexCache(size_t most_entries, std::chrono::milliseconds kept)
    : most_entries_(most_entries), forgotten_("forget indexes", kept, [this](const std::vector<bool>&) { Forget(); }) {}

TreePtr IndexCache::Find(const Key& key) {
  auto held = held_.Lock();
  const auto it = held->map.find(key);
  if (it == held->map.end()) return nullptr;
  held->order.splice(held->order.begin(), held->order, it->second);
  return it->second->second;
}

void IndexCache::Add(const Key& key, TreePtr tree) {
  {
    auto held = held_.Lock();
    if (held->map.contains(key)) return;
    held->entries += tree->size();
    held->order.emplace_front(key, std::move(tree));
    held->map[key] = held->order.begin();
    while (held->entries > most_entries_ && held->order.size() > 1) {
      held->entries -= held->order.back().second->size();
      held->map.erase(held->order.back().first);
      held->order.pop_back();
    }
  }
  if (!forgetting_.exchange(true)) forgotten_.Add(true);
}

void IndexCache::Forget() {
  forgetting_ = false;
  {
    Held let_go;
    std::swap(*held_.Lock(), let_go);
  }
  ::malloc_trim(0);
}

}  // namespace slipway::layer
