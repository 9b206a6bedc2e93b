// What a BuiltImage holds. Internal to this folder.
#pragma once

#include <memory>
#include <vector>

#include "executor/builder/builder.h"
#include "executor/image/ahead.h"
#include "executor/image/exporter.h"
#include "executor/layer/store.h"

namespace slipway::builder {

struct RebaseDraft;  // rebase.h

struct BuiltImage::Impl {
  std::vector<image::PlatformImage> images;
  image::ExportOptions options;
  std::vector<layer::Pin> pins;
  content::Lease lease;
  RegistryAccess access;
  std::shared_ptr<RebaseDraft> rebase;      ///< null: nothing is kept of the image
  std::shared_ptr<image::PushAhead> ahead;  ///< null: nothing is sent before the push. Uses the lease
};

/// Adds what an image was built from. A base of several platforms is one base.
void AddBase(const BuiltImage::Base& base, BuiltImage& built);

/// The image of one platform; nullptr if it was not built for that.
const image::PlatformImage* FindPlatform(const BuiltImage& image, const oci::Platform& platform);

}  // namespace slipway::builder
