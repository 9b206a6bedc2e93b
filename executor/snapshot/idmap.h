// Idmapped mounts: the same files under shifted owners, so that a container's root is nobody outside while the ids on
// the disk stay those of the image. Needs Linux 5.19 (for overlays over such mounts) and a file system that can do it
// (ext4, xfs, btrfs; tmpfs since 6.3).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "executor/base/status.h"
#include "executor/base/unique_fd.h"
#include "executor/snapshot/scoped_mount.h"

namespace slipway::snapshot {

/// One run of ids: `container` … `container + count - 1` inside are `host` … on the host.
struct IdRange {
  uint32_t container = 0;
  uint32_t host = 0;
  uint32_t count = 0;
};

/// A user namespace with this map for users and groups alike, held by its descriptor. UNIMPLEMENTED where there can be
/// none.
Result<UniqueFd> MakeUserNamespace(const std::vector<IdRange>& ids);

/// Whether what is mounted below the source of a mount comes with it.
enum class MountsBelow { kStay, kCome };

/// Mounts `source` (a folder or a file, no symbolic link) on `target`, which is there, with the owners shifted.
/// UNIMPLEMENTED if the kernel or the file system cannot.
Result<ScopedMount> MountIdMapped(const std::string& source, const std::string& target, int user_namespace,
                                  MountsBelow below = MountsBelow::kStay);

/// Runs `work` in a thread whose files belong to `id`, with all capabilities that we have. An overlay acts for whoever
/// mounted it, and on an idmapped mount our own root has no number: so the container's root must be the one who mounts.
Status AsOwner(uint32_t id, const std::function<Status()>& work);

}  // namespace slipway::snapshot
