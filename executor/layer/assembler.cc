#include "executor/layer/assembler.h"

#include <unordered_map>

#include "executor/layer/compress_pipeline.h"
#include "executor/layer/tar_writer.h"

namespace slipway::layer {

namespace {

/// The sink's failure ends the sink, not the assembly.
class Output {
 public:
  Output(content::Ingest& ingest, BlobSink* sink) : ingest_(ingest), sink_(sink) {}
  Status Write(std::string_view bytes) {
    if (bytes.empty()) return Status();
    SLIPWAY_RETURN_IF_ERROR(ingest_.Write(bytes));
    if (sink_ != nullptr && !sink_->Write(bytes).ok()) sink_ = nullptr;
    return Status();
  }

 private:
  content::Ingest& ingest_;
  BlobSink* sink_;
};

/// Hard links as a tar must have them. A link comes after its file, but a tree's order may have it first: then the
/// first name in the order becomes the file, and the others links to it. And since unpackers give the file whatever
/// owner, mode and attributes stand in a link's header, these are the file's.
class HardLinks {
 public:
  explicit HardLinks(const tree::Tree& tree) : tree_(tree) {
    for (const tree::Entry& entry : tree.entries()) {
      if (entry.type != tree::Type::kHardlink || !tree::PathLess(entry.path, entry.link)) continue;
      const tree::Entry* file = tree.Find(entry.link);
      if (file != nullptr && file->is_file()) first_.try_emplace(file->path, &entry);
    }
  }

  /// Whether ToWrite() would change it.
  bool Concern(const tree::Entry& entry) const {
    return entry.type == tree::Type::kHardlink || (entry.is_file() && !first_.empty() && first_.contains(entry.path));
  }

  /// The entry as it is to be written; `content` is the file whose content follows, or nullptr.
  tree::Entry ToWrite(const tree::Entry& entry, const tree::Entry*& content) const {
    content = nullptr;
    const tree::Entry* file = entry.is_file() ? &entry : tree_.Find(entry.link);
    if (file == nullptr || !file->is_file()) return entry;  // it is in a layer below
    tree::Entry out = *file;
    out.path = entry.path;
    const auto first = first_.find(file->path);
    if (first != first_.end() && first->second == &entry) {
      content = file;
      return out;
    }
    out.type = tree::Type::kHardlink;
    out.link = first != first_.end() ? first->second->path : file->path;
    out.size = 0;
    return out;
  }

 private:
  const tree::Tree& tree_;
  std::unordered_map<std::string_view, const tree::Entry*> first_;  // by the file's path
};

class Assembly {
 public:
  Assembly(const EntrySource& source, const AssembleOptions& options, CompressPipeline& pipeline,
           const std::function<void(uint64_t)>& progress)
      : source_(source), pipeline_(pipeline), progress_(progress), links_(*source.tree) {
    tar_options_.clamp_mtime = options.clamp_mtime;
    tar_options_.all_xattrs = options.all_xattrs;
  }

  Status Run() {
    for (const tree::Entry& entry : source_.tree->entries()) {
      const tree::Entry* file = entry.is_file() ? &entry : nullptr;
      if (links_.Concern(entry)) {
        const tree::Entry written = links_.ToWrite(entry, file);
        SLIPWAY_RETURN_IF_ERROR(Add(written, file));
      } else {
        SLIPWAY_RETURN_IF_ERROR(Add(entry, file));
      }
    }
    SLIPWAY_RETURN_IF_ERROR(pipeline_.Append(TarTrailer()));
    SLIPWAY_RETURN_IF_ERROR(pipeline_.Finish());
    if (progress_) progress_(pipeline_.size());
    return Status();
  }

 private:
  Status Add(const tree::Entry& entry, const tree::Entry* file) {
    header_.clear();
    SLIPWAY_RETURN_IF_ERROR(AppendTarHeader(entry, tar_options_, header_));
    SLIPWAY_RETURN_IF_ERROR(pipeline_.Append(header_));
    if (file == nullptr || file->size == 0) return Status();
    if (Status status = AddContent(*file); !status.ok()) {
      return std::move(status).With(fmt::format("put '{}' into a layer", entry.path));
    }
    return pipeline_.Append(TarPadding(file->size));
  }

  Status AddContent(const tree::Entry& file) {
    SLIPWAY_ASSIGN_OR_RETURN(const content::Blob blob, source_.open(file));
    if (blob.size() != file.size) {
      return DataLoss("the file changed while it was read: it has {} bytes, not {}", blob.size(), file.size);
    }
    for (uint64_t done = 0; done < file.size;) {
      const std::span<char> space = pipeline_.Space();
      const size_t wanted = static_cast<size_t>(std::min<uint64_t>(space.size(), file.size - done));
      SLIPWAY_ASSIGN_OR_RETURN(const size_t got, blob.ReadAt(space.first(wanted), done));
      if (got != wanted) return DataLoss("the file changed while it was read: it ends after {} bytes", done + got);
      SLIPWAY_RETURN_IF_ERROR(pipeline_.Filled(got));
      done += got;
      Report();
    }
    return Status();
  }

  void Report() {
    constexpr uint64_t kStep = 1U << 20;
    if (!progress_ || pipeline_.size() < reported_ + kStep) return;
    reported_ = pipeline_.size();
    progress_(reported_);
  }

  const EntrySource& source_;
  CompressPipeline& pipeline_;
  const std::function<void(uint64_t)>& progress_;
  TarOptions tar_options_;
  HardLinks links_;
  std::string header_;
  uint64_t reported_ = 0;
};

}  // namespace

Result<AssembledLayer> Assemble(const Context& ctx, const EntrySource& source, const AssembleOptions& options,
                                content::Store& store, content::Lease* lease, ThreadPool& pool, BlobSink* sink,
                                const std::function<void(uint64_t)>& progress) {
  SLIPWAY_RETURN_IF_ERROR(ctx.Err());
  SLIPWAY_ASSIGN_OR_RETURN(const std::unique_ptr<content::Ingest> ingest, store.Begin({}));
  Output output(*ingest, sink);
  CompressPipeline pipeline(ctx, StreamFormat(options.compression, options.level), pool,
                            [&](std::string_view bytes) { return output.Write(bytes); });
  SLIPWAY_RETURN_IF_ERROR(Assembly(source, options, pipeline, progress).Run());
  AssembledLayer layer;
  layer.diff_id = pipeline.digest();
  layer.tar_bytes = pipeline.size();
  layer.descriptor.media_type = oci::LayerMediaType(options.compression, options.family);
  layer.descriptor.size = static_cast<int64_t>(ingest->size());
  SLIPWAY_ASSIGN_OR_RETURN(layer.descriptor.digest, ingest->Commit(lease));
  return layer;
}

}  // namespace slipway::layer
