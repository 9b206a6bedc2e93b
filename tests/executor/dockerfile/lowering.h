// For tests of lowering: images that exist in name and config only, and a context that is not looked into.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "executor/base/thread_pool.h"
#include "executor/dockerfile/lower.h"
#include "executor/dockerfile/parse.h"

namespace slipway::dockerfile {

/// Images by name, for linux/amd64 unless they say otherwise; all others are not there.
class Images : public ImageResolver {
 public:
  void Add(const std::string& name, oci::ImageConfig config) {
    if (config.platform.os.empty()) config.platform = {"linux", "amd64", "", ""};
    configs_[name] = std::move(config);
  }
  Result<ResolvedImage> Resolve(const Context&, const std::string& name, const oci::Platform&) override {
    const auto it = configs_.find(name);
    if (it == configs_.end()) return NotFound("image '{}' is not there", name);
    SLIPWAY_ASSIGN_OR_RETURN(const oci::Reference reference, oci::Reference::Parse(name));
    return ResolvedImage{reference, Digest::Of(name), it->second, {}};
  }

 private:
  std::map<std::string, oci::ImageConfig> configs_;
};

/// Lowers for linux/amd64.
inline Result<Lowered> LowerHere(const Dockerfile& dockerfile, LowerOptions options, Images& images) {
  options.target_platform = options.build_platform = {"linux", "amd64", "", ""};
  options.context = [] { return graph::Make(graph::SourceOp{{}, Digest::Of("context")}, {}, {}); };
  ThreadPool pool(1, "test");
  return Lower(Context::Background(), dockerfile, options, images, pool);
}

inline Result<Lowered> LowerText(const std::string& text, LowerOptions options = {}, Images images = {}) {
  SLIPWAY_ASSIGN_OR_RETURN(const Dockerfile dockerfile, Parse(text, "Dockerfile"));
  return LowerHere(dockerfile, std::move(options), images);
}

}  // namespace slipway::dockerfile
