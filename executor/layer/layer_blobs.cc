#include "executor/layer/layer_blobs.h"

#include <memory>
#include <string>

#include "executor/layer/entry_source.h"
#include "executor/layer/leave_out.h"
#include "executor/layer/stored_blocks.h"

namespace slipway::layer {

namespace {

/// Blobs with more than this in them are streamed to a registry without a copy in the content store.
constexpr uint64_t kLargestKept = 256U << 20;

std::string FormOf(const AssembleOptions& options) {
  return fmt::format("{} {} {} {}", oci::CompressionName(options.compression), options.level,
                     options.family == oci::Family::kOci ? "oci" : "docker",
                     options.clamp_mtime ? std::to_string(*options.clamp_mtime) : "-");
}

bool IsOfRegistry(const LayerRow& row) { return row.recipe.empty() && row.upper.empty(); }

}  // namespace

std::optional<AssembledLayer> LayerBlobs::Known(const Key& key, const AssembleOptions& options) {
  const auto row = parts_.records.Find(key);
  if (!row.ok() || !row->has_value()) return std::nullopt;
  if (IsOfRegistry(**row)) {
    const std::vector<Remote> places = parts_.records.Remotes(key).ValueOr({});
    if (places.empty()) return std::nullopt;
    return AssembledLayer{.diff_id = (*row)->diff_id, .descriptor = places.front().descriptor, .tar_bytes = 0};
  }
  return parts_.records.Blob(key, FormOf(options)).ValueOr(std::nullopt);
}

Result<AssembledLayer> LayerBlobs::Get(const Context& ctx, const Key& key, const AssembleOptions& options,
                                       content::Lease* lease, BlobSink* sink, const VertexProgress& progress) {
  SLIPWAY_ASSIGN_OR_RETURN(const LayerRow row, parts_.records.Get(key));
  if (IsOfRegistry(row)) return FromRegistry(ctx, row, lease, progress);
  const std::string form = FormOf(options);
  // Who only wants it streamed must not be waited for by who wants it stored.
  const std::string flight = fmt::format("{} {}{}", key, form, sink != nullptr ? " streamed" : "");
  SLIPWAY_ASSIGN_OR_RETURN(AssembledLayer blob, flights_.Do(ctx, flight, [&]() -> Result<AssembledLayer> {
    SLIPWAY_ASSIGN_OR_RETURN(const std::optional<AssembledLayer> known, parts_.records.Blob(key, form));
    if (known && parts_.content.Has(known->descriptor.digest)) return *known;
    return AssembleNow(ctx, row, options, lease, sink, progress);
  }));
  if (lease != nullptr) SLIPWAY_RETURN_IF_ERROR(lease->Add(blob.descriptor.digest));
  return blob;
}

Result<AssembledLayer> LayerBlobs::FromRegistry(const Context& ctx, const LayerRow& row, content::Lease* lease,
                                                const VertexProgress& progress) {
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<Remote> places, parts_.records.Remotes(row.key));
  SLIPWAY_RETURN_IF_ERROR(parts_.downloads.Ensure(ctx, places, progress));
  for (const Remote& place : places) {
    if (!parts_.content.Has(place.descriptor.digest)) continue;
    if (lease != nullptr) SLIPWAY_RETURN_IF_ERROR(lease->Add(place.descriptor.digest));
    return AssembledLayer{.diff_id = row.diff_id, .descriptor = place.descriptor, .tar_bytes = 0};
  }
  return NotFound("layer '{}' vanished while it was used", row.key);
}

Result<AssembledLayer> LayerBlobs::AssembleNow(const Context& ctx, const LayerRow& row, const AssembleOptions& options,
                                               content::Lease* lease, BlobSink* sink, const VertexProgress& progress) {
  SLIPWAY_ASSIGN_OR_RETURN(const EntrySource source, SourceOf(ctx, row, progress));
  const uint64_t all = source.tree->content_bytes();  // a sum over all entries
  const auto count = [&](uint64_t bytes) { progress.Count("export layer", bytes, all); };
  // A copy here serves the layers that will be like this one, and other registries. For these alone, writing it to the
  // disk costs more than making it again: contents of a step's folder are not known by digest, so its blocks are not
  // found again, and of a large one the upload takes longest.
  AssembleOptions how = options;
  how.keep = sink == nullptr || (!row.recipe.empty() && all <= kLargestKept);
  StoredBlocks library(parts_.records, parts_.content);
  BlockReuse reuse{.earlier = row.recipe.empty() || !how.keep ? nullptr : &library, .blocks = {}};
  SLIPWAY_ASSIGN_OR_RETURN(AssembledLayer made,
                           Assemble(ctx, source, how, parts_.content, lease, parts_.pool, sink, count, &reuse));
  SLIPWAY_RETURN_IF_ERROR(parts_.records.AddBlob(row.key, FormOf(options), made, reuse.blocks));
  if (!options.clamp_mtime) SLIPWAY_RETURN_IF_ERROR(parts_.records.SetDiffId(row.key, made.diff_id));
  return made;
}

Result<EntrySource> LayerBlobs::SourceOf(const Context& ctx, const LayerRow& row, const VertexProgress& progress) {
  SLIPWAY_ASSIGN_OR_RETURN(TreePtr entries, parts_.indexes.Get(ctx, row.key, progress));
  if (!row.recipe.empty()) return FromContents(std::move(entries), parts_.content);
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<std::string> unchanged, parts_.records.Unchanged(row.key));
  if (!unchanged.empty()) entries = std::make_shared<const tree::Tree>(Without(*entries, unchanged));
  return FromFolder(std::move(entries), row.upper);
}

}  // namespace slipway::layer
