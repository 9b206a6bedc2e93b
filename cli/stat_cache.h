// StatCache: what the files of one folder held when they were last read, so that a file that was not touched since is
// not read again; and which uploads of the folder a daemon is known to have.
//
// One file a folder, below $XDG_CACHE_HOME/slipway/contexts (or ~/.cache/slipway/contexts). It is only a memory:
// missing, damaged or of another version it is taken as empty. An entry is trusted if size, both times, inode and
// device are the same, and is kept only if the file was not changed in the two seconds before it was looked at, since a
// second change could then leave the same times behind (git calls such entries racy). Not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cli/context_entry.h"
#include "executor/base/clock.h"
#include "executor/base/digest.h"
#include "executor/base/status.h"

namespace slipway::cli {

class StatCache {
 public:
  /// Reads what is known of the folder `root` (an absolute path without links) from below `cache_dir`. An empty
  /// `cache_dir` gives a cache that knows nothing and keeps nothing.
  static StatCache Open(const std::string& cache_dir, const std::string& root);

  StatCache(StatCache&&) = default;
  StatCache& operator=(StatCache&&) = default;

  /// Gives files that are known their digest and attributes. `entries` is in the order of ComparePaths.
  void Recall(std::vector<ContextEntry>* entries) const;

  /// The location that `server` gave the folder when its manifest was `manifest`; empty if that is not known.
  std::string RecallUpload(std::string_view server, const Digest& manifest) const;
  void RememberUpload(std::string_view server, const Digest& manifest, std::string_view location);

  /// Writes the cache as `entries` has it now; `looked_at` is when their stamps were taken. Writes nothing if that is
  /// what the file holds already.
  Status Save(const std::vector<ContextEntry>& entries, SystemTime looked_at);

 private:
  struct Record {
    std::string_view path;
    FileStamp stamp;
    Digest digest;
    std::string_view xattrs;  // encoded
  };
  struct Upload {
    std::string server;
    Digest manifest;
    std::string location;
  };

  StatCache() = default;
  bool Parse();
  std::string Encode(const std::vector<ContextEntry>& entries, SystemTime looked_at) const;

  std::string file_;  // empty: keeps nothing
  std::string data_;  // what records_ point into
  std::vector<Record> records_;
  std::vector<Upload> uploads_;  // newest first
};

/// $XDG_CACHE_HOME/slipway or ~/.cache/slipway; empty if neither variable is set.
std::string CacheDir();

}  // namespace slipway::cli
