#include "executor/ops/layer_builder.h"

#include <algorithm>
#include <utility>

#include "executor/base/fs.h"
#include "executor/tree/follow.h"

namespace slipway::ops {

namespace {
std::string_view Parent(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

bool IsBelow(std::string_view path, std::string_view folder) {
  return !folder.empty() && path.size() > folder.size() && path.starts_with(folder) && path[folder.size()] == '/';
}
}  // namespace

// Whether an entry of ours at or above `path` hides what the layers below have there.
bool LayerBuilder::HiddenBelow(std::string_view path) const {
  for (std::string_view at = path; !at.empty();) {
    at = Parent(at);
    const tree::Entry* entry = Find(at);
    if (entry != nullptr && (!entry->is_dir() || entry->opaque)) return true;
  }
  return false;
}

Result<std::optional<tree::Entry>> LayerBuilder::Lookup(const Context& ctx, const std::string& path) {
  if (const tree::Entry* entry = Find(path)) return std::optional(*entry);
  const bool absent = IsBelow(path, absent_);
  if (below_ != nullptr && !absent && !HiddenBelow(path)) {
    SLIPWAY_ASSIGN_OR_RETURN(const std::optional<layer::Located> found, below_->Lookup(ctx, path));
    if (found) return std::optional(found->entry);
    absent_ = path;
  }
  if (path.empty()) {
    tree::Entry root;
    root.type = tree::Type::kDirectory;
    root.mode = 0755;
    return std::optional(root);
  }
  return std::optional<tree::Entry>();
}

Result<LayerBuilder::Place> LayerBuilder::Resolve(const Context& ctx, std::string_view path, bool follow_last) {
  std::optional<tree::Entry> at;
  const auto lookup = [&](const std::string& element) -> Result<const tree::Entry*> {
    SLIPWAY_ASSIGN_OR_RETURN(at, Lookup(ctx, element));
    return at ? &*at : nullptr;
  };
  SLIPWAY_ASSIGN_OR_RETURN(tree::Followed followed, tree::Follow(path, follow_last, lookup));
  if (!followed.found) return Place{std::move(followed.path), std::nullopt};
  SLIPWAY_ASSIGN_OR_RETURN(at, Lookup(ctx, followed.path));
  return Place{std::move(followed.path), std::move(at)};
}

Result<std::string> LayerBuilder::MakeFolders(const Context& ctx, std::string_view path, const NewFolder& as) {
  SLIPWAY_ASSIGN_OR_RETURN(Place place, Resolve(ctx, path, /*follow_last=*/true));
  if (place.entry) {
    if (!place.entry->is_dir()) return FailedPrecondition("'/{}' is there already, and is not a folder", place.path);
    return place.path;
  }
  // The first missing element and all after it.
  for (size_t end = 0; end != std::string::npos;) {
    end = place.path.find('/', end + 1);
    const std::string at = place.path.substr(0, end);
    SLIPWAY_ASSIGN_OR_RETURN(const std::optional<tree::Entry> found, Lookup(ctx, at));
    if (found) continue;
    tree::Entry folder;
    folder.path = at;
    folder.type = tree::Type::kDirectory;
    folder.mode = as.mode;
    folder.uid = as.uid;
    folder.gid = as.gid;
    folder.mtime = as.mtime;
    SLIPWAY_RETURN_IF_ERROR(Put(ctx, std::move(folder), /*replace_folder=*/false));
  }
  return place.path;
}

Status LayerBuilder::CarryParents(const Context& ctx, const std::string& path) {
  const std::string_view parent = Parent(path);
  if (parent.empty() || parent == carried_) return Status();
  std::vector<tree::Entry> carried;  // the deepest first
  for (std::string at(parent); !at.empty() && Find(at) == nullptr; at.resize(Parent(at).size())) {
    SLIPWAY_ASSIGN_OR_RETURN(std::optional<tree::Entry> found, Lookup(ctx, at));
    if (!found || !found->is_dir()) return Internal("'/{}' is put into '/{}', which is no folder", path, at);
    found->opaque = false;  // of the layer it comes from
    found->path = at;
    carried.push_back(*std::move(found));
  }
  for (; !carried.empty(); carried.pop_back()) Insert(std::move(carried.back()));
  carried_ = parent;
  return Status();
}

const tree::Entry* LayerBuilder::Find(std::string_view path) const {
  if (!line_.empty()) {
    if (tree::PathLess(line_.back().path, path)) return nullptr;  // as it mostly is
    const auto it = std::lower_bound(line_.begin(), line_.end(), path, ByPath());
    return it != line_.end() && it->path == path ? &*it : nullptr;
  }
  const auto it = entries_.find(path);
  return it != entries_.end() ? &*it : nullptr;
}

void LayerBuilder::Insert(tree::Entry entry) {
  if (entries_.empty()) {
    if (line_.empty() || tree::PathLess(line_.back().path, entry.path)) {
      line_.push_back(std::move(entry));
      return;
    }
    const auto it = std::lower_bound(line_.begin(), line_.end(), std::string_view(entry.path), ByPath());
    if (it->path == entry.path) {
      *it = std::move(entry);
      return;
    }
    Spread();
  }
  auto next = entries_.lower_bound(entry);
  if (next != entries_.end() && next->path == entry.path) next = entries_.erase(next);
  entries_.insert(next, std::move(entry));
}

void LayerBuilder::Spread() {
  for (tree::Entry& entry : line_) entries_.insert(entries_.end(), std::move(entry));
  line_ = {};
}

void LayerBuilder::Expect(size_t more) {
  if (!entries_.empty()) return;
  const size_t needed = line_.size() + more;
  if (needed > line_.capacity()) line_.reserve(std::max(needed, 2 * line_.capacity()));
}

void LayerBuilder::EraseBelow(const std::string& path) {
  carried_.clear();
  Spread();
  auto it = entries_.upper_bound(std::string_view(path));
  while (it != entries_.end() && IsBelow(it->path, path)) it = entries_.erase(it);
}

Status LayerBuilder::Put(const Context& ctx, tree::Entry entry, bool replace_folder) {
  SLIPWAY_ASSIGN_OR_RETURN(const std::optional<tree::Entry> there, Lookup(ctx, entry.path));
  if (there && there->is_dir() && !entry.is_dir()) {
    if (!replace_folder) return FailedPrecondition("cannot replace the folder '/{}' with a file", entry.path);
    EraseBelow(entry.path);
    emptied_.insert(entry.path);
  }
  if (there && !there->is_dir() && entry.is_dir() && !replace_folder) {
    return FailedPrecondition("cannot copy a folder to '/{}', which is not a folder", entry.path);
  }
  SLIPWAY_RETURN_IF_ERROR(CarryParents(ctx, entry.path));
  // A folder again where one was replaced before: what the layers below have in it must not come back.
  if (entry.is_dir() && emptied_.contains(entry.path)) entry.opaque = true;
  Insert(std::move(entry));
  return Status();
}

tree::Tree LayerBuilder::Take() {
  std::vector<tree::Entry> out = std::exchange(line_, {});
  out.reserve(out.size() + entries_.size());
  while (!entries_.empty()) out.push_back(std::move(entries_.extract(entries_.begin()).value()));
  return tree::Tree(std::move(out));
}

}  // namespace slipway::ops
