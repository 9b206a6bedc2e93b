// BuildContexts: the contexts of --build-context, fetched when a Dockerfile first names them: uploads, repositories,
// files behind URLs, images of registries and of uploaded OCI layouts.
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "executor/base/progress.h"
#include "executor/builder/build_inputs.h"
#include "executor/content/store.h"
#include "executor/dockerfile/lower.h"
#include "executor/graph/lent.h"
#include "executor/layer/store.h"
#include "executor/source/fetcher.h"

namespace slipway::builder {

class BuildContexts : public dockerfile::NamedContexts {
 public:
  struct Parts {
    source::ContextFetcher& sources;
    layer::Store& layers;
    content::Lease& lease;  ///< keeps what is fetched for as long as the build
    dockerfile::ImageResolver& images;
    const source::Limits& limits;
    ProgressSink& progress;
  };
  /// All of `parts` must outlive it.
  BuildContexts(const std::map<std::string, NamedContextSpec>& specs, graph::LentPtr lent, const Parts& parts)
      : specs_(specs), lent_(std::move(lent)), parts_(parts) {}

  bool Has(const std::string& name) const override { return specs_.contains(name); }
  Result<dockerfile::NamedContext> Load(const Context& ctx, const std::string& name,
                                        const oci::Platform& platform) override;

 private:
  Result<dockerfile::NamedContext> LoadNow(const Context& ctx, const std::string& name, const oci::Platform& platform);
  Result<dockerfile::NamedContext> LoadFolder(const Context& ctx, const std::string& name,
                                              const source::ContextSpec& spec);

  const std::map<std::string, NamedContextSpec> specs_;
  const graph::LentPtr lent_;
  const Parts parts_;
  std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, dockerfile::NamedContext> loaded_;  // by name and platform
};

}  // namespace slipway::builder
