#include "executor/layer/view.h"

#include <algorithm>
#include <map>
#include <unordered_set>

#include "executor/base/fs.h"
#include "executor/tree/follow.h"

namespace slipway::layer {

namespace {

bool IsBelow(std::string_view path, std::string_view folder) {
  return path.size() > folder.size() && path.starts_with(folder) && path[folder.size()] == '/';
}

}  // namespace

View::View(Store& store, Chain chain, VertexProgress progress)
    : store_(store),
      chain_(std::move(chain)),
      progress_(std::move(progress)),
      indexes_(chain_.size()),
      implied_(std::make_shared<std::deque<tree::Entry>>()) {}

Result<std::shared_ptr<const tree::Tree>> View::Layer(const Context& ctx, size_t position) {
  if (indexes_[position] == nullptr) {
    SLIPWAY_ASSIGN_OR_RETURN(indexes_[position], store_.Index(ctx, chain_[position], progress_));
  }
  return indexes_[position];
}

Result<std::optional<Located>> View::Lookup(const Context& ctx, std::string_view path) {
  return LookUp(
      chain_.size(), [&](size_t position) { return Layer(ctx, position); }, path);
}

Result<Resolved> View::Resolve(const Context& ctx, std::string_view path, bool follow_last) {
  std::optional<Located> at;
  const auto lookup = [&](const std::string& element) -> Result<const tree::Entry*> {
    SLIPWAY_ASSIGN_OR_RETURN(at, Lookup(ctx, element));
    return at ? &at->entry : nullptr;
  };
  const std::string clean = fs::Clean(fmt::format("/{}", path)).substr(1);
  SLIPWAY_ASSIGN_OR_RETURN(tree::Followed followed, tree::Follow(clean, follow_last, lookup));
  if (!followed.found) return Resolved{std::move(followed.path), std::nullopt};
  SLIPWAY_ASSIGN_OR_RETURN(at, Lookup(ctx, followed.path));
  return Resolved{std::move(followed.path), std::move(at)};
}

Seen View::Implied(std::string_view path, size_t layer) {
  return {.entry = &implied_->emplace_back(ImpliedDir(path)), .layer = layer, .implied = true};
}

Result<std::vector<View::Part>> View::PartsBelow(const Context& ctx, std::string_view path) {
  std::vector<Part> parts;
  for (size_t i = chain_.size(); i-- > 0;) {
    SLIPWAY_ASSIGN_OR_RETURN(const auto layer, Layer(ctx, i));
    auto [first, last] = layer->Range(path);
    const tree::Entry* folder =
        first < last && layer->entries()[first].path == path ? &layer->entries()[first] : nullptr;
    if (folder != nullptr) ++first;
    if (first < last) parts.push_back({.layer = i, .tree = layer.get(), .first = first, .last = last});
    if ((folder != nullptr && folder->opaque) || Hides(*layer, path)) break;
  }
  return parts;
}

// Only one layer has something there, as it is with every build context: its entries are in order as they stand.
std::vector<Seen> View::ListOne(const Part& part, std::string_view path) {
  std::vector<Seen> out;
  out.reserve(part.last - part.first);
  std::vector<std::string_view> above;  // what is listed and leads to the entry at hand
  for (size_t k = part.first; k < part.last; ++k) {
    const tree::Entry& entry = part.tree->entries()[k];
    if (entry.type == tree::Type::kWhiteout) continue;
    const std::string_view name = entry.path;
    while (!above.empty() && !IsBelow(name, above.back())) above.pop_back();
    const size_t known = above.empty() ? path.size() : above.back().size();
    for (size_t slash = name.find('/', known + 1); slash != std::string_view::npos; slash = name.find('/', slash + 1)) {
      out.push_back(Implied(name.substr(0, slash), part.layer));
      above.push_back(name.substr(0, slash));
    }
    out.push_back({.entry = &entry, .layer = part.layer, .implied = false});
    above.push_back(name);
  }
  return out;
}

std::vector<Seen> View::ListMerged(const std::vector<Part>& parts, std::string_view path) {
  std::map<std::string_view, Seen, decltype(&tree::PathLess)> merged(&tree::PathLess);
  // What upper layers say about a path: nothing below it, or nothing at it, shows through from lower layers.
  std::unordered_set<std::string_view> closed_below;
  std::unordered_set<std::string_view> closed_at;
  const auto hidden = [&](std::string_view entry) {
    if (closed_at.contains(entry)) return true;
    for (std::string_view at = entry; at.size() > path.size();) {
      at = ParentPath(at);
      if (closed_below.contains(at) || closed_at.contains(at)) return true;
      if (at.empty()) break;
    }
    return false;
  };
  for (const Part& part : parts) {
    std::vector<std::string_view> below;
    std::vector<std::string_view> at;
    for (size_t k = part.first; k < part.last; ++k) {
      const tree::Entry& entry = part.tree->entries()[k];
      if (hidden(entry.path)) continue;
      if (entry.type == tree::Type::kWhiteout) {
        at.push_back(entry.path);
        continue;
      }
      if (entry.opaque || !entry.is_dir()) below.push_back(entry.path);
      const Seen seen{.entry = &entry, .layer = part.layer, .implied = false};
      const auto [it, added] = merged.try_emplace(entry.path, seen);
      // A folder that an upper layer only implied shows the lower layer's owner and mode.
      if (!added && it->second.implied && entry.is_dir()) it->second = seen;
      for (std::string_view parent = ParentPath(entry.path); parent.size() > path.size(); parent = ParentPath(parent)) {
        if (merged.contains(parent)) break;
        const Seen implied = Implied(parent, part.layer);
        merged.emplace(implied.entry->path, implied);
      }
    }
    closed_below.insert(below.begin(), below.end());
    closed_at.insert(at.begin(), at.end());
  }
  std::vector<Seen> out;
  out.reserve(merged.size());
  for (const auto& [name, seen] : merged) out.push_back(seen);
  return out;
}

Result<std::vector<Seen>> View::Below(const Context& ctx, std::string_view path) {
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<Part> parts, PartsBelow(ctx, path));
  return parts.size() == 1 ? ListOne(parts.front(), path) : ListMerged(parts, path);
}

std::vector<std::shared_ptr<const void>> View::Indexes() const {
  std::vector<std::shared_ptr<const void>> out(indexes_.begin(), indexes_.end());
  out.push_back(implied_);
  return out;
}

Result<std::vector<std::string>> View::Names(const Context& ctx, std::string_view path) {
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<Seen> all, Below(ctx, path));
  const size_t skip = path.empty() ? 0 : path.size() + 1;
  std::vector<std::string> names;
  for (const Seen& seen : all) {
    const std::string_view rest = std::string_view(seen.entry->path).substr(skip);
    // All that is below a name comes right after it.
    const std::string_view name = rest.substr(0, rest.find('/'));
    if (names.empty() || names.back() != name) names.emplace_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

Result<Located> View::FileOf(const Context& ctx, Located at) {
  while (at.entry.type == tree::Type::kHardlink) {
    SLIPWAY_ASSIGN_OR_RETURN(const auto layer, Layer(ctx, at.layer));
    const tree::Entry* target = layer->Find(at.entry.link);
    if (target != nullptr && target->is_file()) {
      at.entry = *target;
      break;
    }
    // Another name of a file of a lower layer.
    View below(store_, Chain(chain_.begin(), chain_.begin() + static_cast<ptrdiff_t>(at.layer)), progress_);
    SLIPWAY_ASSIGN_OR_RETURN(std::optional<Located> found, below.Lookup(ctx, at.entry.link));
    if (!found) {
      return DataLoss("'/{}' is a hard link to '/{}', which is not in the image", at.entry.path, at.entry.link);
    }
    at = *std::move(found);
  }
  if (!at.entry.is_file()) return FailedPrecondition("'/{}' is not a regular file", at.entry.path);
  return at;
}

Result<Digest> View::Content(const Context& ctx, const Located& file, content::Lease* lease) {
  SLIPWAY_ASSIGN_OR_RETURN(const Located at, FileOf(ctx, file));
  return store_.FileContent(ctx, chain_, at.layer, at.entry, lease, progress_);
}

Result<std::vector<Digest>> View::Contents(const Context& ctx, const std::vector<Located>& files,
                                           content::Lease* lease) {
  std::vector<Store::FileAt> wanted;
  wanted.reserve(files.size());
  for (const Located& file : files) {
    SLIPWAY_ASSIGN_OR_RETURN(Located at, FileOf(ctx, file));
    wanted.push_back({.position = at.layer, .file = std::move(at.entry)});
  }
  return store_.FileContents(ctx, chain_, wanted, lease, progress_);
}

Result<std::string> View::ReadFile(const Context& ctx, std::string_view path, content::Store& content, uint64_t limit) {
  SLIPWAY_ASSIGN_OR_RETURN(const Resolved resolved, Resolve(ctx, path, /*follow_last=*/true));
  if (!resolved.found || resolved.found->entry.is_dir()) return NotFound("the image has no file '/{}'", path);
  SLIPWAY_ASSIGN_OR_RETURN(const Digest digest, Content(ctx, *resolved.found, nullptr));
  SLIPWAY_ASSIGN_OR_RETURN(const content::Blob blob, content.Open(digest));
  return blob.ReadAll(limit);
}

}  // namespace slipway::layer
