// Mirror: what is here of one remote: a bare object database that outlives builds. Internal to this folder.
//
//   <folder>/git/          objects, packs, a configuration of ours; git itself can read it
//   <folder>/tips          commits that were fetched, the newest first: what a later fetch says it has
//   <folder>/remote        the address, for people
//   <folder>/lock          held (flock) by whoever fetches
//
// Objects are only ever added, and become visible with all that they refer to (but for history that was cut off), so
// readers need no lock. A remote that is a folder of this machine has no mirror: its own database is read (OpenLocal).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "executor/base/context.h"
#include "executor/base/fs.h"
#include "executor/base/status.h"
#include "executor/source/libgit.h"
#include "executor/source/upload_pack.h"

namespace slipway::source {

struct PackProgress {
  uint64_t received_bytes = 0;
  uint32_t received_objects = 0;
  uint32_t total_objects = 0;
};

/// One pack on its way into a mirror. Destroyed without Commit, it leaves nothing.
class PackWriter {
 public:
  using OnProgress = std::function<void(const PackProgress&)>;
  /// `odb` completes packs that refer to objects that are here.
  static Result<std::unique_ptr<PackWriter>> Begin(const std::string& folder, git_odb* odb, OnProgress on_progress);
  ~PackWriter();
  PackWriter(const PackWriter&) = delete;
  PackWriter& operator=(const PackWriter&) = delete;
  /// DATA_LOSS for what is no sound pack.
  Status Write(std::string_view bytes);
  Status Commit();
  const PackProgress& progress() const { return progress_; }

 private:
  explicit PackWriter(OnProgress on_progress) : on_progress_(std::move(on_progress)) {}
  void Report();
  OnProgress on_progress_;
  git_indexer* indexer_ = nullptr;
  git_indexer_progress stats_{};
  PackProgress progress_;
};

class Mirror {
 public:
  /// Makes it if missing, and sweeps what a crash left in it. `name` identifies it in records.
  static Result<std::unique_ptr<Mirror>> Open(const std::string& folder, const std::string& name,
                                              const std::string& remote);
  /// The repository at `path` (bare or with files), read only.
  static Result<std::unique_ptr<Mirror>> OpenLocal(const std::string& path, const std::string& name);

  const std::string& name() const { return name_; }
  git_repository* repository() const { return repository_.get(); }
  git_odb* odb() const { return odb_.get(); }
  std::string objects_folder() const { return folder_ + "/git/objects"; }

  /// Waits for other fetches of this process (`gate`) and of others.
  class FetchLock {
   private:
    friend class Mirror;
    std::unique_lock<std::timed_mutex> in_process_;
    fs::FileLock file_;
  };
  Result<FetchLock> LockForFetch(const Context& ctx, std::timed_mutex& gate);

  /// The commit that `oid` (of a commit or an annotated tag) stands for; NOT_FOUND if it is not here.
  Result<std::string> PeelToCommit(const std::string& oid) const;
  /// The one commit whose id begins with `prefix`; NOT_FOUND if none, FAILED_PRECONDITION if several.
  Result<std::string> FindCommit(const std::string& prefix) const;
  /// Sees packs that were added by others since.
  void Refresh() const;

  std::vector<Tip> Tips() const;
  /// Puts `tips` in front of those that are there; `complete` are no longer cut off.
  Status AddTips(const std::vector<Tip>& tips, const std::set<std::string>& complete);

 private:
  Mirror(std::string folder, std::string name) : folder_(std::move(folder)), name_(std::move(name)) {}
  std::string folder_;  // "": local
  std::string name_;
  RepositoryPtr repository_;
  OdbPtr odb_;
};

}  // namespace slipway::source
