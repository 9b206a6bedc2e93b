// Squashing: the layers that a build added to its base become one, as with docker's --squash. Layers of the base stay
// what they are, so that registries and machines go on sharing them.
#pragma once

#include "executor/base/context.h"
#include "executor/base/progress.h"
#include "executor/base/status.h"
#include "executor/content/store.h"
#include "executor/image/exporter.h"
#include "executor/layer/store.h"

namespace slipway::image {

/// The same image with at most one layer over its base. In its history, entries of layers made here become ones without
/// layer, and a last one stands for the layer. Contents of files are leased. Equal layers give an equal image.
Result<PlatformImage> Squash(const Context& ctx, layer::Store& layers, PlatformImage image, content::Lease* lease,
                             const VertexProgress& progress);

}  // namespace slipway::image
