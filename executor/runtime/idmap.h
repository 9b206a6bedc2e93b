// Id mapping: showing the same files under shifted owners, so that a container's root is nobody outside while the ids
// on the disk stay those of the image.
//
// An IdMap is a user namespace held by a descriptor; Attach mounts a folder's idmapped clone somewhere. An overlay
// whose lower, upper and work folders are reached through such a mount has shifted ids, too, and writes unshifted ones.
// What that needs of the host stands in snapshot/idmap.h, which does the work. Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "executor/base/status.h"
#include "executor/base/unique_fd.h"
#include "executor/snapshot/idmap.h"
#include "executor/snapshot/scoped_mount.h"

namespace slipway::runtime {

using snapshot::IdRange;

class IdMap {
 public:
  /// For users and groups alike. UNIMPLEMENTED where the kernel has no user namespaces for us.
  static Result<IdMap> Make(const std::vector<IdRange>& ranges);

  const std::vector<IdRange>& ranges() const { return ranges_; }
  /// What an id of the container is on the host; the overflow id if it is not mapped.
  uint32_t OnHost(uint32_t id) const;

  /// Mounts `source` (a file or folder, links followed, with what is mounted below it) on `target`, which is made if
  /// missing, with this map. UNIMPLEMENTED if the kernel or the file system cannot.
  Result<snapshot::ScopedMount> Attach(const std::string& source, const std::string& target) const;

  /// Runs `work` in a thread that makes files as the container's root, with all our capabilities. Needed for whatever
  /// writes through a mount with this map, where our own root has no number; so also for mounting an overlay on it.
  Status AsContainerRoot(const std::function<Status()>& work) const;

 private:
  std::vector<IdRange> ranges_;
  UniqueFd user_ns_;
};

}  // namespace slipway::runtime
