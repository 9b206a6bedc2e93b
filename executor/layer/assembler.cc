#include "executor/layer/assembler.h"

#include <algorithm>
#include <optional>
#include <unordered_map>

#include "executor/base/fs.h"
#include "executor/layer/compress_pipeline.h"
#include "executor/layer/survey.h"
#include "executor/layer/tar_writer.h"

namespace slipway::layer {

namespace {

/// The sink's failure ends the sink, not the assembly.
class Output {
 public:
  /// `ingest` may be null: the bytes are then hashed only.
  Output(std::unique_ptr<content::Ingest> ingest, BlobSink* sink) : ingest_(std::move(ingest)), sink_(sink) {}
  Status Write(std::string_view bytes) {
    if (bytes.empty()) return Status();
    size_ += bytes.size();
    if (ingest_ != nullptr) {
      SLIPWAY_RETURN_IF_ERROR(ingest_->Write(bytes));
    } else {
      hasher_.Update(bytes);
    }
    if (sink_ != nullptr && !sink_->Write(bytes).ok()) sink_ = nullptr;
    return Status();
  }
  Result<Digest> Finish(content::Lease* lease) {
    if (ingest_ != nullptr) return ingest_->Commit(lease);
    return hasher_.Finish();
  }
  uint64_t size() const { return size_; }

 private:
  const std::unique_ptr<content::Ingest> ingest_;
  BlobSink* sink_;
  Hasher hasher_;
  uint64_t size_ = 0;
};

/// Where blocks end, beside the most bytes that they may have. Names and sizes decide, and each block's end only by
/// what is near it: behind a change the blocks soon are those of before.
class Cuts {
 public:
  explicit Cuts(const StreamFormat& format) : least_(format.block_size() / 2), large_(2 * format.block_size()) {}

  /// Whether a block of `filled` bytes ends before the header of this entry.
  bool Before(const tree::Entry& entry, size_t filled) const { return filled >= least_ && ChosenByName(entry.path); }
  /// Whether a block ends before the content of a file: so the blocks of a large one depend on nothing else.
  bool BeforeContent(const tree::Entry& file) const { return file.size >= large_; }

 private:
  /// One name of 8. The hash is FNV-1a, whose upper bits are the well mixed ones.
  static bool ChosenByName(std::string_view path) {
    uint64_t hash = 0xcbf29ce484222325;
    for (const char c : path) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    return hash >> 61 == 0;
  }

  size_t least_;
  uint64_t large_;
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

/// Reads contents. Small ones that lie one behind the other in one file, as those of a context do in their pack, are
/// read many at a time.
class ContentReader {
 public:
  /// As Blob::ReadAt.
  Result<size_t> Read(const content::Blob& blob, std::span<char> out, uint64_t position) {
    const int64_t at = blob.offset() + static_cast<int64_t>(position);
    const auto size = static_cast<int64_t>(out.size());
    const bool goes_on = last_ && last_->fd() == blob.fd() && at == next_;
    last_ = blob;  // keeps the descriptor, so that no other file gets its number
    next_ = at + size;
    if (!goes_on) ahead_.set_size(0);
    if (!goes_on || out.size() > kSmall) return blob.ReadAt(out, position);
    if (at < begin_ || next_ > begin_ + static_cast<int64_t>(ahead_.view().size())) {
      ahead_.Reserve(kAhead);
      ahead_.set_size(0);
      SLIPWAY_ASSIGN_OR_RETURN(const size_t got, fs::ReadFullAt(blob.fd(), std::span(ahead_.data(), kAhead), at));
      ahead_.set_size(got);
      begin_ = at;
    }
    const std::string_view held = ahead_.view().substr(static_cast<size_t>(at - begin_), out.size());
    std::copy_n(held.data(), held.size(), out.data());
    return held.size();
  }

 private:
  static constexpr size_t kSmall = 32U << 10;
  static constexpr size_t kAhead = 256U << 10;
  std::optional<content::Blob> last_;
  int64_t next_ = 0;   // in the file, behind what was read last
  int64_t begin_ = 0;  // in the file, of what was read ahead
  ByteBuffer ahead_;
};

class Assembly {
 public:
  Assembly(const EntrySource& source, const AssembleOptions& options, const Cuts& cuts, CompressPipeline& pipeline,
           const std::function<void(uint64_t)>& progress)
      : source_(source), pipeline_(pipeline), progress_(progress), cuts_(cuts), links_(*source.tree) {
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
    if (cuts_.Before(entry, pipeline_.filled())) SLIPWAY_RETURN_IF_ERROR(pipeline_.Cut());
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
    if (cuts_.BeforeContent(file)) SLIPWAY_RETURN_IF_ERROR(pipeline_.Cut());
    for (uint64_t done = 0; done < file.size;) {
      const std::span<char> space = pipeline_.Space();
      const size_t wanted = static_cast<size_t>(std::min<uint64_t>(space.size(), file.size - done));
      SLIPWAY_ASSIGN_OR_RETURN(const size_t got, contents_.Read(blob, space.first(wanted), done));
      if (got != wanted) return DataLoss("the file changed while it was read: it ends after {} bytes", done + got);
      SLIPWAY_RETURN_IF_ERROR(pipeline_.Filled(got, file.digest, done));
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
  const Cuts cuts_;
  ContentReader contents_;
  HardLinks links_;
  std::string header_;
  uint64_t reported_ = 0;
};

StreamFormat FormatFor(const EntrySource& source, const AssembleOptions& options) {
  const bool by_default = options.level < 0 && options.compression != oci::Compression::kNone;
  return {options.compression, options.level, by_default ? SurveyEffort(source) : Effort::kDense};
}

}  // namespace

Result<AssembledLayer> Assemble(const Context& ctx, const EntrySource& source, const AssembleOptions& options,
                                content::Store& store, content::Lease* lease, ThreadPool& pool, BlobSink* sink,
                                const std::function<void(uint64_t)>& progress, BlockReuse* reuse) {
  SLIPWAY_RETURN_IF_ERROR(ctx.Err());
  std::unique_ptr<content::Ingest> ingest;
  if (options.keep || sink == nullptr) {
    SLIPWAY_ASSIGN_OR_RETURN(ingest, store.Begin({.expected = {}, .durable = content::Durable::kSoon}));
  }
  Output output(std::move(ingest), sink);
  const StreamFormat format = FormatFor(source, options);
  CompressPipeline pipeline(
      ctx, format, pool, [&](std::string_view bytes) { return output.Write(bytes); },
      reuse != nullptr ? reuse->earlier : nullptr);
  SLIPWAY_RETURN_IF_ERROR(Assembly(source, options, Cuts(format), pipeline, progress).Run());
  if (reuse != nullptr) reuse->blocks = pipeline.blocks();
  AssembledLayer layer;
  layer.diff_id = pipeline.digest();
  layer.tar_bytes = pipeline.size();
  layer.descriptor.media_type = oci::LayerMediaType(options.compression, options.family);
  layer.descriptor.size = static_cast<int64_t>(output.size());
  SLIPWAY_ASSIGN_OR_RETURN(layer.descriptor.digest, output.Finish(lease));
  return layer;
}

}  // namespace slipway::layer
