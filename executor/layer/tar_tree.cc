#include "executor/layer/tar_tree.h"

#include <algorithm>
#include <deque>

#include "executor/base/fs.h"
#include "executor/layer/overlay_format.h"

namespace slipway::layer {

namespace {

constexpr size_t kLongestPath = 4096;
/// Of a symbolic link: Linux makes none with a longer one.
constexpr size_t kLongestTarget = 4095;
/// As the kernel has it.
constexpr int kMostLinksOnTheWay = 40;
/// Of elements looked at for one path, so that links made of long paths cost no more than a long path.
constexpr int kMostSteps = 8192;
/// What an entry costs in the table beside its texts, roughly.
constexpr uint64_t kEntryBytes = 400;
/// And an attribute of it, beside its name and value.
constexpr uint64_t kXattrBytes = 64;
/// Of the names of one entry's attributes, each with its end: more are not listed by Linux, so nobody can have read
/// them.
constexpr uint64_t kMostXattrNames = 64U << 10;
constexpr int kMostLinksBelow = 8;

std::string Child(std::string_view folder, std::string_view name) {
  return folder.empty() ? std::string(name) : fmt::format("{}/{}", folder, name);
}

std::string_view ParentOf(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

bool IsBelow(std::string_view path, std::string_view folder) {
  return folder.empty() ? !path.empty()
                        : path.size() > folder.size() && path.starts_with(folder) && path[folder.size()] == '/';
}

uint64_t XattrBytes(const tree::Entry& entry) {
  uint64_t bytes = 0;
  for (const auto& [name, value] : entry.xattrs) bytes += kXattrBytes + name.size() + value.size();
  return bytes;
}

Status CheckXattrs(const tree::Entry& entry) {
  uint64_t names = 0;
  for (const auto& [name, value] : entry.xattrs) names += name.size() + 1;
  if (names <= kMostXattrNames) return Status();
  return InvalidArgument("archive entry '{}' has extended attributes with names of {} bytes; Linux has no more than {}",
                         entry.path, names, kMostXattrNames);
}

Status CheckTarget(std::string_view target) {
  if (target.size() <= kLongestTarget) return Status();
  return InvalidArgument("the target of a symbolic link has {} bytes, more than Linux allows ({})", target.size(),
                         kLongestTarget);
}

tree::Entry PlainFolder() {
  tree::Entry entry;
  entry.type = tree::Type::kDirectory;
  entry.mode = 0755;
  return entry;
}

/// Puts the elements of `path` in front of `rest`.
void Prepend(std::string_view path, std::deque<std::string>& rest) {
  while (!path.empty()) {
    const size_t slash = path.rfind('/');
    const std::string_view name = slash == std::string_view::npos ? path : path.substr(slash + 1);
    if (!name.empty() && name != ".") rest.emplace_front(name);
    path = path.substr(0, slash == std::string_view::npos ? 0 : slash);
  }
}

}  // namespace

TarTree::TarTree(Meaning meaning, const ArchiveLimits& limits, const LowerAccess* lower, TreeSink* sink)
    : meaning_(meaning), limits_(limits), lower_(lower), sink_(sink), last_(nodes_.end()) {
  if (lower_ != nullptr && !lower_->lower) lower_ = nullptr;
}

Status TarTree::Count(const tree::Entry& entry) {
  if (++entries_ > limits_.max_entries)
    return ResourceExhausted("the archive has more than {} entries", limits_.max_entries);
  SLIPWAY_RETURN_IF_ERROR(CheckXattrs(entry));
  if (!entry.is_file()) return Status();
  if (entry.size > limits_.max_file_bytes) {
    return ResourceExhausted("archive entry '{}' has {} bytes, more than {}", entry.path, entry.size,
                             limits_.max_file_bytes);
  }
  content_bytes_ += entry.size;
  if (content_bytes_ <= limits_.max_total_bytes) return Status();
  return ResourceExhausted("the archive's files have more than {} bytes", limits_.max_total_bytes);
}

Status TarTree::CountBytes(uint64_t bytes) {
  table_bytes_ += bytes;
  if (table_bytes_ <= limits_.max_table_bytes) return Status();
  return ResourceExhausted("the archive's table of entries has more than {} bytes", limits_.max_table_bytes);
}

TarTree::Node* TarTree::Find(std::string_view path) {
  const auto it = nodes_.find(path);
  return it != nodes_.end() ? &it->second : nullptr;
}

Result<TarTree::Nodes::iterator> TarTree::Insert(const std::string& path, Node node) {
  if (path.size() > kLongestPath)
    return InvalidArgument("a path of {} bytes is longer than {}", path.size(), kLongestPath);
  SLIPWAY_RETURN_IF_ERROR(CountBytes(kEntryBytes + path.size() + node.entry.link.size() + XattrBytes(node.entry)));
  node.entry.path.clear();
  // Archives are mostly sorted: the next entry belongs right behind the last one.
  const auto hint = last_ == nodes_.end() ? last_ : std::next(last_);
  last_ = nodes_.emplace_hint(hint, path, std::move(node));
  return last_;
}

Result<bool> TarTree::Clear(const std::string& path) {
  const auto it = nodes_.find(path);
  if (it == nodes_.end()) return false;
  const bool folder = it->second.entry.is_dir();
  auto end = std::next(it);
  while (end != nodes_.end() && IsBelow(end->first, path)) ++end;
  last_ = nodes_.end();
  nodes_.erase(it, end);
  folder_name_.clear();
  if (sink_ != nullptr) SLIPWAY_RETURN_IF_ERROR(sink_->Remove(path, folder));
  return true;
}

Result<std::optional<tree::Entry>> TarTree::AskLower(const std::string& path) {
  if (lower_ == nullptr) return std::optional<tree::Entry>();
  for (std::string_view above = path; !above.empty();) {
    above = ParentOf(above);
    const Node* node = Find(above);
    if (node != nullptr && node->entry.opaque) return std::optional<tree::Entry>();
  }
  asked_lower_ = true;
  auto found = lower_->lower(path);
  if (found.ok()) return std::optional<tree::Entry>(*std::move(found));
  if (found.code() == Code::kNotFound) return std::optional<tree::Entry>();
  return std::move(found).status();
}

Status TarTree::MakeImplied(const std::string& path, tree::Entry entry) {
  // A long path makes many folders at once, so these count as well.
  if (++entries_ > limits_.max_entries)
    return ResourceExhausted("the archive has more than {} entries", limits_.max_entries);
  SLIPWAY_RETURN_IF_ERROR(Insert(path, {.entry = std::move(entry), .implied = true}).status());
  return sink_ != nullptr ? sink_->MakeFolder(path) : Status();
}

// One element on the way to an entry: makes sure that `path` is a folder, or gives the target of the link that it is.
Result<std::optional<std::string>> TarTree::EnterFolder(const std::string& path, bool may_make) {
  const Node* node = Find(path);
  if (node == nullptr) {
    SLIPWAY_ASSIGN_OR_RETURN(std::optional<tree::Entry> below, AskLower(path));
    if (below && below->type == tree::Type::kSymlink) return std::optional<std::string>(std::move(below->link));
    if (!may_make) return InvalidArgument("a symbolic link leads to '/{}', which the archive does not have", path);
    tree::Entry entry = below && below->is_dir() ? *std::move(below) : PlainFolder();
    entry.opaque = false;
    SLIPWAY_RETURN_IF_ERROR(MakeImplied(path, std::move(entry)));
    return std::optional<std::string>();
  }
  if (node->entry.is_dir()) return std::optional<std::string>();
  if (node->entry.type == tree::Type::kSymlink) return std::optional<std::string>(node->entry.link);
  if (node->entry.type != tree::Type::kWhiteout) return InvalidArgument("'{}' is not a folder", path);
  SLIPWAY_RETURN_IF_ERROR(Clear(path).status());
  tree::Entry entry = PlainFolder();
  entry.opaque = true;
  SLIPWAY_RETURN_IF_ERROR(MakeImplied(path, std::move(entry)));
  return std::optional<std::string>();
}

// The real path of a folder, with what is missing on the way made.
Result<std::string> TarTree::WalkFolders(std::string_view folder) {
  if (folder.empty()) return std::string();
  if (folder == folder_name_) return folder_real_;
  // All parents of what is in the table are folders in the table.
  if (const Node* node = Find(folder); node != nullptr && node->entry.is_dir()) {
    folder_name_ = folder_real_ = folder;
    return folder_real_;
  }
  std::deque<std::string> rest;
  Prepend(folder, rest);
  std::string at;
  int links = 0;
  // An archive that unpacks through its own link to an absolute path means something outside of it; only a layer, which
  // is unpacked at the root, may be the first to have that.
  size_t before_link = SIZE_MAX;  // elements that were left when such a link was met
  for (int steps = 0; !rest.empty(); ++steps) {
    if (steps > kMostSteps) return InvalidArgument("the way to '{}' has more than {} elements", folder, kMostSteps);
    const std::string name = std::move(rest.front());
    rest.pop_front();
    if (name == "..") {
      at = ParentOf(at);
      continue;
    }
    std::string next = Child(at, name);
    SLIPWAY_ASSIGN_OR_RETURN(const std::optional<std::string> link, EnterFolder(next, rest.size() < before_link));
    if (!link) {
      at = std::move(next);
      continue;
    }
    if (++links > kMostLinksOnTheWay) return InvalidArgument("too many symbolic links at '{}'", next);
    SLIPWAY_RETURN_IF_ERROR(CheckTarget(*link));  // it may be of a layer below, whose index is an older version's
    if (link->starts_with('/')) {
      at.clear();
      if (meaning_ == Meaning::kPlain) before_link = rest.size();
    }
    Prepend(*link, rest);
  }
  folder_name_ = folder;
  folder_real_ = at;
  return at;
}

Result<const std::string*> TarTree::Place(tree::Entry entry) {
  SLIPWAY_RETURN_IF_ERROR(Count(entry));
  SLIPWAY_ASSIGN_OR_RETURN(const std::string name, tree::CleanPath(entry.path));
  const auto fail = [&](Status status) { return std::move(status).With(fmt::format("archive entry '{}'", name)); };
  if (name.empty()) {
    if (!entry.is_dir() && meaning_ == Meaning::kPlain) return nullptr;  // as moby does: what is there stays
    if (!entry.is_dir()) return fail(InvalidArgument("the root is not a folder"));
    if (Status status = PlaceFolder(name, std::move(entry)); !status.ok()) return fail(std::move(status));
    return nullptr;
  }
  const std::string_view base = fs::BaseName(name);
  auto folder = WalkFolders(ParentOf(name));
  if (!folder.ok()) return fail(folder.status());
  if (meaning_ == Meaning::kLayer && base.starts_with(kWhiteoutPrefix)) {
    if (Status status = PlaceWhiteout(*folder, base); !status.ok()) return fail(std::move(status));
    return nullptr;
  }
  const std::string path = Child(*folder, base);
  const bool file = entry.is_file();
  Status status;
  if (entry.is_dir()) {
    status = PlaceFolder(path, std::move(entry));
  } else if (entry.type == tree::Type::kHardlink) {
    status = PlaceLink(path, std::move(entry));
  } else {
    status = PlaceNode(path, std::move(entry));
  }
  if (!status.ok()) return fail(std::move(status));
  return file ? &last_->first : nullptr;
}

void TarTree::SetDigest(const Digest& digest) { last_->second.entry.digest = digest; }

Status TarTree::PlaceWhiteout(const std::string& folder, std::string_view base) {
  if (base == kOpaqueMarker) return PlaceOpaque(folder);
  if (base.starts_with(kWhiteoutMetaPrefix)) return Status();
  const std::string_view hidden = base.substr(kWhiteoutPrefix.size());
  if (hidden.empty() || hidden == "." || hidden == "..") return InvalidArgument("this is no whiteout of anything");
  const std::string path = Child(folder, hidden);
  if (Node* node = Find(path); node != nullptr) {
    // A whiteout hides what is below this layer and nothing of the layer itself, wherever it stands in it.
    if (node->entry.is_dir()) node->entry.opaque = true;
    return Status();
  }
  tree::Entry entry;
  entry.type = tree::Type::kWhiteout;
  return PlaceNode(path, std::move(entry));
}

Status TarTree::PlaceOpaque(const std::string& folder) {
  Node* node = Find(folder);
  if (node == nullptr) {  // the root, which no entry has named yet
    SLIPWAY_ASSIGN_OR_RETURN(const auto it, Insert(folder, {.entry = PlainFolder(), .implied = true}));
    node = &it->second;
  }
  node->entry.opaque = true;
  return Status();
}

Status TarTree::PlaceFolder(const std::string& path, tree::Entry entry) {
  entry.opaque = false;
  if (const auto it = nodes_.find(path); it != nodes_.end() && it->second.entry.is_dir()) {
    Node& node = it->second;
    SLIPWAY_RETURN_IF_ERROR(CountBytes(XattrBytes(entry)));
    entry.opaque = node.entry.opaque;
    entry.path.clear();
    node = {.entry = std::move(entry)};
    last_ = it;
    return Status();
  }
  // What stood here in this layer has hidden what is below it, and it stays hidden.
  SLIPWAY_ASSIGN_OR_RETURN(const bool replaced, Clear(path));
  entry.opaque = replaced && meaning_ == Meaning::kLayer;
  SLIPWAY_RETURN_IF_ERROR(Insert(path, {.entry = std::move(entry)}).status());
  return sink_ != nullptr && !path.empty() ? sink_->MakeFolder(path) : Status();
}

Status TarTree::PlaceNode(const std::string& path, tree::Entry entry) {
  if (entry.type == tree::Type::kSymlink) SLIPWAY_RETURN_IF_ERROR(CheckTarget(entry.link));
  SLIPWAY_RETURN_IF_ERROR(Clear(path).status());
  const bool file = entry.is_file();
  SLIPWAY_ASSIGN_OR_RETURN(const auto it, Insert(path, {.entry = std::move(entry)}));
  return sink_ != nullptr && !file ? sink_->MakeNode(path, it->second.entry) : Status();
}

Status TarTree::PlaceLink(const std::string& path, tree::Entry entry) {
  SLIPWAY_ASSIGN_OR_RETURN(const std::string name, tree::CleanPath(entry.link));
  if (name.empty()) return InvalidArgument("the hard link names a folder");
  SLIPWAY_ASSIGN_OR_RETURN(const std::string folder, WalkFolders(ParentOf(name)));
  const std::string target = Child(folder, fs::BaseName(name));
  Node* node = Find(target);
  if (node == nullptr) return PlaceLinkBelow(path, target, std::move(entry));
  if (node->entry.type == tree::Type::kWhiteout)
    return InvalidArgument("the hard link names '{}', which the layer removes", target);
  if (target == path) return Status();
  if (node->entry.is_dir()) return InvalidArgument("the hard link names the folder '{}'", target);
  if (IsBelow(target, path))
    return InvalidArgument("the hard link would take the place of '{}', which it names", target);
  if (node->entry.is_file()) return PlaceLinkTo(path, target, *node, entry);
  // A second name of a symlink or a device is as good as another one like it.
  return PlaceNode(path, node->entry);
}

Status TarTree::PlaceLinkTo(const std::string& path, const std::string& target, Node& file, const tree::Entry& link) {
  if (file.group < 0) {
    SLIPWAY_RETURN_IF_ERROR(CountBytes(kEntryBytes + XattrBytes(file.entry)));
    file.group = static_cast<int64_t>(groups_.size());
    groups_.push_back({.file = file.entry, .below = "", .first = ""});
  }
  SLIPWAY_RETURN_IF_ERROR(Clear(path).status());
  SLIPWAY_RETURN_IF_ERROR(Insert(path, {.entry = file.entry, .implied = false, .group = file.group}).status());
  if (sink_ != nullptr) SLIPWAY_RETURN_IF_ERROR(sink_->MakeLink(path, target));
  return TakeOver(link, groups_[static_cast<size_t>(file.group)].file, path);
}

// Owner, mode and time in a link's header are the file's from then on: unpackers set them by whatever name they have.
Status TarTree::TakeOver(const tree::Entry& link, tree::Entry& file, const std::string& path) {
  const bool same_attributes = link.xattrs.empty() || link.xattrs == file.xattrs;
  if (link.mode == file.mode && link.uid == file.uid && link.gid == file.gid && link.mtime == file.mtime &&
      same_attributes) {
    return Status();
  }
  file.mode = link.mode;
  file.uid = link.uid;
  file.gid = link.gid;
  file.mtime = link.mtime;
  if (!same_attributes) {
    SLIPWAY_RETURN_IF_ERROR(CountBytes(XattrBytes(link)));
    file.xattrs = link.xattrs;
  }
  return sink_ != nullptr ? sink_->ChangeFile(path, file) : Status();
}

Status TarTree::PlaceLinkBelow(const std::string& path, const std::string& target, tree::Entry entry) {
  if (meaning_ == Meaning::kPlain) {
    return InvalidArgument("the hard link names '{}', which is not in the archive before it", target);
  }
  if (lower_ == nullptr) {
    if (sink_ != nullptr) return InvalidArgument("the hard link names '{}', which the layer does not have", target);
    entry.link = target;
    entry.size = 0;
    return PlaceNode(path, std::move(entry));
  }
  SLIPWAY_ASSIGN_OR_RETURN(std::optional<tree::Entry> below, AskLower(target));
  std::string at = target;
  for (int i = 0; below && below->type == tree::Type::kHardlink && i < kMostLinksBelow; ++i) {
    at = below->link;
    SLIPWAY_ASSIGN_OR_RETURN(below, AskLower(at));
  }
  if (!below) return InvalidArgument("the hard link names '{}', which neither the layer nor one below it has", target);
  if (below->is_file()) return CopyUpAndLink(path, target, *std::move(below), entry);
  if (below->is_dir() || below->type == tree::Type::kHardlink) {
    return InvalidArgument("the hard link names '{}', which is no file", target);
  }
  return PlaceNode(path, *std::move(below));
}

// As overlayfs does when a file of a lower layer gets another name: it comes up under its own name first.
Status TarTree::CopyUpAndLink(const std::string& path, const std::string& target, tree::Entry file,
                              const tree::Entry& link) {
  if (path == target || IsBelow(target, path)) return InvalidArgument("the hard link takes the place of '{}'", target);
  SLIPWAY_RETURN_IF_ERROR(Clear(target).status());
  SLIPWAY_RETURN_IF_ERROR(CountBytes(kEntryBytes + XattrBytes(file)));
  const auto group = static_cast<int64_t>(groups_.size());
  groups_.push_back({.file = file, .below = target, .first = ""});
  file.opaque = false;
  if (sink_ != nullptr) SLIPWAY_RETURN_IF_ERROR(sink_->CopyUp(target, file));
  SLIPWAY_ASSIGN_OR_RETURN(const auto it, Insert(target, {.entry = std::move(file), .implied = true, .group = group}));
  return PlaceLinkTo(path, target, it->second, link);
}

Status TarTree::ForEachFolder(
    const std::function<Status(const std::string& path, const tree::Entry& entry, bool implied)>& visit) const {
  for (const auto& [path, node] : nodes_) {
    if (node.entry.is_dir()) SLIPWAY_RETURN_IF_ERROR(visit(path, node.entry, node.implied));
  }
  return Status();
}

// Of the names of one file the first in the tree's order is the file, the others are links to it.
tree::Entry TarTree::Final(Node node, const std::string& path) {
  tree::Entry entry = std::move(node.entry);
  if (node.group < 0) {
    entry.path = path;
    return entry;
  }
  Group& group = groups_[static_cast<size_t>(node.group)];
  entry = group.file;
  entry.path = path;
  if (group.below.empty() && group.first.empty()) {
    group.first = path;
    return entry;
  }
  entry.type = tree::Type::kHardlink;
  entry.link = group.below.empty() ? group.first : group.below;
  entry.size = 0;
  entry.digest = Digest();
  entry.xattrs.clear();
  return entry;
}

tree::Tree TarTree::Take() {
  std::vector<tree::Entry> entries;
  entries.reserve(nodes_.size());
  while (!nodes_.empty()) {
    auto node = nodes_.extract(nodes_.begin());
    const bool implied = node.mapped().implied && !(node.mapped().entry.is_dir() && node.mapped().entry.opaque);
    if (!implied) entries.push_back(Final(std::move(node.mapped()), node.key()));
  }
  last_ = nodes_.end();
  return tree::Tree(std::move(entries));
}

}  // namespace slipway::layer
