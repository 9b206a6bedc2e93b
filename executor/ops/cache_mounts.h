// Cache mounts: folders that RUN --mount=type=cache keeps between builds, by id.
//
// shared: all users at once. locked: one after the other. private: each user at the same moment has a folder of its
// own, taken up again later. The first user fills a folder; it is there whole or not at all, also after a crash. Those
// that have not been used for longest go when the disk's budget is spent. Thread-safe.
//
// On disk: a folder "<id's digest>-<instance>" for each, whose last use is the time of the empty file of that name with
// ".used" at its end; what begins with "." is half made or on its way out, and goes when the mounts are opened.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "executor/base/context.h"
#include "executor/base/status.h"
#include "executor/graph/vertex.h"

namespace slipway::ops {

class CacheMounts {
 public:
  /// Below `root`, which is made if it is missing.
  static Result<std::unique_ptr<CacheMounts>> Open(std::string root);

  /// A folder in use until destroyed.
  class Use {
   public:
    Use() = default;
    Use(Use&& other) noexcept;
    Use& operator=(Use&& other) noexcept;
    ~Use();
    const std::string& path() const { return path_; }

   private:
    friend class CacheMounts;
    CacheMounts* owner_ = nullptr;
    std::string path_;
    bool exclusive_ = false;
  };

  /// Gives an empty folder its first content, owner and mode; what it fails with is what Acquire fails with, and then
  /// nothing is kept.
  using Fill = std::function<Status(const std::string& folder)>;

  /// Waits for locked folders, and for one that another user fills.
  Result<Use> Acquire(const Context& ctx, const std::string& id, graph::CacheSharing sharing, const Fill& fill);

  struct Wish {
    std::string id;
    graph::CacheSharing sharing = graph::CacheSharing::kShared;
    Fill fill;
  };
  using UsePtr = std::shared_ptr<const Use>;

  /// All that one step mounts, in the order of `wishes`. Equal ids are one folder, by the strictest sharing among them;
  /// steps that want the same ones in different orders never wait for each other.
  Result<std::vector<UsePtr>> AcquireAll(const Context& ctx, const std::vector<Wish>& wishes);

  /// What all of them take on the disk. Only those used since the last call are looked through.
  Result<uint64_t> Bytes();

  /// Removes one in so many of them (at least one), the least recently used first; none that is in use. Returns how many
  /// went.
  Result<size_t> DropOldest(size_t one_in);

 private:
  explicit CacheMounts(std::string root) : root_(std::move(root)) {}
  std::string PathOf(const std::string& id, int instance) const;
  std::string HiddenPath();
  Result<std::vector<std::string>> Folders() const;
  Status WaitFor(const Context& ctx, std::unique_lock<std::mutex>& lock, const std::string& path, bool alone);
  Status FillNow(const Use& use, const Fill& fill);
  Result<bool> Drop(const std::string& path);
  void Release(const std::string& path, bool exclusive);

  const std::string root_;
  std::mutex mutex_;
  std::condition_variable_any released_;
  std::map<std::string, int> users_;          // of each folder in use; guarded by mutex_, as are the others
  std::set<std::string> locked_;              // those that one user has for itself
  std::map<std::string, uint64_t> measured_;  // bytes of folders that nobody has used since
  uint64_t hidden_ = 0;                       // for names
};

}  // namespace slipway::ops
