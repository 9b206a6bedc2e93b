#include "daemon/sources/context_upload.h"

#include <malloc.h>

#include <algorithm>

namespace slipway::sources {

namespace {

// How many digests are looked up in one transaction.
constexpr size_t kLookup = 10'000;
// Entries that are worth giving back the memory of: the build that follows is another thread's, and could not use what
// the allocator keeps for this one.
constexpr size_t kLarge = 50'000;

Status TooMany(uint64_t limit) {
  return ResourceExhausted("the context has more than {} entries, which is the limit (limits.entries)", limit);
}

// The first bytes, in the order of digests.
uint64_t Head(const Digest& digest) {
  uint64_t head = 0;
  for (size_t i = 0; i < sizeof(head); ++i) head = head << 8 | digest.bytes()[i];
  return head;
}

}  // namespace

Result<std::unique_ptr<ContextUpload>> ContextUpload::Begin(content::Store& store, const source::Limits& limits) {
  std::unique_ptr<ContextUpload> upload(new ContextUpload(store, limits));
  SLIPWAY_ASSIGN_OR_RETURN(upload->lease_, store.NewLease("upload of a context"));
  return upload;
}

ManifestError ContextUpload::Add(tree::Entry entry) {
  ManifestError error{.status = Status(), .entry = entries_.size(), .member = ""};
  if (entries_.size() >= limits_.max_entries) {
    error.status = TooMany(limits_.max_entries);
    return error;
  }
  if (entry.is_file() && entry.size == 0 && entry.digest.empty()) entry.digest = Digest::Of("");
  error.status = CheckEntry(entry, limits_, &error.member);
  if (!error.status.ok()) return error;
  error.member.clear();

  manifest_bytes_ += entry.path.size() + entry.link.size();
  for (const auto& [name, value] : entry.xattrs) manifest_bytes_ += name.size() + value.size();
  counts_.bytes_total += entry.size;
  if (manifest_bytes_ > kMaxManifestBytes) {
    error.status = ResourceExhausted("the names of the context have more than {} bytes together", kMaxManifestBytes);
  } else if (counts_.bytes_total > limits_.max_total_bytes) {
    error.status = ResourceExhausted("the context has more than {} bytes, which is the limit (limits.total_bytes)",
                                     limits_.max_total_bytes);
  } else {
    files_ += entry.is_file() ? 1 : 0;
    entries_.push_back(std::move(entry));
  }
  return error;
}

ManifestError ContextUpload::EndManifest() {
  if (ManifestError error = CheckTogether(entries_, &order_); !error.status.ok()) return error;
  if (ManifestError error = AddFolders(); !error.status.ok()) return error;
  return FindMissing();
}

// Folders that are in paths but not in the list.
ManifestError ContextUpload::AddFolders() {
  std::string_view before;  // the entry before this one in order; its folders are known
  for (const uint32_t index : order_) {
    const std::string& path = entries_[index].path;
    // Folders that both have are done, and `before` itself may be one.
    size_t known = 0;
    for (size_t slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1)) {
      const std::string_view folder = std::string_view(path).substr(0, slash);
      if (!before.starts_with(folder) || (before.size() > slash && before[slash] != '/')) break;
      known = slash + 1;
    }
    for (size_t slash = path.find('/', known); slash != std::string::npos; slash = path.find('/', slash + 1)) {
      tree::Entry folder;
      folder.path = path.substr(0, slash);
      folder.type = tree::Type::kDirectory;
      folder.mode = 0755;
      if (entries_.size() + folders_.size() >= limits_.max_entries) {
        return {.status = TooMany(limits_.max_entries), .entry = index, .member = ""};
      }
      manifest_bytes_ += folder.path.size();
      if (manifest_bytes_ > kMaxManifestBytes) {
        return {
            .status = ResourceExhausted("the names of the context have more than {} bytes together", kMaxManifestBytes),
            .entry = index,
            .member = ""};
      }
      folders_.push_back(std::move(folder));
    }
    before = path;
  }
  return {};
}

ManifestError ContextUpload::FindMissing() {
  // The first entry of each content, in the order of the digests. Their first bytes nearly always tell the order.
  struct File {
    uint64_t head;
    uint32_t entry;
  };
  std::vector<File> files;
  files.reserve(files_);
  for (uint32_t i = 0; i < entries_.size(); ++i) {
    if (entries_[i].is_file()) files.push_back({.head = Head(entries_[i].digest), .entry = i});
  }
  std::sort(files.begin(), files.end(), [this](const File& a, const File& b) {
    if (a.head != b.head) return a.head < b.head;
    const auto order = entries_[a.entry].digest <=> entries_[b.entry].digest;
    return order != 0 ? order < 0 : a.entry < b.entry;
  });
  std::vector<uint32_t> first;
  std::vector<Digest> digests;
  first.reserve(files.size());
  digests.reserve(files.size());
  for (const File& file : files) {
    const tree::Entry& entry = entries_[file.entry];
    if (digests.empty() || digests.back() != entry.digest) {
      first.push_back(file.entry);
      digests.push_back(entry.digest);
    } else if (entries_[first.back()].size != entry.size) {
      return {.status = InvalidArgument("is not that of entries[{}], which has the same digest", first.back()),
              .entry = file.entry,
              .member = "size"};
    }
  }
  for (size_t begin = 0; begin < digests.size(); begin += kLookup) {
    const size_t end = std::min(begin + kLookup, digests.size());
    const Result<std::vector<Digest>> absent = store_.Missing(std::span(digests).subspan(begin, end - begin), &lease_);
    if (!absent.ok()) return {.status = absent.status(), .entry = 0, .member = ""};
    size_t at = begin;  // both are in the same order
    for (const Digest& digest : *absent) {
      while (digests[at] != digest) ++at;
      missing_.push_back(first[at]);
      largest_missing_ = std::max(largest_missing_, entries_[first[at]].size);
    }
  }
  std::sort(missing_.begin(), missing_.end());
  return {};
}

Status ContextUpload::CheckTurn(uint32_t entry, std::string* member) const {
  *member = "entry";
  if (complete()) return InvalidArgument("entries[{}]: all contents have been sent", entry);
  if (entry == missing_[next_]) return Status();
  return InvalidArgument("is {}, but the content of entries[{}] is expected now", entry, missing_[next_]);
}

Status ContextUpload::AddContent(uint32_t entry, std::string_view bytes, std::string* member) {
  SLIPWAY_RETURN_IF_ERROR(CheckTurn(entry, member));
  const tree::Entry& file = entries_[entry];
  *member = "data";
  if (bytes.empty()) return InvalidArgument("is empty");
  if (bytes.size() > file.size - received_) {
    return InvalidArgument("exceeds the {} bytes that entries[{}] was announced with", file.size, entry);
  }
  SLIPWAY_RETURN_IF_ERROR(BeginBatch());
  if (!in_file_) SLIPWAY_RETURN_IF_ERROR(batch_->BeginFile(file.size, file.digest));
  in_file_ = true;
  SLIPWAY_RETURN_IF_ERROR(batch_->Append(bytes));
  received_ += bytes.size();
  counts_.bytes_received += bytes.size();
  if (received_ < file.size) return Status();
  if (Status ended = batch_->EndFile().status(); !ended.ok()) {
    return std::move(ended).With(fmt::format("'{}'", file.path));
  }
  in_file_ = false;
  received_ = 0;
  ++next_;
  return Status();
}

Status ContextUpload::AddFile(uint32_t entry, int fd, const std::function<Status()>& between, std::string* member) {
  SLIPWAY_RETURN_IF_ERROR(CheckTurn(entry, member));
  *member = "handed_over";
  if (in_file_) return InvalidArgument("comes after bytes of the same file");
  const tree::Entry& file = entries_[entry];
  SLIPWAY_RETURN_IF_ERROR(BeginBatch());
  if (Status added = batch_->AddFile(fd, file.size, file.digest, between).status(); !added.ok()) {
    return std::move(added).With(fmt::format("'{}'", file.path));
  }
  counts_.bytes_received += file.size;
  ++next_;
  return Status();
}

// The build begins while its context goes to the disk; who accepts a run waits for that (runs/dispatcher.h).
Status ContextUpload::BeginBatch() {
  if (batch_ != nullptr) return Status();
  SLIPWAY_ASSIGN_OR_RETURN(batch_, store_.BeginBatch(content::Durable::kSoon));
  return Status();
}

std::string ContextUpload::NextMissing() const { return complete() ? std::string() : entries_[missing_[next_]].path; }

Result<Digest> ContextUpload::Commit() {
  if (!complete()) return Aborted("the upload is not complete");
  counts_.files_received = missing_.size();
  counts_.files_reused = files_ - missing_.size();
  tree_ = std::make_shared<const tree::Tree>(MoveToTree());
  SLIPWAY_RETURN_IF_ERROR(BeginBatch());
  SLIPWAY_ASSIGN_OR_RETURN(const Digest tree, batch_->Add(tree::Encode(*tree_)));
  if (tree_->size() > kLarge) {
    // Its names lie between what the entries took, so all of that would be held with them: it is read again.
    tree_.reset();
    ::malloc_trim(0);
  }
  SLIPWAY_RETURN_IF_ERROR(batch_->Commit(&lease_));
  batch_.reset();
  return tree;
}

// The entries in order, with the folders between them; nothing is left of them here.
tree::Tree ContextUpload::MoveToTree() {
  std::vector<tree::Entry> all;
  all.reserve(entries_.size() + folders_.size());
  auto folder = folders_.begin();
  for (const uint32_t index : order_) {
    for (; folder != folders_.end() && tree::PathLess(folder->path, entries_[index].path); ++folder) {
      all.push_back(std::move(*folder));
    }
    all.push_back(std::move(entries_[index]));
  }
  entries_ = {};
  folders_ = {};
  return tree::Tree(std::move(all));
}

}  // namespace slipway::sources
