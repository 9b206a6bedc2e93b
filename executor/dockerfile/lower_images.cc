#include "executor/dockerfile/lower_images.h"

#include <algorithm>

#include "executor/base/guarded.h"

namespace slipway::dockerfile {

std::string BaseImages::ContextFor(const std::string& name, const oci::Platform& platform) const {
  if (contexts_ == nullptr || name.empty()) return "";
  const Result<oci::Reference> reference = oci::Reference::Parse(name);
  if (!reference.ok()) return "";
  std::string context = reference->Short();
  std::string of_platform = fmt::format("{}::{}", context, platform.Normalized().ToString());
  if (contexts_->Has(of_platform)) return of_platform;
  return contexts_->Has(context) ? context : "";
}

Result<NamedContext> BaseImages::LoadContext(const std::string& context, const oci::Platform& platform) {
  auto loaded = contexts_->Load(ctx_, context, platform);
  if (!loaded.ok()) return std::move(loaded).status().With(fmt::format("build context '{}'", context));
  if (loaded->image) {
    if (loaded->from_registry) NoteBase(*loaded->image, platform);
    loaded->vertex = ImageVertex(*loaded->image);
  }
  return loaded;
}

void BaseImages::Want(const std::string& name, const oci::Platform& platform) {
  const ImageKey key{name, platform.ToString()};
  const bool known = std::any_of(wanted_.begin(), wanted_.end(), [&key](const auto& one) { return one.first == key; });
  if (!known) wanted_.emplace_back(key, platform);
}

Status BaseImages::ResolveWanted(ThreadPool& pool) {
  Guarded<std::map<ImageKey, Result<ResolvedImage>>> found;
  {
    TaskGroup group(pool);
    for (const auto& [key, platform] : wanted_) {
      group.Run([&, &k = key, &p = platform]() -> Status {
        Result<ResolvedImage> image = resolver_.Resolve(ctx_, k.first, p);
        found.Lock()->emplace(k, std::move(image));
        return Status();
      });
    }
    SLIPWAY_RETURN_IF_ERROR(group.Wait());
  }
  images_ = std::move(*found.Lock());
  return ctx_.Err();
}

Result<ResolvedImage> BaseImages::Image(const std::string& name, const oci::Platform& platform) {
  const ImageKey key{name, platform.ToString()};
  auto it = images_.find(key);
  if (it == images_.end()) it = images_.emplace(key, resolver_.Resolve(ctx_, name, platform)).first;
  if (it->second.ok()) NoteBase(*it->second, platform);
  return it->second;
}

void BaseImages::NoteBase(const ResolvedImage& image, const oci::Platform& platform) {
  const bool known = std::any_of(bases_.begin(), bases_.end(), [&](const BaseImage& base) {
    return base.reference == image.reference && base.digest == image.digest && base.platform == platform;
  });
  if (!known) bases_.push_back({image.reference, image.digest, false, platform});
}

}  // namespace slipway::dockerfile
