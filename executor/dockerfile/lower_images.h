// BaseImages: the images and named contexts that the stages of one Dockerfile stand on or copy from: looked up side by
// side, each once. Part of Lower (lower.h).
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "executor/base/context.h"
#include "executor/base/status.h"
#include "executor/base/thread_pool.h"
#include "executor/dockerfile/lower.h"

namespace slipway::dockerfile {

/// One thread, but that ResolveWanted spreads its work.
class BaseImages {
 public:
  /// All must outlive it. `contexts` null: there are none.
  BaseImages(const Context& ctx, ImageResolver& resolver, NamedContexts* contexts)
      : ctx_(ctx), resolver_(resolver), contexts_(contexts) {}

  /// The named context that stands for a stage or image of that name; "" if none does.
  std::string ContextFor(const std::string& name, const oci::Platform& platform) const;
  /// Of a name that ContextFor gave.
  Result<NamedContext> LoadContext(const std::string& context, const oci::Platform& platform);

  /// This image will be asked for.
  void Want(const std::string& name, const oci::Platform& platform);
  /// Looks up all that were wanted. What one fails with is told when it is asked for.
  Status ResolveWanted(ThreadPool& pool);
  Result<ResolvedImage> Image(const std::string& name, const oci::Platform& platform);

  /// All of registries that were asked for, each once for each platform.
  std::vector<BaseImage> TakeBases() { return std::move(bases_); }

 private:
  using ImageKey = std::pair<std::string, std::string>;  // name and platform
  void NoteBase(const ResolvedImage& image, const oci::Platform& platform);

  const Context& ctx_;
  ImageResolver& resolver_;
  NamedContexts* const contexts_;
  std::vector<std::pair<ImageKey, oci::Platform>> wanted_;  // in the order of the text, as people are told of them
  std::map<ImageKey, Result<ResolvedImage>> images_;
  std::vector<BaseImage> bases_;
};

}  // namespace slipway::dockerfile
