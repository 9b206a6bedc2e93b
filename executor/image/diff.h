// What differs between two images: documents, layers, and of layers that differ their entries. Nothing is unpacked: a
// layer that differs is read once, hashed on the way, and forgotten.
#pragma once

#include <functional>
#include <string>

#include "executor/base/context.h"
#include "executor/base/status.h"
#include "executor/content/store.h"
#include "executor/image/difference.h"
#include "executor/layer/archive.h"
#include "executor/oci/config.h"
#include "executor/oci/manifest.h"

namespace slipway::image {

/// An image that is compared.
struct DiffSide {
  Digest digest;  ///< of the manifest
  std::string manifest_json;
  std::string config_json;
  oci::Manifest manifest;
  oci::ImageConfig config;
  /// The compressed blob of a layer; called for layers that differ.
  std::function<Result<content::Blob>(const Context&, const oci::Descriptor&)> open_layer;
};

/// Tells all differences, in the order manifest, config, history, layers. Layers that are the same at the bottom and at
/// the top face each other; between them they do so one by one if there are as many on both sides, else as a whole.
Status Diff(const Context& ctx, const DiffSide& first, const DiffSide& second, const layer::ArchiveLimits& limits,
            const DifferenceSink& sink);

/// The entries of two layers.
Status DiffTrees(const tree::Tree& first, const tree::Tree& second, const std::string& layer,
                 const DifferenceSink& sink);

}  // namespace slipway::image
