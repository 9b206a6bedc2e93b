#include "executor/source/trees.h"

#include <algorithm>
#include <set>

#include "executor/base/clock.h"

namespace slipway::source {

namespace {
std::string_view ParentOf(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

Status CheckEntry(const tree::Tree& tree, const tree::Entry& entry) {
  const Result<std::string> clean = tree::CleanPath(entry.path);
  if (!clean.ok() || *clean != entry.path) return InvalidArgument("the tree holds a path that is not clean");
  if (entry.path.empty()) return entry.is_dir() ? Status() : InvalidArgument("the tree's root is no folder");
  const std::string_view parent = ParentOf(entry.path);
  if (!parent.empty()) {
    const tree::Entry* folder = tree.Find(parent);
    if (folder == nullptr || !folder->is_dir())
      return InvalidArgument("'{}' lies in '{}', which is no folder", entry.path, parent);
  }
  switch (entry.type) {
    case tree::Type::kFile:
      if (entry.digest.empty()) return InvalidArgument("the file '{}' names no content", entry.path);
      break;
    case tree::Type::kHardlink: {
      const tree::Entry* target = tree.Find(entry.link);
      if (target == nullptr || !target->is_file()) return InvalidArgument("the link '{}' leads to no file", entry.path);
      break;
    }
    case tree::Type::kSymlink:
      if (entry.link.empty()) return InvalidArgument("the symbolic link '{}' has no target", entry.path);
      break;
    case tree::Type::kWhiteout: return InvalidArgument("'{}' is a whiteout, which only layers have", entry.path);
    case tree::Type::kDirectory:
    case tree::Type::kCharDevice:
    case tree::Type::kBlockDevice:
    case tree::Type::kFifo:
    case tree::Type::kSocket: break;
  }
  return {};
}
}  // namespace

Status TooManyEntries(uint64_t limit) {
  return ResourceExhausted(
      "the context has more than {} files and folders; the operator's limit is context.max_entries", limit);
}

Status TooManyBytes(uint64_t limit) {
  return ResourceExhausted("the context has more than {}; the operator's limit is context.max_total_bytes",
                           FormatBytes(limit));
}

Status FileTooLarge(std::string_view path, uint64_t size, uint64_t limit) {
  return ResourceExhausted(
      "the context's file '{}' has {}, more than {}; the operator's limit is context.max_file_bytes", path,
      FormatBytes(size), FormatBytes(limit));
}

Status CheckLimits(const tree::Tree& tree, const Limits& limits) {
  if (tree.size() > limits.max_entries) return TooManyEntries(limits.max_entries);
  uint64_t bytes = 0;
  for (const tree::Entry& entry : tree.entries()) {
    if (!entry.is_file()) continue;
    if (entry.size > limits.max_file_bytes) return FileTooLarge(entry.path, entry.size, limits.max_file_bytes);
    bytes += entry.size;
    if (bytes > limits.max_total_bytes) return TooManyBytes(limits.max_total_bytes);
  }
  return {};
}

tree::Tree WithParents(const tree::Tree& tree) {
  std::set<std::string, std::less<>> missing;
  for (const tree::Entry& entry : tree.entries()) {
    for (std::string_view parent = ParentOf(entry.path); !parent.empty(); parent = ParentOf(parent)) {
      if (missing.contains(parent) || tree.Find(parent) != nullptr) break;
      missing.emplace(parent);
    }
  }
  if (missing.empty()) return tree;
  std::vector<tree::Entry> entries = tree.entries();
  for (const std::string& path : missing) {
    tree::Entry folder;
    folder.path = path;
    folder.type = tree::Type::kDirectory;
    folder.mode = 0755;
    entries.push_back(std::move(folder));
  }
  return tree::Tree(std::move(entries));
}

Status CheckShape(const tree::Tree& tree) {
  for (const tree::Entry& entry : tree.entries()) SLIPWAY_RETURN_IF_ERROR(CheckEntry(tree, entry));
  return {};
}

Result<std::vector<Digest>> LeaseContents(const tree::Tree& tree, content::Store& store, content::Lease* lease) {
  std::vector<Digest> contents;
  for (const tree::Entry& entry : tree.entries()) {
    if (entry.is_file()) contents.push_back(entry.digest);
  }
  return store.Missing(contents, lease);
}

Result<std::shared_ptr<const tree::Tree>> RecallTree(const std::string& key, content::Store& store, Memo& memo,
                                                     const Limits& limits, content::Lease* lease) {
  const std::shared_ptr<const tree::Tree> none;
  SLIPWAY_ASSIGN_OR_RETURN(const std::optional<Digest> digest, memo.FindTree(key));
  if (!digest) return none;
  Result<content::Blob> blob = store.Open(*digest);
  if (!blob.ok()) return none;
  SLIPWAY_ASSIGN_OR_RETURN(const std::string bytes, blob->ReadAll(UINT64_MAX));
  Result<tree::Tree> tree = tree::Decode(bytes);
  if (!tree.ok() || !CheckLimits(*tree, limits).ok()) return none;
  // An earlier version may have remembered what is refused now.
  if (!CheckShape(*tree).ok()) return none;
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<Digest> missing, LeaseContents(*tree, store, lease));
  if (!missing.empty()) return none;
  return std::make_shared<const tree::Tree>(std::move(tree).value());
}

Status RememberTree(const std::string& key, const tree::Tree& tree, content::Store& store, Memo& memo,
                    content::Lease* lease) {
  SLIPWAY_ASSIGN_OR_RETURN(const Digest digest, store.Put(tree::Encode(tree), lease));
  return memo.AddTree(key, digest);
}

Result<tree::Tree> TreeOfFile(std::string_view name, std::string_view text, content::Store& store,
                              content::Lease* lease) {
  SLIPWAY_ASSIGN_OR_RETURN(const Digest digest, store.Put(text, lease));
  tree::Entry root;
  root.type = tree::Type::kDirectory;
  root.mode = 0755;
  tree::Entry file;
  file.path = std::string(name);
  file.mode = 0644;
  file.size = text.size();
  file.digest = digest;
  return tree::Tree({std::move(root), std::move(file)});
}

}  // namespace slipway::source
