// Settler: brings folders to the disk after they are in use already.
//
// What a step has made and what was unpacked is recorded and used at once, with a mark: not settled. About a second
// later one sync of the file system settles all that was recorded meanwhile, of all runs; an fsync for each of
// thousands of files would take seconds, and nobody waits for this one. The mark says in which boot of the machine the
// folder was made, and since which mounting of its file system: the end of the daemon alone loses nothing, and after
// loss of power or of the disk what has another mark is not believed, since its files may have holes.
//
// A failed sync is told once: the kernel takes what it could not write for written, and the next sync succeeds. So once
// one has failed nothing is settled any more: it is used until the daemon ends, and made again by the next one.
#pragma once

#include <string>
#include <vector>

#include "executor/base/boot_id.h"
#include "executor/base/delayed.h"
#include "executor/base/status.h"
#include "executor/base/unique_fd.h"
#include "executor/layer/schema.h"

namespace slipway::layer {

/// Thread-safe.
class Settler {
 public:
  /// `records` must outlive it. What is marked when it ends is settled first. `life`: of what was written and not
  /// synced (BootAndMount); "" if that cannot be told.
  Settler(std::string root, Records& records, std::string life);
  Settler(const std::string& root, Records& records) : Settler(root, records, BootAndMount(root)) {}

  /// At the start: forgets what loss of power may have left with holes, and settles what a daemon before this one left.
  Status Begin();
  /// The mark for the record of a folder below `root` that is whole; after the record, Wake() is due. Where no life can
  /// be told from another there are no marks, and this waits for the disk.
  Result<std::string> Mark();
  /// Something was recorded with a mark. Does not wait for the disk.
  void Wake() { waiting_.Add(true); }

 private:
  Status SettleNow();
  Status Sync() const;

  const std::string root_;
  const UniqueFd held_;  // open from the start, so that failures of the file system since then are told
  Records& records_;
  const std::string life_;
  bool failed_ = false;    // of the thread that settles
  Delayed<bool> waiting_;  // last: it uses the others
};

}  // namespace slipway::layer
