#include "executor/layer/pick_files.h"

#include <fcntl.h>

#include "executor/base/fs.h"
#include "executor/layer/archive_stream.h"
#include "executor/layer/entry_source.h"
#include "executor/layer/layer_key.h"

namespace slipway::layer {

namespace {

// An honest layer is bounded when it is indexed.
constexpr ArchiveLimits kLimits{};

}  // namespace

Status PickFiles(const Context& ctx, const ByteSource& source, const std::set<std::string>& wanted,
                 uint64_t max_file_bytes, const ArchiveLimits& limits, const FileVisitor& visit) {
  TarTree table(TarTree::Meaning::kLayer, limits, nullptr, nullptr);
  ArchiveStream archive(ctx, source, limits, HashBy::kNobody);
  const auto add = [&](tree::Entry entry) -> Status {
    const uint64_t size = entry.size;
    SLIPWAY_ASSIGN_OR_RETURN(const std::string* path, table.Place(std::move(entry)));
    if (path == nullptr || size > max_file_bytes || !wanted.contains(*path)) return Status();
    std::string content(size, '\0');
    while (true) {
      SLIPWAY_ASSIGN_OR_RETURN(const std::optional<TarChunk> chunk, archive.reader().NextChunk());
      if (!chunk) break;
      content.replace(chunk->offset, chunk->bytes.size(), chunk->bytes);
    }
    return visit(*path, std::move(content));
  };
  Status status = archive.ForEach(add);
  if (status.ok()) status = archive.Finish({});
  return status.ok() ? status : std::move(status).With("read files of a layer");
}

Status ReadFiles(const Context& ctx, Store& store, const Chain& chain, size_t position,
                 const std::set<std::string>& wanted, uint64_t max_file_bytes, const FileVisitor& visit,
                 const VertexProgress& progress) {
  const Key& key = chain.at(position);
  const bool recipe = IsRecipe(key);
  const bool upper = IsUpper(key);
  if (!recipe && !upper) {
    SLIPWAY_ASSIGN_OR_RETURN(content::Lease lease, store.content().NewLease("reading files of a layer"));
    SLIPWAY_ASSIGN_OR_RETURN(const AssembledLayer blob, store.Blob(ctx, key, {}, &lease, nullptr, progress));
    SLIPWAY_ASSIGN_OR_RETURN(const content::Blob bytes, store.content().Open(blob.descriptor.digest));
    return PickFiles(ctx, ReadBlob(bytes), wanted, max_file_bytes, kLimits, visit);
  }
  SLIPWAY_ASSIGN_OR_RETURN(const auto tree, store.Index(ctx, key, progress));
  UniqueFd folder;
  if (upper) {
    SLIPWAY_ASSIGN_OR_RETURN(const std::string dir, store.Unpacked(ctx, chain, position, progress));
    SLIPWAY_ASSIGN_OR_RETURN(folder, fs::Open(dir, O_RDONLY | O_DIRECTORY));
  }
  for (const std::string& path : wanted) {
    SLIPWAY_RETURN_IF_ERROR(ctx.Err());
    const tree::Entry* entry = tree->Find(path);
    if (entry == nullptr || !entry->is_file() || entry->size > max_file_bytes) continue;
    const auto open = [&] { return upper ? OpenFileIn(folder, *entry) : store.content().Open(entry->digest); };
    SLIPWAY_ASSIGN_OR_RETURN(const content::Blob blob, open());
    SLIPWAY_ASSIGN_OR_RETURN(std::string content, blob.ReadAll(max_file_bytes));
    SLIPWAY_RETURN_IF_ERROR(visit(path, std::move(content)));
  }
  return Status();
}

}  // namespace slipway::layer
