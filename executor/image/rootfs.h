// An image's file system, its layers laid over each other, as entries that go to an OutputSink. Only layers whose files
// are seen are read, and only those of registries are unpacked for it; nothing is mounted.
#pragma once

#include <string>

#include "executor/base/context.h"
#include "executor/base/progress.h"
#include "executor/base/status.h"
#include "executor/image/output_sink.h"
#include "executor/layer/store.h"

namespace slipway::image {

/// Writes the file system of `chain` below `folder` ("" for the root; else it is made too). The root itself is no
/// entry: where it is unpacked, that folder keeps its owner and mode. Does not call sink.Finish().
Status WriteRootfs(const Context& ctx, layer::Store& layers, const layer::Chain& chain, const std::string& folder,
                   OutputSink& sink, const VertexProgress& progress);

}  // namespace slipway::image
