// Idmapped mounts: the same files under shifted owners, so that a container's root is nobody outside while the ids on
// the disk stay those of the image. Needs Linux 5.19 (for overlays over such mounts) and a file system that can do it.
#pragma once

#include <functional>
#include <string>

#include "executor/base/status.h"
#include "executor/base/unique_fd.h"
#include "executor/snapshot/scoped_mount.h"
#include "executor/snapshot/snapshotter.h"

namespace slipway::snapshot {

/// A user namespace with this map, held by its descriptor. UNIMPLEMENTED where there can be none.
Result<UniqueFd> MakeUserNamespace(const IdMap& ids);

/// Mounts the folder `source` on the folder `target` with the owners shifted. UNIMPLEMENTED if the kernel or the file
/// system cannot.
Result<ScopedMount> MountIdMapped(const std::string& source, const std::string& target, int user_namespace);

/// Runs `work` in a thread whose files belong to `id`, with all capabilities that we have. An overlay acts for whoever
/// mounted it, and on an idmapped mount our own root has no number: so the container's root must be the one who mounts.
Status AsOwner(uint32_t id, const std::function<Status()>& work);

}  // namespace slipway::snapshot
