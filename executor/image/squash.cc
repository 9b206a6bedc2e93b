#include "executor/image/squash.h"

#include "executor/layer/merge.h"
#include "executor/layer/view.h"

namespace slipway::image {

namespace {

// A whiteout of what the base does not have came from a layer between, which is gone now.
Status DropNeedless(const Context& ctx, layer::Store& layers, const layer::Chain& base, const VertexProgress& progress,
                    std::vector<layer::MergedEntry>& entries) {
  layer::View view(layers, base, progress);
  std::vector<layer::MergedEntry> kept;
  kept.reserve(entries.size());
  for (layer::MergedEntry& merged : entries) {
    tree::Entry& entry = merged.entry;
    if (entry.type == tree::Type::kWhiteout || entry.opaque) {
      SLIPWAY_ASSIGN_OR_RETURN(const std::optional<layer::Located> below, view.Lookup(ctx, entry.path));
      if (!below && entry.type == tree::Type::kWhiteout) continue;
      if (!below || !below->entry.is_dir()) entry.opaque = false;
    }
    kept.push_back(std::move(merged));
  }
  entries = std::move(kept);
  return Status();
}

void SquashHistory(size_t base_layers, size_t made, oci::ImageConfig& config) {
  size_t layer = 0;
  for (oci::HistoryEntry& entry : config.history) {
    if (entry.empty_layer) continue;
    if (layer >= base_layers) entry.empty_layer = true;
    ++layer;
  }
  config.history.push_back({.created = std::nullopt,
                            .created_by = "",
                            .author = "",
                            .comment = fmt::format("squashed {} layers", made),
                            .empty_layer = false});
}

}  // namespace

Result<PlatformImage> Squash(const Context& ctx, layer::Store& layers, PlatformImage image, content::Lease* lease,
                             const VertexProgress& progress) {
  const size_t made = image.chain.size() - image.base_layers;
  if (made < 2) return image;
  const layer::Chain base(image.chain.begin(), image.chain.begin() + static_cast<ptrdiff_t>(image.base_layers));
  layer::LayerMerge merge;
  for (size_t i = image.base_layers; i < image.chain.size(); ++i) {
    SLIPWAY_ASSIGN_OR_RETURN(const auto index, layers.Index(ctx, image.chain[i], progress));
    SLIPWAY_RETURN_IF_ERROR(merge.Add(*index));
  }
  SLIPWAY_ASSIGN_OR_RETURN(std::vector<layer::MergedEntry> merged, std::move(merge).Finish(!base.empty()));
  SLIPWAY_RETURN_IF_ERROR(DropNeedless(ctx, layers, base, progress, merged));
  std::vector<tree::Entry> entries;
  entries.reserve(merged.size());
  for (layer::MergedEntry& one : merged) {
    SLIPWAY_RETURN_IF_ERROR(ctx.Err());
    if (one.entry.is_file()) {
      SLIPWAY_ASSIGN_OR_RETURN(one.entry.digest, layers.FileContent(ctx, image.chain, image.base_layers + one.layer,
                                                                    one.source, lease, progress));
    }
    entries.push_back(std::move(one.entry));
  }
  SLIPWAY_ASSIGN_OR_RETURN(layer::Key key, layers.AddRecipe(tree::Tree(std::move(entries))));
  image.chain = base;
  image.chain.push_back(std::move(key));
  SquashHistory(image.base_layers, made, image.config);
  return image;
}

}  // namespace slipway::image
