#include "executor/snapshot/snapshotter.h"

#include <unistd.h>

#include <climits>
#include <cstdlib>

#include "executor/base/fs.h"
#include "executor/base/log.h"
#include "executor/snapshot/overlay.h"

namespace slipway::snapshot {

namespace {

// The kernel's mount table has paths without links.
Result<std::string> RealPath(const std::string& path) {
  std::string real(PATH_MAX, '\0');
  if (::realpath(path.c_str(), real.data()) == nullptr) return ErrnoStatus(errno, fmt::format("find '{}'", path));
  real.resize(real.find('\0'));
  return real;
}

}  // namespace

Result<std::unique_ptr<Snapshotter>> Open(const std::string& root) {
  SLIPWAY_RETURN_IF_ERROR(fs::MakeDirs(root, 0700));
  SLIPWAY_ASSIGN_OR_RETURN(const std::string real, RealPath(root));
  SLIPWAY_RETURN_IF_ERROR(UnmountBelow(real));
  SLIPWAY_RETURN_IF_ERROR(fs::RemoveAll(fs::Join(real, "active")));
  SLIPWAY_RETURN_IF_ERROR(fs::MakeDirs(fs::Join(real, "active"), 0700));
  SLIPWAY_RETURN_IF_ERROR(fs::MakeDirs(fs::Join(real, "empty"), 0755));
  SLIPWAY_ASSIGN_OR_RETURN(auto overlay, OpenOverlay(real));
  spdlog::info("snapshots are made by {}", overlay->name());
  return overlay;
}

}  // namespace slipway::snapshot
