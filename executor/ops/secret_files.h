// SecretFiles: the secrets of one container as files in memory, to be bound into it. They are on no disk, and gone with
// the object. Not thread-safe.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "executor/base/fs.h"
#include "executor/base/status.h"
#include "executor/snapshot/scoped_mount.h"

namespace slipway::ops {

class SecretFiles {
 public:
  SecretFiles() = default;
  /// Mounts a tmpfs of its own on a new folder below `parent`.
  static Result<SecretFiles> Make(const std::string& parent);

  /// A file that holds `value`; its path.
  Result<std::string> Add(std::string_view value, mode_t mode, uid_t uid, gid_t gid);

 private:
  fs::TempDir folder_;
  snapshot::ScopedMount mount_;  // goes before the folder it is on
  int count_ = 0;
};

}  // namespace slipway::ops
