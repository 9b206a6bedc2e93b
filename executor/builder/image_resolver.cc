#include "executor/builder/image_resolver.h"

#include "executor/builder/built_image.h"

namespace slipway::builder {

Result<dockerfile::ResolvedImage> LocalImages::Resolve(const Context& ctx, const std::string& name,
                                                       const oci::Platform& platform) {
  const auto reference = oci::Reference::Parse(name);
  const auto found = reference.ok() ? images_.find(reference->ToString()) : images_.end();
  if (found == images_.end()) return next_.Resolve(ctx, name, platform);
  const image::PlatformImage* image = FindPlatform(*found->second, platform);
  if (image == nullptr) {
    return FailedPrecondition("image '{}' was built by an earlier step, but not for {}", name, platform.ToString());
  }
  // It has no digest before it is pushed.
  return dockerfile::ResolvedImage{.reference = *reference,
                                   .digest = {},
                                   .config = image->config,
                                   .chain = image->chain,
                                   .base_layers = image->base_layers};
}

Result<dockerfile::ResolvedImage> RegistryImages::Resolve(const Context& ctx, const std::string& name,
                                                          const oci::Platform& platform) {
  const std::string what = fmt::format("[internal] load metadata for {}", name);
  const VertexProgress progress(&progress_, "metadata " + name + " " + platform.ToString(), what);
  progress.Started();
  auto image = ResolveNow(ctx, name, platform);
  progress.Finished(image.status());
  return image;
}

Result<dockerfile::ResolvedImage> RegistryImages::ResolveNow(const Context& ctx, const std::string& name,
                                                             const oci::Platform& platform) {
  dockerfile::ResolvedImage out;
  SLIPWAY_ASSIGN_OR_RETURN(out.reference, oci::Reference::Parse(name));
  SLIPWAY_ASSIGN_OR_RETURN(registry::Image image,
                           session_.ResolveImage(ctx, out.reference, platform, &content_, &lease_));
  out.digest = image.root.digest;
  out.config = std::move(image.config);
  if (out.config.diff_ids.size() != image.parsed.layers.size()) {
    return DataLoss("image '{}' has {} layers but its config names {}", name, image.parsed.layers.size(),
                    out.config.diff_ids.size());
  }
  for (size_t i = 0; i < image.parsed.layers.size(); ++i) {
    SLIPWAY_ASSIGN_OR_RETURN(layer::Key key,
                             layers_.AddRemote(out.config.diff_ids[i], {.descriptor = image.parsed.layers[i],
                                                                        .host = out.reference.host,
                                                                        .repository = out.reference.repository}));
    out.chain.push_back(std::move(key));
  }
  pins_.Lock()->push_back(layers_.Hold(out.chain));
  return out;
}

}  // namespace slipway::builder
