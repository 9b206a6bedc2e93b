#include "executor/layer/retention.h"

#include <string>

#include "executor/base/disk_usage.h"
#include "executor/base/fs.h"
#include "executor/base/log.h"
#include "executor/layer/indexes.h"

namespace slipway::layer {

void Retention::AddPin(const Chain* chain) {
  pins_.Lock()->insert(chain);
  auto all_new = new_.Lock();
  if (all_new->empty()) return;
  for (const Key& key : *chain) all_new->erase(key);
}

Result<std::vector<Digest>> Retention::ContentInUse() {
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<LayerRow> rows, records_.All());
  std::vector<Digest> out;
  for (const LayerRow& row : rows) {
    if (!row.index.empty()) out.push_back(row.index);
    if (row.recipe.empty()) continue;
    out.push_back(row.recipe);
    SLIPWAY_ASSIGN_OR_RETURN(const TreePtr tree, LoadTree(content_, row.recipe));
    for (const tree::Entry& entry : tree->entries()) {
      if (!entry.digest.empty()) out.push_back(entry.digest);
    }
  }
  return out;
}

void Retention::AddNew(std::unordered_set<Key>* kept) {
  auto all_new = new_.Lock();
  const auto now = now_();
  std::erase_if(*all_new, [now](const auto& one) { return now - one.second > kChildhood; });
  for (const auto& [key, since] : *all_new) kept->insert(key);
}

Status Retention::Retain(const std::vector<Key>& keep) {
  std::unordered_set<Key> kept(keep.begin(), keep.end());
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<LayerRow> rows, records_.All());
  std::vector<std::string> folders;
  {
    // Pins stay locked until the records are gone: whoever pins after that finds the layer unusable and makes it anew.
    auto pins = pins_.Lock();
    for (const Chain* chain : *pins) kept.insert(chain->begin(), chain->end());
    AddNew(&kept);
    std::vector<Key> gone;
    for (const LayerRow& row : rows) {
      if (!kept.contains(row.key)) gone.push_back(row.key);
    }
    SLIPWAY_ASSIGN_OR_RETURN(folders, records_.Forget(gone));
  }
  // One that cannot be removed does not keep the others; it goes at the next start.
  Status status;
  for (const std::string& folder : folders) {
    Status removed = fs::RemoveAll(folder);
    if (status.ok()) status = std::move(removed);
  }
  return status;
}

// Looks through those that were not there before only: a store may hold a million files.
Result<uint64_t> Retention::FolderBytes() {
  SLIPWAY_ASSIGN_OR_RETURN(const auto folders, records_.Folders());
  std::map<std::string, uint64_t> known = *measured_.Lock();
  std::map<std::string, uint64_t> now;
  uint64_t sum = 0;
  for (const auto& [folder, key] : folders) {
    const auto measured = known.find(folder);
    const uint64_t bytes =
        measured != known.end() ? measured->second : fs::DiskUsage(folder).ValueOr(0);  // it may have gone meanwhile
    now.emplace(folder, bytes);
    sum += bytes;
  }
  *measured_.Lock() = std::move(now);
  return sum;
}

Status SweepFolders(const Layout& layout, Records& records) {
  SLIPWAY_ASSIGN_OR_RETURN(const auto known, records.Folders());
  for (const std::string& folder : layout.Swept()) {
    SLIPWAY_ASSIGN_OR_RETURN(const std::vector<std::string> names, fs::ListDir(folder));
    for (const std::string& name : names) {
      const std::string path = fs::Join(folder, name);
      if (known.contains(path)) continue;
      spdlog::debug("remove '{}', which no record names", path);
      SLIPWAY_RETURN_IF_ERROR(fs::RemoveAll(path));
    }
  }
  return Status();
}

}  // namespace slipway::layer
