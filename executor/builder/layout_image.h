// An image out of an OCI layout that a client uploaded: its blobs are files of the tree, and so contents of the store
// under their own digests already. Follows the OCI image specification 1.1, image layout.
#pragma once

#include <string>

#include "executor/content/store.h"
#include "executor/dockerfile/lower.h"
#include "executor/layer/store.h"
#include "executor/oci/platform.h"
#include "executor/tree/entry.h"

namespace slipway::builder {

/// The image of `platform` that `manifest` (of a manifest or an index) stands for. `name` is what messages call it.
/// NOT_FOUND if a blob is not in the layout or the index has no such platform; INVALID_ARGUMENT for documents that are
/// wrong. Layers and documents are leased.
Result<dockerfile::ResolvedImage> ResolveLayout(const tree::Tree& layout, const Digest& manifest,
                                                const std::string& name, const oci::Platform& platform,
                                                layer::Store& layers, content::Lease& lease);

}  // namespace slipway::builder
