#include "executor/layer/merge.h"

#include <deque>

#include "executor/base/fs.h"

namespace slipway::layer {

namespace {

constexpr int kMostLinks = 255;
/// Of elements that are walked for one path, with those of the links on the way.
constexpr int kMostWalked = 8192;
/// Of a symbolic link, as Linux has it; recipes and indexes of older versions may have longer ones.
constexpr size_t kLongestLink = 4095;

std::string_view ParentOf(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

std::string Child(std::string_view folder, std::string_view name) {
  return folder.empty() ? std::string(name) : fmt::format("{}/{}", folder, name);
}

// The elements of `path` before those that wait.
void Prepend(std::string_view path, std::deque<std::string>& rest) {
  std::vector<std::string> parts;
  while (!path.empty()) {
    const size_t slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    if (!part.empty() && part != ".") parts.emplace_back(part);
    path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
  }
  rest.insert(rest.begin(), parts.begin(), parts.end());
}

tree::Entry PlainFolder(std::string path) {
  tree::Entry entry;
  entry.path = std::move(path);
  entry.type = tree::Type::kDirectory;
  entry.mode = 0755;
  return entry;
}

}  // namespace

// Where a path of a layer leads among what is there: symbolic links of its parents are followed.
Result<std::string> LayerMerge::RealPath(std::string_view path) {
  const std::string_view parent = ParentOf(path);
  if (parent.empty() && path.empty()) return std::string();
  const std::string_view base = fs::BaseName(path);
  if (parent == parent_ && !parent.empty()) return Child(parent_real_, base);
  std::deque<std::string> rest;
  Prepend(parent, rest);
  std::string at;
  int links = 0;
  for (int walked = 0; !rest.empty(); ++walked) {
    if (walked > kMostWalked) return InvalidArgument("'/{}' is a way of more than {} elements", path, kMostWalked);
    const std::string name = std::move(rest.front());
    rest.pop_front();
    if (name == "..") {
      at = ParentOf(at);
      continue;
    }
    std::string next = Child(at, name);
    const auto found = nodes_.find(next);
    if (found == nodes_.end() || found->second.entry.type != tree::Type::kSymlink) {
      at = std::move(next);
      continue;
    }
    if (++links > kMostLinks) return InvalidArgument("'/{}' goes through too many symbolic links", path);
    const std::string target = found->second.entry.link;
    if (target.size() > kLongestLink) {
      return InvalidArgument("the symbolic link '/{}' has a target of {} bytes, more than Linux allows ({})", next,
                             target.size(), kLongestLink);
    }
    if (target.starts_with('/')) at.clear();
    Prepend(target, rest);
  }
  parent_ = parent;
  parent_real_ = at;
  return Child(at, base);
}

void LayerMerge::MakeFolders(std::string_view path) {
  for (std::string_view parent = ParentOf(path); !parent.empty(); parent = ParentOf(parent)) {
    const auto found = nodes_.find(parent);
    if (found != nodes_.end() && found->second.entry.is_dir()) return;
    Node node{.entry = PlainFolder(std::string(parent)), .file = {}, .implied = true};
    // What was hidden by the thing that stood here stays hidden.
    node.entry.opaque = found != nodes_.end();
    nodes_.insert_or_assign(std::string(parent), std::move(node));
  }
}

void LayerMerge::EraseBelow(const std::string& path) {
  auto it = nodes_.upper_bound(path);
  while (it != nodes_.end() && (path.empty() || (it->first.size() > path.size() && it->first.starts_with(path) &&
                                                 it->first[path.size()] == '/'))) {
    it = nodes_.erase(it);
  }
}

void LayerMerge::Place(const std::string& path, tree::Entry entry, std::optional<FileId> file) {
  entry.path = path;
  const auto found = nodes_.find(path);
  if (entry.is_dir()) {
    if (entry.opaque) EraseBelow(path);
    if (found != nodes_.end()) {
      const tree::Entry& before = found->second.entry;
      entry.opaque = entry.opaque || !before.is_dir() || before.opaque;
    }
  } else {
    EraseBelow(path);
  }
  if (found == nodes_.end()) MakeFolders(path);
  nodes_.insert_or_assign(path, Node{.entry = std::move(entry), .file = std::move(file), .implied = false});
}

Status LayerMerge::Add(const tree::Tree& layer) {
  const size_t number = layers_++;
  parent_.clear();
  // Which file each further name means, before this layer changes anything: it may be one of a layer below.
  std::map<std::string_view, FileId> links;
  for (const tree::Entry& entry : layer.entries()) {
    if (entry.type != tree::Type::kHardlink) continue;
    const tree::Entry* file = layer.Find(entry.link);
    if (file != nullptr && file->is_file()) {
      links.emplace(entry.path, FileId(number, file->path));
      files_.try_emplace({number, file->path}, *file);
      continue;
    }
    SLIPWAY_ASSIGN_OR_RETURN(const std::string target, RealPath(entry.link));
    const auto below = nodes_.find(target);
    if (below == nodes_.end() || !below->second.file) continue;
    links.emplace(entry.path, *below->second.file);
    files_.try_emplace(*below->second.file, below->second.entry);
  }
  for (const tree::Entry& entry : layer.entries()) {
    SLIPWAY_ASSIGN_OR_RETURN(const std::string path, RealPath(entry.path));
    std::optional<FileId> file;
    if (entry.is_file()) file = FileId(number, entry.path);
    if (entry.type == tree::Type::kHardlink) {
      const auto found = links.find(entry.path);
      if (found != links.end()) file = found->second;
    }
    Place(path, entry, std::move(file));
    // A link that this entry has made, or a folder in the place of one, changes where paths lead.
    if (!entry.is_file()) parent_.clear();
  }
  return Status();
}

Result<std::vector<MergedEntry>> LayerMerge::Finish(bool over_base) && {
  std::vector<MergedEntry> out;
  out.reserve(nodes_.size());
  std::map<FileId, std::string> first_names;
  for (auto& [path, node] : nodes_) {
    MergedEntry merged{.entry = std::move(node.entry), .layer = 0, .source = {}};
    tree::Entry& entry = merged.entry;
    if (entry.type == tree::Type::kWhiteout && !over_base) continue;
    if (!over_base) entry.opaque = false;
    // Of a base, an implied folder is the base's own, and shows its owner and mode.
    if (node.implied && over_base && !entry.opaque) continue;
    if (node.file) {
      const auto shared = files_.find(*node.file);
      const tree::Entry file = shared != files_.end() ? shared->second : entry;
      const auto [first, is_first] = first_names.try_emplace(*node.file, path);
      entry = file;
      entry.path = path;
      if (is_first) {
        merged.layer = node.file->first;
        merged.source = file;
        merged.source.path = node.file->second;
      } else {
        entry.type = tree::Type::kHardlink;
        entry.link = first->second;
        entry.size = 0;
        entry.digest = Digest();
        entry.xattrs.clear();
      }
    } else if (entry.type == tree::Type::kHardlink && !over_base) {
      return FailedPrecondition("'/{}' is a hard link to '/{}', which no layer has", path, entry.link);
    }
    out.push_back(std::move(merged));
  }
  return out;
}

}  // namespace slipway::layer
