// Retention: which layers stay.
//
// Layers go when Retain() is told so by whoever knows what is worth keeping, but for those that are pinned, and those
// that are new here: their makers have yet to pin them, and then to record them. Thread-safe.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <unordered_set>
#include <vector>

#include "executor/base/guarded.h"
#include "executor/base/status.h"
#include "executor/content/store.h"
#include "executor/layer/layout.h"
#include "executor/layer/schema.h"

namespace slipway::layer {

class Retention {
 public:
  using Now = std::function<std::chrono::steady_clock::time_point()>;
  static constexpr std::chrono::hours kChildhood{1};

  /// `content` and `records` must outlive it.
  Retention(content::Store& content, Records& records, Now now = std::chrono::steady_clock::now)
      : content_(content), records_(records), now_(std::move(now)) {}

  // As Store's AddPin, DropPin, ContentInUse, Retain and FolderBytes.
  void AddPin(const Chain* chain);
  void DropPin(const Chain* chain) { pins_.Lock()->erase(chain); }
  /// Stays until it is pinned for the first time, or for kChildhood. To be called before the layer is recorded, and
  /// where one that is known is given out.
  void NoteNew(const Key& key) { (*new_.Lock())[key] = now_(); }
  Result<std::vector<Digest>> ContentInUse();
  Status Retain(const std::vector<Key>& keep);
  Result<uint64_t> FolderBytes();

 private:
  void AddNew(std::unordered_set<Key>* kept);

  content::Store& content_;
  Records& records_;
  const Now now_;
  Guarded<std::unordered_set<const Chain*>> pins_;
  Guarded<std::map<Key, std::chrono::steady_clock::time_point>> new_;
  Guarded<std::map<std::string, uint64_t>> measured_;  // bytes of folders, which never change
};

/// At the start: removes whatever no record names.
Status SweepFolders(const Layout& layout, Records& records);

}  // namespace slipway::layer
