// Mounting of an overlay, by whichever of the kernel's two interfaces there is.
//
//   layers   fsopen, "lowerdir+" once for each lower folder: any number and length; Linux 6.5
//   options  mount(2) with one page of options; folders are named by their descriptors where their paths would be too
//   long
//
// The options keep upper folders plain: no index, no redirects, no metadata-only copies, so that a layer can be read
// from its folder alone. Redirects that a lower folder may hold are not followed.
#pragma once

#include <string>
#include <vector>

#include "executor/base/status.h"
#include "executor/snapshot/scoped_mount.h"

namespace slipway::snapshot {

enum class MountInterface { kLayers, kOptions };

struct OverlaySpec {
  std::vector<std::string> lowers;  ///< the topmost first; at least one, two without an upper
  std::string upper;                ///< empty: read-only
  std::string work;
  std::string target;
};

/// UNIMPLEMENTED if the kernel has not this interface; FAILED_PRECONDITION, with the kernel's words, if it cannot mount
/// this.
Result<ScopedMount> MountOverlay(const OverlaySpec& spec, MountInterface interface);

}  // namespace slipway::snapshot
