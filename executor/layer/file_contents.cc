#include "executor/layer/file_contents.h"

#include <fcntl.h>

#include <map>

#include "executor/base/fs.h"
#include "executor/layer/entry_source.h"

namespace slipway::layer {

namespace {
Result<std::string> ReadWhole(const content::Blob& blob, const tree::Entry& file) {
  auto bytes = blob.ReadAll();
  if (!bytes.ok()) return std::move(bytes).status().With(fmt::format("'/{}'", file.path));
  return bytes;
}
}  // namespace

Result<Digest> FileContents::Take(const Context& ctx, const Chain& chain, size_t position, const tree::Entry& file,
                                  content::Lease* lease, const VertexProgress& progress) {
  if (!file.digest.empty()) {
    if (lease != nullptr) SLIPWAY_RETURN_IF_ERROR(lease->Add(file.digest));
    return file.digest;
  }
  SLIPWAY_ASSIGN_OR_RETURN(const content::Blob blob, Open(ctx, chain, position, file, progress));
  if (file.size <= content::kLargestPacked) {
    SLIPWAY_ASSIGN_OR_RETURN(const std::string bytes, ReadWhole(blob, file));
    return content_.Put(bytes, lease);
  }
  // By what is open: the path is of an image, and only the opening has seen to it that it stays in the folder.
  auto linked = content_.PutOpenFile(blob.fd(), file.size, lease);
  if (!linked.ok()) return std::move(linked).status().With(fmt::format("take in '/{}'", file.path));
  return linked;
}

Result<std::vector<Digest>> FileContents::TakeAll(const Context& ctx, const Chain& chain,
                                                  const std::vector<Store::FileAt>& files, content::Lease* lease,
                                                  const VertexProgress& progress) {
  SLIPWAY_ASSIGN_OR_RETURN(const std::unique_ptr<content::BatchIngest> batch, content_.BeginBatch());
  std::map<size_t, UniqueFd> folders;  // of the layers, by position
  std::vector<Digest> out;
  out.reserve(files.size());
  for (const auto& [position, file] : files) {
    SLIPWAY_RETURN_IF_ERROR(ctx.Err());
    if (!file.digest.empty() || file.size > content::kLargestPacked) {
      SLIPWAY_ASSIGN_OR_RETURN(out.emplace_back(), Take(ctx, chain, position, file, lease, progress));
      continue;
    }
    UniqueFd& folder = folders[position];
    if (!folder.valid()) {
      SLIPWAY_ASSIGN_OR_RETURN(const std::string path, unpacker_.Folder(ctx, chain, position, progress));
      SLIPWAY_ASSIGN_OR_RETURN(folder, fs::Open(path, O_RDONLY | O_DIRECTORY));
    }
    SLIPWAY_ASSIGN_OR_RETURN(const content::Blob blob, OpenFileIn(folder, file));
    SLIPWAY_ASSIGN_OR_RETURN(const std::string bytes, ReadWhole(blob, file));
    SLIPWAY_ASSIGN_OR_RETURN(out.emplace_back(), batch->Add(bytes));
  }
  SLIPWAY_RETURN_IF_ERROR(batch->Commit(lease));
  return out;
}

Result<content::Blob> FileContents::Open(const Context& ctx, const Chain& chain, size_t position,
                                         const tree::Entry& file, const VertexProgress& progress) {
  if (!file.digest.empty()) return content_.Open(file.digest);
  SLIPWAY_ASSIGN_OR_RETURN(const std::string folder, unpacker_.Folder(ctx, chain, position, progress));
  SLIPWAY_ASSIGN_OR_RETURN(const UniqueFd root, fs::Open(folder, O_RDONLY | O_DIRECTORY));
  return OpenFileIn(root, file);
}

}  // namespace slipway::layer
