// Unpacking into a folder: ApplyLayer and MaterializeTree.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "executor/base/fs.h"
#include "executor/layer/archive.h"
#include "executor/layer/archive_stream.h"
#include "executor/layer/folder_writer.h"

namespace slipway::layer {

namespace {

/// Does to a folder what the table decides.
class FolderSink : public TreeSink {
 public:
  FolderSink(FolderWriter& writer, const LowerAccess& lower) : writer_(writer), lower_(lower) {}

  Status Remove(const std::string& path, bool folder) override { return writer_.Remove(path, folder); }
  Status MakeFolder(const std::string& path) override { return writer_.MakeFolder(path); }
  Status MakeNode(const std::string& path, const tree::Entry& entry) override { return writer_.MakeNode(path, entry); }
  Status MakeLink(const std::string& path, const std::string& target) override {
    return writer_.MakeLink(path, target);
  }

  Status ChangeFile(const std::string& path, const tree::Entry& entry) override {
    return writer_.ChangeFile(path, entry);
  }

  Status CopyUp(const std::string& path, const tree::Entry& entry) override {
    if (!lower_.lower_file) return Unimplemented("copy up '{}': the layers below cannot be read", path);
    SLIPWAY_ASSIGN_OR_RETURN(const UniqueFd fd, lower_.lower_file(path));
    SLIPWAY_RETURN_IF_ERROR(writer_.BeginFile(path, entry));
    SLIPWAY_RETURN_IF_ERROR(writer_.CopyFrom(fd.get(), 0, entry.size, 0));
    return writer_.EndFile();
  }

 private:
  FolderWriter& writer_;
  const LowerAccess& lower_;
};

Status WriteContent(TarReader& reader, FolderWriter& writer) {
  while (true) {
    SLIPWAY_ASSIGN_OR_RETURN(const std::optional<TarChunk> chunk, reader.NextChunk());
    if (!chunk) return writer.EndFile();
    SLIPWAY_RETURN_IF_ERROR(writer.Write(chunk->bytes, chunk->offset));
  }
}

Status ApplyEntries(ArchiveStream& archive, TarTree& table, FolderWriter& writer) {
  const auto add = [&](tree::Entry entry) -> Status {
    tree::Entry metadata = entry.is_file() ? entry : tree::Entry();
    SLIPWAY_ASSIGN_OR_RETURN(const std::string* path, table.Place(std::move(entry)));
    if (path == nullptr) return Status();
    SLIPWAY_RETURN_IF_ERROR(writer.BeginFile(*path, metadata));
    return WriteContent(archive.reader(), writer);
  };
  return archive.ForEach(add);
}

/// Copies a file's content out of the content store.
Status MaterializeFile(const EntrySource& source, const tree::Entry& entry, FolderWriter& writer) {
  SLIPWAY_RETURN_IF_ERROR(writer.BeginFile(entry.path, entry));
  if (entry.size > 0) {
    SLIPWAY_ASSIGN_OR_RETURN(const content::Blob blob, source.open(entry));
    if (blob.size() != entry.size) return DataLoss("the content has {} bytes, not {}", blob.size(), entry.size);
    SLIPWAY_RETURN_IF_ERROR(writer.CopyFrom(blob.fd(), blob.offset(), blob.size(), 0));
  }
  return writer.EndFile();
}

Status MaterializeEntry(const EntrySource& source, const tree::Entry& entry, FolderWriter& writer) {
  switch (entry.type) {
    case tree::Type::kFile: return MaterializeFile(source, entry, writer);
    case tree::Type::kDirectory: return entry.path.empty() ? Status() : writer.MakeFolder(entry.path);
    case tree::Type::kSymlink:
    case tree::Type::kCharDevice:
    case tree::Type::kBlockDevice:
    case tree::Type::kFifo:
    case tree::Type::kWhiteout: return writer.MakeNode(entry.path, entry);
    case tree::Type::kHardlink:  // once all files are there: a link may come before its file
    case tree::Type::kSocket: return Status();
  }
  return Status();
}

}  // namespace

Result<AppliedLayer> ApplyLayer(const Context& ctx, const ByteSource& source, oci::Compression compression,
                                const Digest& diff_id, const std::string& dir, const ArchiveLimits& limits,
                                const LowerAccess& lower) {
  const auto fail = [&](Status status) {
    return std::move(status).With(fmt::format("unpack a layer ({}) into '{}'", oci::CompressionName(compression), dir));
  };
  auto writer = FolderWriter::Open(dir);
  if (!writer.ok()) return fail(writer.status());
  FolderSink sink(*writer, lower);
  TarTree table(TarTree::Meaning::kLayer, limits, &lower, &sink);
  const bool hashed = !diff_id.empty();
  ArchiveStream archive(ctx, source, limits, hashed ? HashBy::kDecompressor : HashBy::kNobody,
                        hashed ? GzipSums::kLeftOut : GzipSums::kChecked);
  Status status = archive.CheckLayerCodec();
  if (status.ok()) status = ApplyEntries(archive, table, *writer);
  if (status.ok()) status = archive.Finish(diff_id);
  if (status.ok()) {
    // Of the root only what the layer says: an implied one stays as the caller made it.
    status = table.ForEachFolder([&](const std::string& path, const tree::Entry& entry, bool implied) {
      return path.empty() && implied && !entry.opaque ? Status() : writer->FinishFolder(path, entry);
    });
  }
  if (!status.ok()) return fail(std::move(status));
  AppliedLayer applied;
  applied.self_contained = !table.asked_lower();
  applied.index = table.Take();
  return applied;
}

Status MaterializeTree(const Context& ctx, const EntrySource& source, const std::string& dir) {
  SLIPWAY_ASSIGN_OR_RETURN(FolderWriter writer, FolderWriter::Open(dir));
  const auto& entries = source.tree->entries();
  const auto in_context = [&](Status status, const tree::Entry& entry) {
    return std::move(status).With(fmt::format("make '{}' in '{}'", entry.path, dir));
  };
  for (const tree::Entry& entry : entries) {
    SLIPWAY_RETURN_IF_ERROR(ctx.Err());
    SLIPWAY_RETURN_IF_ERROR(in_context(MaterializeEntry(source, entry, writer), entry));
  }
  for (const tree::Entry& entry : entries) {
    if (entry.type == tree::Type::kHardlink)
      SLIPWAY_RETURN_IF_ERROR(in_context(writer.MakeLink(entry.path, entry.link), entry));
  }
  for (const tree::Entry& entry : entries) {
    if (entry.is_dir()) SLIPWAY_RETURN_IF_ERROR(in_context(writer.FinishFolder(entry.path, entry), entry));
  }
  return Status();
}

Status SyncFolders(const std::string& dir) {
  SLIPWAY_ASSIGN_OR_RETURN(const UniqueFd fd, fs::Open(dir, O_RDONLY | O_DIRECTORY));
  return SyncFolders(fd.get(), dir);
}

Status SyncFolders(int fd, const std::string& dir) {
  return ::syncfs(fd) == 0 ? Status() : ErrnoStatus(errno, fmt::format("sync the file system of '{}'", dir));
}

}  // namespace slipway::layer
