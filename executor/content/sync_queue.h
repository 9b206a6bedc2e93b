// SyncQueue: files whose writing has ended. A thread beside their owner's brings them to the disk while the next ones
// come, so that in the end there is little to wait for, and they are closed then: however many files there are, only
// some are open and none keeps its buffer. Not thread-safe.
#pragma once

#include <memory>
#include <vector>

#include "executor/base/status.h"
#include "executor/content/side_thread.h"
#include "executor/content/staged_file.h"

namespace slipway::content {

class SyncQueue {
 public:
  /// So many wait at most, and as many are under way.
  static constexpr size_t kMostWaiting = 16;

  /// Hands the file's bytes to the kernel. It must outlive the queue or Finish, at its place, and be left alone.
  Status Add(StagedFile& file);
  /// All are on the disk, and closed.
  Status Finish();

 private:
  void Begin();
  Status End();

  std::vector<StagedFile*> waiting_;
  std::vector<StagedFile*> under_way_;  // the thread's, while it is busy
  Status status_;                       // of what is under way; the thread's, too
  std::unique_ptr<SideThread> thread_;  // from when it is worth one; last: it uses the others
};

}  // namespace slipway::content
