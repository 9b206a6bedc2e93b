// What a BuiltImage holds. Internal to this folder.
#pragma once

#include <vector>

#include "executor/builder/builder.h"
#include "executor/image/exporter.h"
#include "executor/layer/store.h"

namespace slipway::builder {

struct BuiltImage::Impl {
  std::vector<image::PlatformImage> images;
  image::ExportOptions options;
  std::vector<layer::Pin> pins;
  content::Lease lease;
  RegistryAccess access;
};

/// The image of one platform; nullptr if it was not built for that.
const image::PlatformImage* FindPlatform(const BuiltImage& image, const oci::Platform& platform);

}  // namespace slipway::builder
