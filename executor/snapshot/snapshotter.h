// Snapshotter: gives a container a writable root made of read-only folders, and keeps what it changed.
//
// Life of an active snapshot: Prepare (lower folders → a mounted root) → the container runs in root() → Commit
// (unmount; the changes become a folder in overlay's upper format) or destruction (unmount; the changes are thrown
// away). A view is the same without writing. Mounts are owned by the objects here; after a crash Open() finds them
// in the kernel's mount table and removes them with the folders. Implementations: overlay (overlayfs) and copy (plain
// copies, where overlayfs is missing).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "executor/base/context.h"
#include "executor/base/status.h"

namespace slipway::snapshot {

class Active {
 public:
  virtual ~Active() = default;
  /// The mounted root folder.
  virtual const std::string& root() const = 0;
  /// Unmounts and moves the changes to `target` (which must not exist; same file system as the snapshotter's root):
  /// files as they are, a removed path as a character device 0:0, a replaced directory with trusted.overlay.opaque="y".
  /// Not synced: it is the caller's to see that a record which outlives the machine's next crash names only what is on
  /// the disk.
  virtual Status Commit(const std::string& target) = 0;
};

class View {
 public:
  virtual ~View() = default;
  virtual const std::string& root() const = 0;
};

/// Ids that appear as root and up inside a container: 0 → host_base, `count` of them. count 0: no mapping.
struct IdMap {
  uint32_t host_base = 0;
  uint32_t count = 0;
};

/// Thread-safe. Must outlive the snapshots that it made.
class Snapshotter {
 public:
  virtual ~Snapshotter() = default;
  virtual std::string name() const = 0;
  /// `lowers`: folders, the topmost first; may be empty (scratch). With an id map, ids in the mounted root are shifted
  /// while those on disk are not.
  virtual Result<std::unique_ptr<Active>> Prepare(const Context& ctx, const std::vector<std::string>& lowers,
                                                  const IdMap& ids = {}) = 0;
  virtual Result<std::unique_ptr<View>> ReadOnly(const Context& ctx, const std::vector<std::string>& lowers,
                                                 const IdMap& ids = {}) = 0;
};

/// The best snapshotter that works below `root` (tried out, not guessed); logs which and why. Removes what a crash left
/// there.
Result<std::unique_ptr<Snapshotter>> Open(const std::string& root);

/// Unmounts everything mounted at or below `path`, innermost first. For clean-up after a crash.
Status UnmountBelow(const std::string& path);

}  // namespace slipway::snapshot
