// Where the images of FROM and --from are found: among those that the run has built itself, or in their registries.
//
// RegistryImages looks the images of FROM and --from up in their registries. Nothing but manifest and config is read;
// the layers become known to the layer store as remote ones.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "executor/base/guarded.h"
#include "executor/base/progress.h"
#include "executor/builder/builder.h"
#include "executor/content/store.h"
#include "executor/dockerfile/lower.h"
#include "executor/layer/store.h"
#include "executor/registry/registry.h"

namespace slipway::builder {

/// Images by their names; others are asked of `next`, which must outlive this.
class LocalImages : public dockerfile::ImageResolver {
 public:
  LocalImages(std::map<std::string, std::shared_ptr<const BuiltImage>> images, dockerfile::ImageResolver& next)
      : images_(std::move(images)), next_(next) {}

  Result<dockerfile::ResolvedImage> Resolve(const Context& ctx, const std::string& name,
                                            const oci::Platform& platform) override;

 private:
  const std::map<std::string, std::shared_ptr<const BuiltImage>> images_;
  dockerfile::ImageResolver& next_;
};

class RegistryImages : public dockerfile::ImageResolver {
 public:
  /// All but the session must outlive this. `lease` keeps what is fetched for as long as the build; the layers are kept
  /// until this is destroyed.
  RegistryImages(registry::Session session, layer::Store& layers, content::Store& content, content::Lease& lease,
                 ProgressSink& progress)
      : session_(std::move(session)), layers_(layers), content_(content), lease_(lease), progress_(progress) {}

  Result<dockerfile::ResolvedImage> Resolve(const Context& ctx, const std::string& name,
                                            const oci::Platform& platform) override;

 private:
  Result<dockerfile::ResolvedImage> ResolveNow(const Context& ctx, const std::string& name,
                                               const oci::Platform& platform);

  const registry::Session session_;
  layer::Store& layers_;
  content::Store& content_;
  content::Lease& lease_;
  ProgressSink& progress_;
  Guarded<std::vector<layer::Pin>> pins_;
};

}  // namespace slipway::builder
