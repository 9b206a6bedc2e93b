#include "executor/image/rootfs.h"

#include <vector>

#include "executor/layer/merge.h"

namespace slipway::image {

namespace {

constexpr size_t kRootfsPiece = 256U << 10;

class RootfsWriter {
 public:
  RootfsWriter(const Context& ctx, layer::Store& layers, const layer::Chain& chain, std::string folder,
               OutputSink& sink, const VertexProgress& progress)
      : ctx_(ctx), layers_(layers), chain_(chain), folder_(std::move(folder)), sink_(sink), progress_(progress) {}

  Status Run() {
    layer::LayerMerge merge;
    for (const layer::Key& key : chain_) {
      SLIPWAY_ASSIGN_OR_RETURN(const auto index, layers_.Index(ctx_, key, progress_));
      SLIPWAY_RETURN_IF_ERROR(merge.Add(*index));
    }
    SLIPWAY_ASSIGN_OR_RETURN(const std::vector<layer::MergedEntry> entries,
                             std::move(merge).Finish(/*over_base=*/false));
    if (!folder_.empty()) SLIPWAY_RETURN_IF_ERROR(MakeTop());
    for (const layer::MergedEntry& merged : entries) {
      if (merged.entry.path.empty()) continue;
      SLIPWAY_RETURN_IF_ERROR(ctx_.Err());
      SLIPWAY_RETURN_IF_ERROR(Write(merged).With(fmt::format("export '/{}'", merged.entry.path)));
    }
    return Status();
  }

 private:
  Status MakeTop() {
    tree::Entry top;
    top.path = folder_;
    top.type = tree::Type::kDirectory;
    top.mode = 0755;
    return sink_.Entry(top);
  }

  Status Write(const layer::MergedEntry& merged) {
    if (folder_.empty()) {
      SLIPWAY_RETURN_IF_ERROR(sink_.Entry(merged.entry));
    } else {
      tree::Entry moved = merged.entry;
      moved.path = fmt::format("{}/{}", folder_, moved.path);
      if (moved.type == tree::Type::kHardlink) moved.link = fmt::format("{}/{}", folder_, moved.link);
      SLIPWAY_RETURN_IF_ERROR(sink_.Entry(moved));
    }
    if (!merged.entry.is_file() || merged.entry.size == 0) return Status();
    SLIPWAY_ASSIGN_OR_RETURN(const content::Blob blob,
                             layers_.OpenFile(ctx_, chain_, merged.layer, merged.source, progress_));
    for (uint64_t done = 0; done < merged.entry.size;) {
      SLIPWAY_ASSIGN_OR_RETURN(const size_t got, blob.ReadAt(buffer_, done));
      SLIPWAY_RETURN_IF_ERROR(sink_.Data({buffer_.data(), got}));
      done += got;
    }
    return Status();
  }

  const Context& ctx_;
  layer::Store& layers_;
  const layer::Chain& chain_;
  const std::string folder_;
  OutputSink& sink_;
  const VertexProgress& progress_;
  std::vector<char> buffer_ = std::vector<char>(kRootfsPiece);
};

}  // namespace

Status WriteRootfs(const Context& ctx, layer::Store& layers, const layer::Chain& chain, const std::string& folder,
                   OutputSink& sink, const VertexProgress& progress) {
  return RootfsWriter(ctx, layers, chain, folder, sink, progress).Run();
}

}  // namespace slipway::image
