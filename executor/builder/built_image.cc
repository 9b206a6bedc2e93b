#include "executor/builder/built_image.h"

#include <algorithm>

namespace slipway::builder {

void AddBase(const BuiltImage::Base& base, BuiltImage& built) {
  const auto same = std::find_if(built.bases.begin(), built.bases.end(), [&](const BuiltImage::Base& known) {
    return known.reference == base.reference && known.digest == base.digest;
  });
  if (same == built.bases.end()) {
    built.bases.push_back(base);
  } else {
    same->runtime = same->runtime || base.runtime;
  }
}

const image::PlatformImage* FindPlatform(const BuiltImage& image, const oci::Platform& platform) {
  if (!image.impl) return nullptr;
  for (const image::PlatformImage& one : image.impl->images) {
    if (platform.Matches(one.config.platform)) return &one;
  }
  return nullptr;
}

}  // namespace slipway::builder
