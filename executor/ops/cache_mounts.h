// Cache mounts: folders that RUN --mount=type=cache keeps between builds, by id.
//
// shared: all users at once. locked: one after the other. private: each user at the same moment has a folder of its
// own, taken up again later. Folders are made by the first user with the mount's mode and owner. Thread-safe.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "executor/base/context.h"
#include "executor/base/status.h"
#include "executor/graph/vertex.h"

namespace slipway::ops {

class CacheMounts {
 public:
  explicit CacheMounts(std::string root) : root_(std::move(root)) {}

  /// A folder in use until destroyed.
  class Use {
   public:
    Use() = default;
    Use(Use&& other) noexcept;
    Use& operator=(Use&& other) noexcept;
    ~Use();
    const std::string& path() const { return path_; }
    /// The folder was made for this use and is empty: it may be seeded.
    bool is_new() const { return is_new_; }

   private:
    friend class CacheMounts;
    CacheMounts* owner_ = nullptr;
    std::string path_;
    bool exclusive_ = false;
    bool is_new_ = false;
  };

  /// Waits for locked folders.
  Result<Use> Acquire(const Context& ctx, const std::string& id, graph::CacheSharing sharing);

 private:
  std::string PathOf(const std::string& id, int instance) const;
  void Release(const std::string& path, bool exclusive);

  const std::string root_;
  std::mutex mutex_;
  std::condition_variable_any released_;
  std::map<std::string, int> users_;  // of each folder in use
  std::set<std::string> locked_;
};

}  // namespace slipway::ops
