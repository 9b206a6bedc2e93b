#include "executor/layer/unpacker.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <memory>

#include "executor/base/cleanup.h"
#include "executor/base/log.h"
#include "executor/layer/chain_lookup.h"
#include "executor/layer/entry_source.h"

namespace slipway::layer {

namespace {

/// A folder that becomes an overlay's lower.
Result<fs::TempDir> NewFolder(const Layout& layout) {
  SLIPWAY_ASSIGN_OR_RETURN(fs::TempDir folder, fs::TempDir::Make(layout.Temporary(), "unpack-"));
  if (::chmod(folder.path().c_str(), 0755) != 0) {
    return ErrnoStatus(errno, fmt::format("change the mode of '{}'", folder.path()));
  }
  return folder;
}

}  // namespace

Result<std::string> Unpacker::Known(const LayerRow& row, const std::string& below) {
  if (!row.upper.empty()) return row.upper;
  SLIPWAY_ASSIGN_OR_RETURN(std::string folder, parts_.records.Unpacked(row.key, below));
  return fs::Exists(folder) ? folder : std::string();
}

Result<std::string> Unpacker::Folder(const Context& ctx, const Chain& chain, size_t position,
                                     const VertexProgress& progress) {
  SLIPWAY_ASSIGN_OR_RETURN(const LayerRow row, parts_.records.Get(chain.at(position)));
  SLIPWAY_ASSIGN_OR_RETURN(std::string known, Known(row, ChainId(chain, position)));
  if (!known.empty()) return known;
  const Cleanup settle([this] { parts_.settler.Wake(); });
  return Missing(ctx, chain, position, row, progress);
}

Result<std::string> Unpacker::Missing(const Context& ctx, const Chain& chain, size_t position, const LayerRow& row,
                                      const VertexProgress& progress) {
  return parts_.unpackings.Do(ctx, UnpackingOf(chain, position), [&]() -> Result<std::string> {
    SLIPWAY_ASSIGN_OR_RETURN(std::string known, Known(row, ChainId(chain, position)));
    if (!known.empty()) return known;
    return Unpack(ctx, chain, position, row, progress);
  });
}

Result<std::vector<std::string>> Unpacker::Folders(const Context& ctx, const Chain& chain,
                                                   const VertexProgress& progress) {
  std::vector<std::string> folders(chain.size());
  std::vector<std::pair<size_t, LayerRow>> missing;
  for (size_t i = 0; i < chain.size(); ++i) {
    SLIPWAY_ASSIGN_OR_RETURN(LayerRow row, parts_.records.Get(chain[i]));
    SLIPWAY_ASSIGN_OR_RETURN(folders[i], Known(row, ChainId(chain, i)));
    if (folders[i].empty()) missing.emplace_back(i, std::move(row));
  }
  if (!missing.empty()) {
    // Once, when all are there: the sync is not to compete with those that are still being written.
    const Cleanup settle([this] { parts_.settler.Wake(); });
    TaskGroup group(parts_.pool);
    for (const auto& [i, row] : missing) {
      group.Run([&, i = i, &row = row]() -> Status {
        SLIPWAY_ASSIGN_OR_RETURN(folders[i], Missing(ctx, chain, i, row, progress));
        return Status();
      });
    }
    SLIPWAY_RETURN_IF_ERROR(group.Wait());
  }
  return std::vector<std::string>(folders.rbegin(), folders.rend());
}

Result<std::string> Unpacker::Unpack(const Context& ctx, const Chain& chain, size_t position, const LayerRow& row,
                                     const VertexProgress& progress) {
  SLIPWAY_ASSIGN_OR_RETURN(Filled filled, row.recipe.empty() ? FillFromBlob(ctx, chain, position, row, progress)
                                                             : FillFromRecipe(ctx, row, progress));
  const std::string folder = parts_.layout.NewUnpacked();
  SLIPWAY_RETURN_IF_ERROR(fs::Rename(filled.folder.path(), folder));
  filled.folder.Release();
  // The layer may have been forgotten meanwhile, and then nobody else would remove it.
  Cleanup unrecorded([&folder] {
    const Status removed = fs::RemoveAll(folder);
    if (!removed.ok()) spdlog::warn("remove a folder that is not recorded: {}", removed.message());
  });
  SLIPWAY_ASSIGN_OR_RETURN(const std::string mark, parts_.settler.Mark());
  SLIPWAY_RETURN_IF_ERROR(
      parts_.records.AddUnpacked(row.key, filled.alone ? "" : ChainId(chain, position), folder, mark)
          .With(fmt::format("record the folder of layer '{}'", row.key)));
  unrecorded.Release();
  return folder;
}

Result<Unpacker::Filled> Unpacker::FillFromRecipe(const Context& ctx, const LayerRow& row,
                                                  const VertexProgress& progress) {
  Filled filled;
  SLIPWAY_ASSIGN_OR_RETURN(TreePtr entries, parts_.indexes.Get(ctx, row.key, progress));
  SLIPWAY_ASSIGN_OR_RETURN(filled.folder, NewFolder(parts_.layout));
  SLIPWAY_RETURN_IF_ERROR(MaterializeTree(ctx, FromContents(std::move(entries), parts_.content), filled.folder.path()));
  return filled;
}

Result<Unpacker::Filled> Unpacker::FillFromBlob(const Context& ctx, const Chain& chain, size_t position,
                                                const LayerRow& row, const VertexProgress& progress) {
  Filled filled;
  const LowerAccess lower = LowerOf(ctx, chain, position, progress);
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<Remote> places, parts_.records.Remotes(row.key));
  const auto use = [&](const ByteSource& source, oci::Compression compression) -> Status {
    // A new one each time: what a broken download left is no beginning for the next.
    SLIPWAY_ASSIGN_OR_RETURN(filled.folder, NewFolder(parts_.layout));
    SLIPWAY_ASSIGN_OR_RETURN(AppliedLayer applied,
                             ApplyLayer(ctx, source, compression, row.diff_id, filled.folder.path(), limits_, lower));
    filled.alone = applied.self_contained;
    parts_.indexes.Found(row, std::make_shared<const tree::Tree>(std::move(applied.index)));
    return Status();
  };
  SLIPWAY_RETURN_IF_ERROR(parts_.downloads.Read(ctx, places, progress, use).With(fmt::format("layer '{}'", row.key)));
  return filled;
}

LowerAccess Unpacker::LowerOf(const Context& ctx, const Chain& chain, size_t position, const VertexProgress& progress) {
  struct Below {
    Chain chain;
    std::vector<TreePtr> indexes;  // as far as they were looked into
  };
  const auto below = std::make_shared<Below>();
  below->chain.assign(chain.begin(), chain.begin() + static_cast<ptrdiff_t>(position));
  below->indexes.resize(position);
  const auto look_up = [this, below, ctx, progress](const std::string& path) -> Result<Located> {
    const auto index_at = [&](size_t i) -> Result<TreePtr> {
      if (below->indexes[i] == nullptr) {
        SLIPWAY_ASSIGN_OR_RETURN(below->indexes[i], parts_.indexes.GetBelow(ctx, below->chain, i, progress));
      }
      return below->indexes[i];
    };
    SLIPWAY_ASSIGN_OR_RETURN(std::optional<Located> found, LookUp(below->chain.size(), index_at, path));
    if (!found) return NotFound("'{}' is not in the layers below", path);
    return *std::move(found);
  };
  LowerAccess access;
  access.lower = [look_up](const std::string& path) -> Result<tree::Entry> {
    SLIPWAY_ASSIGN_OR_RETURN(Located found, look_up(path));
    return std::move(found.entry);
  };
  access.lower_file = [this, below, look_up, ctx, progress](const std::string& path) -> Result<UniqueFd> {
    SLIPWAY_ASSIGN_OR_RETURN(const Located found, look_up(path));
    SLIPWAY_ASSIGN_OR_RETURN(const std::string folder, Folder(ctx, below->chain, found.layer, progress));
    SLIPWAY_ASSIGN_OR_RETURN(const UniqueFd root, fs::Open(folder, O_RDONLY | O_DIRECTORY));
    return OpenRegularIn(root, found.entry.path);
  };
  return access;
}

}  // namespace slipway::layer
