// MountStubs: the empty files and folders made in a container's root so that something can be mounted there; they are
// removed when the container has ended, so that they do not become part of a layer.
//
// What was there before is left alone, and so is a stub that the container filled. The times of the folders that held a
// stub are put back unless the container itself changed the folder. Not thread-safe.
#pragma once

#include <sys/stat.h>

#include <string>
#include <vector>

#include "executor/base/status.h"
#include "executor/base/unique_fd.h"

namespace slipway::runtime {

class MountStubs {
 public:
  struct Wanted {
    std::string path;  ///< absolute, as seen in the container; symbolic links are followed inside the root
    bool is_dir = false;
    mode_t mode = 0755;  ///< of a folder that is made (its parents get 0755)
  };

  /// Makes what is missing below `rootfs`. A path that cannot be made (a file on the way) is left to the runtime, which
  /// says so. On an error nothing stays.
  static Result<MountStubs> Make(const std::string& rootfs, const std::vector<Wanted>& wanted);

  MountStubs() = default;
  MountStubs(MountStubs&&) noexcept = default;
  MountStubs& operator=(MountStubs&&) noexcept;
  ~MountStubs() { Remove(); }

  /// The paths that were made, relative to the root, parents first.
  std::vector<std::string> made() const;
  /// Removes what was made and is still empty; once.
  void Remove();

 private:
  struct Stub {
    std::string parent;  // relative to the root, "." for itself
    std::string name;
    bool is_dir;
    timespec atime_before, mtime_before;  // the parent's
    timespec mtime_after;
  };
  Status MakeOne(const Wanted& wanted);
  Status MakeEntry(const std::string& parent, const std::string& name, bool is_dir, mode_t mode);

  UniqueFd root_;
  std::vector<Stub> stubs_;
};

/// `path` with every symbolic link in it resolved inside the root, relative to it ("." for the root itself). Components
/// that do not exist are kept as they are. INVALID_ARGUMENT after 255 links.
Result<std::string> ResolveInRoot(int root_fd, const std::string& path);

}  // namespace slipway::runtime
