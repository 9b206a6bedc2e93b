#include "executor/layer/indexes.h"

#include <array>
#include <memory>

#include "executor/base/log.h"
#include "executor/layer/layer_key.h"

namespace slipway::layer {

Result<TreePtr> LoadTree(content::Store& content, const Digest& digest) {
  constexpr uint64_t kLargestTree = 1U << 30;
  SLIPWAY_ASSIGN_OR_RETURN(const content::Blob blob, content.Open(digest));
  SLIPWAY_ASSIGN_OR_RETURN(const std::string bytes, blob.ReadAll(kLargestTree));
  SLIPWAY_ASSIGN_OR_RETURN(tree::Tree tree, tree::Decode(bytes));
  return std::make_shared<const tree::Tree>(std::move(tree));
}

namespace {

// A blob's digest is known to be right once all of it was read, and a compressed stream may end before.
Status ReadToEnd(const ByteSource& source) {
  std::array<char, 64U << 10> buffer{};
  while (true) {
    SLIPWAY_ASSIGN_OR_RETURN(const size_t got, source(buffer));
    if (got == 0) return Status();
  }
}

}  // namespace

bool Indexes::AtHand(const Key& key) {
  if (cache_.Find(key) != nullptr) return true;
  const auto found = records_.Find(key);
  if (!found.ok() || !found->has_value()) return false;
  const LayerRow& row = **found;
  return !row.recipe.empty() || !row.upper.empty() || (!row.index.empty() && content_.Has(row.index));
}

Result<TreePtr> Indexes::GetAfter(const Context& ctx, const Key& key, const std::string& unpacking,
                                  const VertexProgress& progress) {
  while (true) {
    if (TreePtr held = cache_.Find(key)) return held;
    if (!IsRecipe(key) && !IsUpper(key)) {
      // Not within the flight: an unpacking may wait for one.
      SLIPWAY_RETURN_IF_ERROR(unpackings_.Await(ctx, unpacking));
      if (TreePtr held = cache_.Find(key)) return held;
    }
    SLIPWAY_ASSIGN_OR_RETURN(TreePtr index, flights_.Do(ctx, key, [&]() -> Result<TreePtr> {
      if (TreePtr held = cache_.Find(key)) return held;
      SLIPWAY_ASSIGN_OR_RETURN(const LayerRow row, records_.Get(key));
      SLIPWAY_ASSIGN_OR_RETURN(TreePtr tree, Make(ctx, row, unpacking, progress));
      if (tree != nullptr) cache_.Add(key, tree);
      return tree;
    }));
    if (index != nullptr) return index;
  }
}

void Indexes::Found(const LayerRow& row, TreePtr tree) {
  if (row.index.empty()) unsaved_.Add({row.key, tree});
  cache_.Add(row.key, std::move(tree));
}

Result<TreePtr> Indexes::Make(const Context& ctx, const LayerRow& row, const std::string& unpacking,
                              const VertexProgress& progress) {
  if (!row.recipe.empty()) return LoadTree(content_, row.recipe);
  if (!row.index.empty() && content_.Has(row.index)) {
    if (auto tree = LoadTree(content_, row.index); tree.ok()) return tree;
  }
  TreePtr tree;
  if (row.upper.empty()) {
    SLIPWAY_ASSIGN_OR_RETURN(tree, Read(ctx, row, unpacking, progress));
    if (tree == nullptr) return tree;
  } else {
    SLIPWAY_ASSIGN_OR_RETURN(tree::Tree walked, WalkUpper(ctx, row.upper));
    tree = std::make_shared<const tree::Tree>(std::move(walked));
  }
  unsaved_.Add({row.key, tree});
  return tree;
}

// Whoever unpacks the layer verifies the diff id. The table of a blob is that of the blob in any case, so here its
// digest is what is gone by.
Result<TreePtr> Indexes::Read(const Context& ctx, const LayerRow& row, const std::string& unpacking,
                              const VertexProgress& progress) {
  // An unpacking that begins soon after this finds the index, too: then what was read so far is the smaller loss.
  constexpr uint64_t kGivesWay = 4U << 20;
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<Remote> places, records_.Remotes(row.key));
  tree::Tree tree;
  bool gave_way = false;
  const auto use = [&](const ByteSource& source, oci::Compression compression) -> Status {
    gave_way = false;
    const auto yielding = [&, done = uint64_t{0}](std::span<char> buffer) mutable -> Result<size_t> {
      SLIPWAY_ASSIGN_OR_RETURN(const size_t got, source(buffer));
      done += got;
      gave_way = gave_way || (got > 0 && done <= kGivesWay && unpackings_.IsUnderWay(unpacking));
      return gave_way ? Result<size_t>(Aborted("the layer is being unpacked")) : got;
    };
    SLIPWAY_ASSIGN_OR_RETURN(tree, IndexLayer(ctx, yielding, compression, {}, limits_));
    return ReadToEnd(yielding);
  };
  const Status status = downloads_.Read(ctx, places, progress, use);
  if (gave_way) return TreePtr();
  SLIPWAY_RETURN_IF_ERROR(status.With(fmt::format("layer '{}'", row.key)));
  return std::make_shared<const tree::Tree>(std::move(tree));
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
