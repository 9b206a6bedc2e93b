// FilesMount: a small read-only file system in memory that holds given files, for secrets: their bytes are on no disk
// and go with the mount.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>

#include "executor/base/status.h"
#include "executor/snapshot/scoped_mount.h"

namespace slipway::runtime {

/// Mounts it on `target`, a folder that is made (0700, so that only we reach it by that path). Each file has mode 0400
/// and the given owner. INVALID_ARGUMENT for a name that is empty, "." or "..", or has a slash or a NUL in it.
Result<snapshot::ScopedMount> MountFiles(const std::map<std::string, std::string>& files, uid_t uid, gid_t gid,
                                         const std::string& target);

}  // namespace slipway::runtime
