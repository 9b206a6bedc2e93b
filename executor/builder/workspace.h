// Workspace: the folder that the containers of one run share, filled with the run's source context when the first of
// them is about to start. Builds take their contexts out of it, as it is at that moment.
//
// Until it is filled a context is taken from the source's tree and no file is written at all. Afterwards the folder is
// read, and only files that changed since they were last looked at are hashed again. Containers may write meanwhile; a
// link that one of them made leads nowhere outside the folder. Thread-safe.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "executor/base/context.h"
#include "executor/base/pattern_matcher.h"
#include "executor/base/status.h"
#include "executor/content/store.h"
#include "executor/source/context_source.h"
#include "executor/tree/entry.h"

namespace slipway::builder {

class Workspace {
 public:
  /// `folder` does not exist yet. `source.tree` may be null: an empty workspace. The store must outlive this.
  Workspace(std::string folder, source::FetchedContext source, content::Store& content);

  /// Writes the source into the folder; once, whoever comes first.
  Status Fill(const Context& ctx);
  const std::string& folder() const { return folder_; }

  /// Files below the folder `path` ("" is the whole), which is relative and clean, as a tree whose contents are in the
  /// store; what `ignore` excludes is neither read nor in it. NOT_FOUND if there is no such folder.
  struct Selection {
    tree::Tree tree;
    content::Lease lease;
  };
  Result<Selection> Select(const Context& ctx, const std::string& path, const PatternMatcher& ignore);

  /// The text of one file, links followed inside the workspace. NOT_FOUND if there is no such file.
  Result<std::string> ReadFile(const std::string& path, uint64_t limit);

 private:
  // Of a file on the disk: it is the same as long as this is.
  struct Stamp {
    uint64_t device = 0, inode = 0, size = 0;
    int64_t mtime_ns = 0, ctime_ns = 0;
    bool operator==(const Stamp&) const = default;
  };
  struct Known {
    Stamp stamp;
    Digest digest;
  };
  static bool StampOf(int folder, const std::string& path, Stamp* stamp);
  bool LinkInSource(const std::string& path) const;
  tree::Tree SourceBelow(const std::string& path) const;
  Result<tree::Tree> WalkFolder(const Context& ctx, const std::string& path) const;
  Result<Selection> ReadContents(const Context& ctx, const std::string& path, tree::Tree tree);
  void RememberSource();

  const std::string folder_;
  const source::FetchedContext source_;
  content::Store& content_;
  std::mutex mutex_;
  bool filled_ = false;                           // guarded by mutex_
  std::unordered_map<std::string, Known> known_;  // guarded by mutex_; by path in the workspace
};

}  // namespace slipway::builder
