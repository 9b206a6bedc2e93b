#include "executor/layer/indexes.h"

#include <memory>

#include "executor/base/log.h"

namespace slipway::layer {

Result<TreePtr> LoadTree(content::Store& content, const Digest& digest) {
  constexpr uint64_t kLargestTree = 1U << 30;
  SLIPWAY_ASSIGN_OR_RETURN(const content::Blob blob, content.Open(digest));
  SLIPWAY_ASSIGN_OR_RETURN(const std::string bytes, blob.ReadAll(kLargestTree));
  SLIPWAY_ASSIGN_OR_RETURN(tree::Tree tree, tree::Decode(bytes));
  return std::make_shared<const tree::Tree>(std::move(tree));
}

bool Indexes::AtHand(const Key& key) {
  if (cache_.Find(key) != nullptr) return true;
  const auto found = records_.Find(key);
  if (!found.ok() || !found->has_value()) return false;
  const LayerRow& row = **found;
  return !row.recipe.empty() || !row.upper.empty() || (!row.index.empty() && content_.Has(row.index));
}

Result<TreePtr> Indexes::Get(const Context& ctx, const Key& key, const VertexProgress& progress) {
  if (TreePtr held = cache_.Find(key)) return held;
  return flights_.Do(ctx, key, [&]() -> Result<TreePtr> {
    if (TreePtr held = cache_.Find(key)) return held;
    SLIPWAY_ASSIGN_OR_RETURN(const LayerRow row, records_.Get(key));
    SLIPWAY_ASSIGN_OR_RETURN(TreePtr tree, Make(ctx, row, progress));
    cache_.Add(key, tree);
    return tree;
  });
}

void Indexes::Found(const LayerRow& row, TreePtr tree) {
  if (row.index.empty()) unsaved_.Add({row.key, tree});
  cache_.Add(row.key, std::move(tree));
}

Result<TreePtr> Indexes::Make(const Context& ctx, const LayerRow& row, const VertexProgress& progress) {
  if (!row.recipe.empty()) return LoadTree(content_, row.recipe);
  if (!row.index.empty() && content_.Has(row.index)) {
    if (auto tree = LoadTree(content_, row.index); tree.ok()) return tree;
  }
  SLIPWAY_ASSIGN_OR_RETURN(tree::Tree made, row.upper.empty() ? Read(ctx, row, progress) : WalkUpper(ctx, row.upper));
  auto tree = std::make_shared<const tree::Tree>(std::move(made));
  unsaved_.Add({row.key, tree});
  return tree;
}

// Whoever unpacks the layer verifies the diff id; the table of a blob is that of the blob in any case.
Result<tree::Tree> Indexes::Read(const Context& ctx, const LayerRow& row, const VertexProgress& progress) {
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<Remote> places, records_.Remotes(row.key));
  tree::Tree tree;
  const auto use = [&](const ByteSource& source, oci::Compression compression) -> Status {
    SLIPWAY_ASSIGN_OR_RETURN(tree, IndexLayer(ctx, source, compression, {}, limits_));
    return Status();
  };
  SLIPWAY_RETURN_IF_ERROR(downloads_.Read(ctx, places, progress, use).With(fmt::format("layer '{}'", row.key)));
  return tree;
}

Status Indexes::Save(const Key& key, const TreePtr& tree) {
  SLIPWAY_ASSIGN_OR_RETURN(content::Lease lease, content_.NewLease("a new index"));
  SLIPWAY_ASSIGN_OR_RETURN(const Digest digest, content_.Put(tree::Encode(*tree), &lease, content::Durable::kSoon));
  return records_.SetIndex(key, digest);
}

void Indexes::SaveAll(const std::vector<std::pair<Key, TreePtr>>& indexes) {
  for (const auto& [key, tree] : indexes) {
    if (const Status status = Save(key, tree); !status.ok()) {
      spdlog::warn("keep the index of layer '{}': {}", key, status.message());
    }
  }
}

}  // namespace slipway::layer
