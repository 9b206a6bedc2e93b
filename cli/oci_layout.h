// An OCI layout on this machine, named with --build-context NAME=oci-layout://DIR[:TAG|@DIGEST]: which image of it is
// meant, and which of its blobs that image is made of. Follows the OCI image specification 1.1, image layout.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "executor/base/digest.h"
#include "executor/base/status.h"

namespace slipway::cli {

struct LayoutFlag {
  std::string folder;
  std::string tag;  ///< "latest" if none is given
  Digest digest;    ///< empty if none is given
};

/// `text` is what stands behind "oci-layout://".
Result<LayoutFlag> ParseLayoutFlag(std::string_view text);

struct LayoutImage {
  Digest root;                ///< of a manifest or index
  std::vector<Digest> blobs;  ///< the root and all that it leads to, each once
};

/// NOT_FOUND names the tags that there are; DATA_LOSS or INVALID_ARGUMENT for a layout that is broken. With one image
/// only the layout needs no tag.
Result<LayoutImage> ReadLayout(const LayoutFlag& flag);

}  // namespace slipway::cli
