// ContextPacker: a local folder made ready for sending: walked, its files read where they changed, its manifest summed
// up.
//
// Used once: Walk, then Read, then the rest. Not thread-safe; works on the pool inside.
#pragma once

#include <string>
#include <vector>

#include "cli/context_entry.h"
#include "cli/context_reader.h"
#include "cli/stat_cache.h"
#include "executor/base/clock.h"
#include "executor/base/context.h"
#include "executor/base/pattern_matcher.h"
#include "executor/base/status.h"
#include "executor/base/thread_pool.h"
#include "executor/base/unique_fd.h"

namespace slipway::cli {

class ContextPacker {
 public:
  /// `cache_dir` as in StatCache::Open. Pool and clock must outlive the packer.
  static Result<ContextPacker> Open(ThreadPool& pool, const std::string& folder, const std::string& cache_dir,
                                    const Clock& clock = Clock::Real());

  /// Lists what `patterns` leave of the folder and finds what the cache knows of it.
  Status Walk(const Context& ctx, std::vector<std::string> patterns);
  /// Reads the files that the cache does not know. `progress` may be watched meanwhile.
  Status Read(const Context& ctx, ReadProgress* progress);

  /// After Walk. True if a file (not a link) of that path is sent.
  bool HasFile(const std::string& path) const;
  /// After Walk: bytes of files that Read has to read.
  uint64_t bytes_to_read() const { return bytes_to_read_; }
  uint64_t total_bytes() const { return total_bytes_; }
  size_t file_count() const { return file_count_; }

  /// After Read.
  const std::vector<ContextEntry>& entries() const { return entries_; }
  /// After Read. Covers all that the daemon is told, so the same manifest means the same context.
  const Digest& manifest() const { return manifest_; }
  int root_fd() const { return root_fd_.get(); }
  ThreadPool& pool() const { return *pool_; }

  StatCache& cache() { return cache_; }
  /// Keeps for the next time what was read and which uploads are known.
  Status SaveCache() { return cache_.Save(entries_, looked_at_); }

 private:
  ContextPacker(ThreadPool& pool, UniqueFd root_fd, StatCache cache, const Clock& clock)
      : pool_(&pool), clock_(&clock), root_fd_(std::move(root_fd)), cache_(std::move(cache)) {}

  ThreadPool* pool_;
  const Clock* clock_;
  UniqueFd root_fd_;
  StatCache cache_;
  SystemTime looked_at_;
  std::vector<ContextEntry> entries_;
  uint64_t bytes_to_read_ = 0;
  uint64_t total_bytes_ = 0;
  size_t file_count_ = 0;
  Digest manifest_;
};

}  // namespace slipway::cli
