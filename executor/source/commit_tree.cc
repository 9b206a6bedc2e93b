#include "executor/source/commit_tree.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "executor/base/near_miss.h"
#include "executor/source/trees.h"

namespace slipway::source {

namespace {
constexpr size_t kLongestPath = 4096;
constexpr size_t kLongestLink = 4096;
constexpr int kMostLinksFollowed = 40;
constexpr size_t kPiece = 1U << 20;
constexpr uint64_t kLargestPointer = 1024;
constexpr std::string_view kLfsVersion = "version https://git-lfs.github.com/spec/v1\n";

Status Missing(int error, const git_oid& oid) {
  return LibgitError(error, fmt::format("read object {}", OidHex(oid)), Code::kDataLoss)
      .With("the mirror lacks something");
}

// As git refuses them in any index: a tree made by hand must not become a path elsewhere, or a repository's own folder.
bool SafeName(std::string_view name) {
  if (name.empty() || name == "." || name == ".." || name.size() > 255 || name.find('/') != std::string_view::npos)
    return false;
  if (name.size() != 4 || name.front() != '.') return true;
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return lower(name[1]) != 'g' || lower(name[2]) != 'i' || lower(name[3]) != 't';
}

Result<TreePtr> LookupTree(const Mirror& mirror, const git_oid& oid) {
  TreePtr tree;
  if (const int error = git_tree_lookup(Out(tree), mirror.repository(), &oid); error != 0) {
    Status status = Missing(error, oid);
    return Status(Code::kDataLoss, status.message());
  }
  return tree;
}

Result<std::string> ReadObject(const Mirror& mirror, const git_oid& oid, uint64_t limit) {
  size_t size = 0;
  git_object_t type = GIT_OBJECT_INVALID;
  int error = git_odb_read_header(&size, &type, mirror.odb(), &oid);
  if (error == 0 && size > limit)
    return ResourceExhausted("object {} has {} bytes, more than {}", OidHex(oid), size, limit);
  OdbObjectPtr object;
  if (error == 0) error = git_odb_read(Out(object), mirror.odb(), &oid);
  if (error != 0) return Status(Code::kDataLoss, Missing(error, oid).message());
  return std::string(static_cast<const char*>(git_odb_object_data(object.get())), git_odb_object_size(object.get()));
}

class Lister {
 public:
  Lister(const Context& ctx, const Mirror& mirror, tree::Time time, const Limits& limits, Tally* tally)
      : ctx_(ctx), mirror_(mirror), time_(time), limits_(limits), tally_(tally) {}

  Status List(const git_oid& oid, const std::string& repository_path, const std::string& path) {
    SLIPWAY_RETURN_IF_ERROR(AddFolder(path));
    SLIPWAY_ASSIGN_OR_RETURN(const TreePtr tree, LookupTree(mirror_, oid));
    const size_t count = git_tree_entrycount(tree.get());
    // A folder is ordered as if its name ended in '/', so the same name need not come twice in a row.
    std::unordered_set<std::string_view> names;
    for (size_t i = 0; i < count; ++i) {
      const git_tree_entry* entry = git_tree_entry_byindex(tree.get(), i);
      const std::string_view name = git_tree_entry_name(entry);
      if (!SafeName(name))
        return InvalidArgument("the commit holds a name that is not allowed: '{}'", RemoteText(name));
      const std::string below = Below(path, name);
      if (!names.insert(name).second)
        return InvalidArgument("the commit holds '{}' twice; git makes no such commit", RemoteText(below));
      const std::string in_repository = Below(repository_path, name);
      if (below.size() > kLongestPath)
        return InvalidArgument("the commit holds a path of more than {} bytes", kLongestPath);
      SLIPWAY_RETURN_IF_ERROR(AddEntry(*entry, in_repository, below));
    }
    return {};
  }

  CommitEntries Take() { return std::move(out_); }

 private:
  static std::string Below(const std::string& path, std::string_view name) {
    return path.empty() ? std::string(name) : fmt::format("{}/{}", path, name);
  }

  Status AddEntry(const git_tree_entry& entry, const std::string& in_repository, const std::string& path) {
    const git_oid& oid = *git_tree_entry_id(&entry);
    switch (git_tree_entry_filemode(&entry)) {
      case GIT_FILEMODE_TREE: return List(oid, in_repository, path);
      case GIT_FILEMODE_COMMIT:
        out_.links.push_back({.path = in_repository, .oid = OidHex(oid)});
        return AddFolder(path);
      case GIT_FILEMODE_LINK: {
        SLIPWAY_ASSIGN_OR_RETURN(std::string target, ReadObject(mirror_, oid, kLongestLink));
        if (target.empty() || target.find('\0') != std::string::npos)
          return InvalidArgument("the symbolic link '{}' is malformed", path);
        SLIPWAY_RETURN_IF_ERROR(Add(path, tree::Type::kSymlink, 0777));
        out_.entries.back().link = std::move(target);
        return {};
      }
      case GIT_FILEMODE_BLOB_EXECUTABLE: SLIPWAY_RETURN_IF_ERROR(Add(path, tree::Type::kFile, 0755)); break;
      case GIT_FILEMODE_BLOB:
      case GIT_FILEMODE_UNREADABLE:
      default: SLIPWAY_RETURN_IF_ERROR(Add(path, tree::Type::kFile, 0644)); break;
    }
    out_.blobs.push_back({.entry = out_.entries.size() - 1, .oid = OidBytes(oid)});
    return {};
  }

  Status AddFolder(const std::string& path) { return Add(path, tree::Type::kDirectory, 0755); }

  Status Add(const std::string& path, tree::Type type, uint32_t mode) {
    if (++tally_->entries > limits_.max_entries) return TooManyEntries(limits_.max_entries);
    if (tally_->entries % 1024 == 0) SLIPWAY_RETURN_IF_ERROR(ctx_.Err());
    tree::Entry entry;
    entry.path = path;
    entry.type = type;
    entry.mode = mode;
    entry.mtime = time_;
    out_.entries.push_back(std::move(entry));
    return {};
  }

  const Context& ctx_;
  const Mirror& mirror_;
  tree::Time time_;
  const Limits& limits_;
  Tally* tally_;
  CommitEntries out_;
};

/// The path of a folder taken apart, with links put in place of the elements that are one.
class FolderWalk {
 public:
  FolderWalk(const Mirror& mirror, const git_oid& root, std::string_view folder)
      : mirror_(mirror), root_(root), folder_(folder) {
    Push(folder);
  }

  Result<FolderPlace> Run() {
    place_.tree = root_;
    while (!todo_.empty()) {
      const std::string name = std::move(todo_.back());
      todo_.pop_back();
      if (name == "..") {
        if (done_.empty()) return LeadsOut();
        done_.pop_back();
        SLIPWAY_RETURN_IF_ERROR(Descend());
        continue;
      }
      SLIPWAY_RETURN_IF_ERROR(Step(name));
      if (place_.link) break;
    }
    return std::move(place_);
  }

 private:
  void Push(std::string_view path) {
    std::vector<std::string> names;
    while (!path.empty()) {
      const size_t end = std::min(path.find('/'), path.size());
      const std::string_view name = path.substr(0, end);
      path.remove_prefix(std::min(end + 1, path.size()));
      if (!name.empty() && name != ".") names.emplace_back(name);
    }
    todo_.insert(todo_.end(), names.rbegin(), names.rend());
  }

  Status LeadsOut() const { return InvalidArgument("the folder '{}' leads out of the repository", folder_); }

  std::string PathSoFar() const {
    std::string path;
    for (const auto& [name, tree] : done_) path += (path.empty() ? "" : "/") + name;
    return path;
  }

  Status Descend() {
    place_.tree = done_.empty() ? root_ : done_.back().second;
    place_.path = PathSoFar();
    return {};
  }

  Status Step(const std::string& name) {
    SLIPWAY_ASSIGN_OR_RETURN(const TreePtr tree, LookupTree(mirror_, place_.tree));
    const git_tree_entry* entry = git_tree_entry_byname(tree.get(), name.c_str());
    const std::string path = place_.path.empty() ? name : place_.path + "/" + name;
    if (entry == nullptr) return NoSuch(tree.get(), name, path);
    const git_filemode_t mode = git_tree_entry_filemode(entry);
    if (mode == GIT_FILEMODE_TREE) {
      done_.emplace_back(name, *git_tree_entry_id(entry));
      return Descend();
    }
    if (mode == GIT_FILEMODE_COMMIT) {
      place_.link = Gitlink{.path = path, .oid = OidHex(*git_tree_entry_id(entry))};
      while (!todo_.empty()) {
        place_.rest += (place_.rest.empty() ? "" : "/") + todo_.back();
        todo_.pop_back();
      }
      return {};
    }
    if (mode != GIT_FILEMODE_LINK) {
      return todo_.empty() ? InvalidArgument("'{}' is a file, not a folder", folder_)
                           : InvalidArgument("'{}': '{}' is a file, not a folder", folder_, path);
    }
    if (++followed_ > kMostLinksFollowed)
      return InvalidArgument("the folder '{}' goes through too many symbolic links", folder_);
    SLIPWAY_ASSIGN_OR_RETURN(const std::string target, ReadObject(mirror_, *git_tree_entry_id(entry), kLongestLink));
    if (target.starts_with('/')) return LeadsOut();
    Push(target);
    return {};
  }

  Status NoSuch(const git_tree* tree, const std::string& name, const std::string& path) const {
    std::vector<std::string_view> names;
    for (size_t i = 0; i < git_tree_entrycount(tree); ++i) {
      const git_tree_entry* entry = git_tree_entry_byindex(tree, i);
      if (git_tree_entry_filemode(entry) == GIT_FILEMODE_TREE) names.emplace_back(git_tree_entry_name(entry));
    }
    return NotFound("there is no folder '{}' in the commit{}", path, DidYouMean(name, names));
  }

  const Mirror& mirror_;
  git_oid root_;
  std::string_view folder_;
  std::vector<std::string> todo_;  // the next element last
  std::vector<std::pair<std::string, git_oid>> done_;
  int followed_ = 0;
  FolderPlace place_;
};

/// The second half of StoreBlobs: reading what the store lacks.
class BlobReader {
 public:
  BlobReader(const Context& ctx, const Mirror& mirror, const VertexProgress& progress)
      : ctx_(ctx), mirror_(mirror), progress_(progress) {}

  Status Read(content::Store& store, content::Lease* lease, std::span<KnownBlob*> blobs, uint64_t total) {
    SLIPWAY_ASSIGN_OR_RETURN(const std::unique_ptr<content::BatchIngest> batch, store.BeginBatch());
    uint64_t done = 0;
    uint64_t told = 0;
    for (KnownBlob* blob : blobs) {
      SLIPWAY_RETURN_IF_ERROR(ctx_.Err());
      SLIPWAY_RETURN_IF_ERROR(ReadOne(*batch, blob));
      done += blob->size;
      if (done - told >= (4U << 20)) progress_.Count("read files", told = done, total);
    }
    if (total > 0) progress_.Count("read files", total, total);
    return batch->Commit(lease);
  }

 private:
  Status ReadOne(content::BatchIngest& batch, KnownBlob* blob) {
    git_oid oid;
    git_oid_fromraw(&oid, reinterpret_cast<const unsigned char*>(blob->oid.data()));
    OdbObjectPtr object;
    if (const int error = git_odb_read(Out(object), mirror_.odb(), &oid); error != 0) {
      return Status(Code::kDataLoss, Missing(error, oid).message());
    }
    const std::string_view bytes(static_cast<const char*>(git_odb_object_data(object.get())),
                                 git_odb_object_size(object.get()));
    blob->size = bytes.size();
    blob->lfs_pointer = bytes.size() <= kLargestPointer && bytes.starts_with(kLfsVersion);
    if (bytes.size() <= kPiece) {
      SLIPWAY_ASSIGN_OR_RETURN(blob->digest, batch.Add(bytes));
      return {};
    }
    SLIPWAY_RETURN_IF_ERROR(batch.BeginFile(bytes.size(), Digest()));
    for (size_t at = 0; at < bytes.size(); at += kPiece) {
      SLIPWAY_RETURN_IF_ERROR(ctx_.Err());
      SLIPWAY_RETURN_IF_ERROR(batch.Append(bytes.substr(at, kPiece)));
    }
    SLIPWAY_ASSIGN_OR_RETURN(blob->digest, batch.EndFile());
    return {};
  }

  const Context& ctx_;
  const Mirror& mirror_;
  const VertexProgress& progress_;
};

// Digests of contents that are not in the store any more are taken away again, so that they are read anew.
Status DropCollected(content::Store& store, content::Lease* lease, std::span<KnownBlob> blobs) {
  std::vector<Digest> digests;
  for (const KnownBlob& blob : blobs) {
    if (!blob.digest.empty()) digests.push_back(blob.digest);
  }
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<Digest> missing, store.Missing(digests, lease));
  const std::unordered_set<Digest> gone(missing.begin(), missing.end());
  for (KnownBlob& blob : blobs) {
    if (gone.contains(blob.digest)) blob.digest = Digest();
  }
  return {};
}

Status CheckSizes(const Mirror& mirror, const Limits& limits, uint64_t max_blob_bytes, const CommitEntries& commit,
                  const std::unordered_map<std::string, size_t>& index, std::span<KnownBlob> blobs, Tally* tally) {
  for (KnownBlob& blob : blobs) {
    if (!blob.digest.empty()) continue;
    git_oid oid;
    git_oid_fromraw(&oid, reinterpret_cast<const unsigned char*>(blob.oid.data()));
    size_t size = 0;
    git_object_t type = GIT_OBJECT_INVALID;
    if (const int error = git_odb_read_header(&size, &type, mirror.odb(), &oid); error != 0) {
      return Status(Code::kDataLoss, Missing(error, oid).message());
    }
    blob.size = size;
  }
  for (const BlobPlace& place : commit.blobs) {
    const KnownBlob& blob = blobs[index.at(place.oid)];
    const uint64_t limit = std::min(limits.max_file_bytes, max_blob_bytes);
    if (blob.size > limit) return FileTooLarge(commit.entries[place.entry].path, blob.size, limit);
    tally->bytes += blob.size;
    if (tally->bytes > limits.max_total_bytes) return TooManyBytes(limits.max_total_bytes);
  }
  return {};
}
}  // namespace

Result<CommitInfo> ReadCommit(const Mirror& mirror, const std::string& commit) {
  git_oid oid;
  if (git_oid_fromstr(&oid, commit.c_str()) != 0) return InvalidArgument("'{}' is no commit id", commit);
  CommitPtr object;
  if (const int error = git_commit_lookup(Out(object), mirror.repository(), &oid); error != 0) {
    return Status(Code::kDataLoss, Missing(error, oid).message());
  }
  CommitInfo info;
  info.tree = *git_commit_tree_id(object.get());
  info.time.seconds = git_commit_time(object.get());
  return info;
}

Result<FolderPlace> FindFolder(const Mirror& mirror, const git_oid& root, std::string_view folder) {
  if (folder.find('\0') != std::string_view::npos) return InvalidArgument("the folder's name holds a NUL byte");
  return FolderWalk(mirror, root, folder).Run();
}

Result<CommitEntries> ListFolder(const Context& ctx, const Mirror& mirror, const git_oid& folder,
                                 const std::string& folder_path, const std::string& prefix, tree::Time time,
                                 const Limits& limits, Tally* tally) {
  Lister lister(ctx, mirror, time, limits, tally);
  SLIPWAY_RETURN_IF_ERROR(lister.List(folder, folder_path, prefix));
  return lister.Take();
}

Result<StoredBlobs> StoreBlobs(const Context& ctx, const Mirror& mirror, const Limits& limits, uint64_t max_blob_bytes,
                               Tally* tally, content::Store& store, Memo& memo, content::Lease* lease,
                               const VertexProgress& progress, CommitEntries* commit) {
  // The same blob may be at many paths.
  std::vector<KnownBlob> blobs;
  std::unordered_map<std::string, size_t> index;
  for (const BlobPlace& place : commit->blobs) {
    if (index.emplace(place.oid, blobs.size()).second) blobs.push_back({.oid = place.oid});
  }
  SLIPWAY_RETURN_IF_ERROR(memo.FindBlobs(mirror.name(), blobs));
  SLIPWAY_RETURN_IF_ERROR(DropCollected(store, lease, blobs));
  SLIPWAY_RETURN_IF_ERROR(CheckSizes(mirror, limits, max_blob_bytes, *commit, index, blobs, tally));

  StoredBlobs out;
  std::vector<KnownBlob*> unknown;
  for (KnownBlob& blob : blobs) {
    if (!blob.digest.empty()) continue;
    unknown.push_back(&blob);
    out.read_bytes += blob.size;
  }
  out.read = unknown.size();
  if (!unknown.empty()) {
    SLIPWAY_RETURN_IF_ERROR(BlobReader(ctx, mirror, progress).Read(store, lease, unknown, out.read_bytes));
    std::vector<KnownBlob> learned;
    learned.reserve(unknown.size());
    for (const KnownBlob* blob : unknown) learned.push_back(*blob);
    SLIPWAY_RETURN_IF_ERROR(memo.AddBlobs(mirror.name(), learned));
  }
  for (const BlobPlace& place : commit->blobs) {
    const KnownBlob& blob = blobs[index.at(place.oid)];
    tree::Entry& entry = commit->entries[place.entry];
    entry.size = blob.size;
    entry.digest = blob.digest;
    if (blob.lfs_pointer) out.lfs_pointers.push_back(entry.path);
  }
  return out;
}

Result<std::optional<std::string>> ReadSmallFile(const Mirror& mirror, const git_oid& tree, const std::string& path,
                                                 uint64_t limit) {
  SLIPWAY_ASSIGN_OR_RETURN(const TreePtr root, LookupTree(mirror, tree));
  const git_tree_entry* entry = git_tree_entry_byname(root.get(), path.c_str());
  if (entry == nullptr || git_tree_entry_type(entry) != GIT_OBJECT_BLOB ||
      git_tree_entry_filemode(entry) == GIT_FILEMODE_LINK) {
    return std::optional<std::string>();
  }
  SLIPWAY_ASSIGN_OR_RETURN(std::string bytes, ReadObject(mirror, *git_tree_entry_id(entry), limit));
  return std::optional(std::move(bytes));
}

}  // namespace slipway::source
