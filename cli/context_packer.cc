#include "cli/context_packer.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstdlib>
#include <string_view>

#include "cli/context_walker.h"
#include "executor/base/fs.h"

namespace slipway::cli {

namespace {

constexpr std::string_view kManifestVersion = "slipway-manifest-1";

void AppendNumber(uint64_t value, std::string* out) {
  out->append(reinterpret_cast<const char*>(&value), sizeof(value));
}

void AppendBytes(std::string_view bytes, std::string* out) {
  AppendNumber(bytes.size(), out);
  *out += bytes;
}

// Hashes in large pieces: a call of the hash for each field would cost more than the hashing.
Digest SumUp(const std::vector<ContextEntry>& entries) {
  constexpr size_t kPiece = 64U << 10;
  Hasher hasher;
  std::string piece(kManifestVersion);
  for (const ContextEntry& entry : entries) {
    AppendBytes(entry.path, &piece);
    AppendNumber(static_cast<uint64_t>(entry.kind) << 32 | entry.mode, &piece);
    AppendNumber(entry.stamp.size, &piece);
    AppendNumber(static_cast<uint64_t>(entry.stamp.mtime_ns), &piece);
    AppendBytes(entry.link, &piece);
    if (!entry.digest.empty()) {
      piece.append(reinterpret_cast<const char*>(entry.digest.bytes().data()), Digest::kSize);
    }
    AppendNumber(entry.xattrs.size(), &piece);
    for (const auto& [name, value] : entry.xattrs) {
      AppendBytes(name, &piece);
      AppendBytes(value, &piece);
    }
    if (piece.size() >= kPiece) {
      hasher.Update(piece);
      piece.clear();
    }
  }
  return hasher.Update(piece).Finish();
}

}  // namespace

Result<ContextPacker> ContextPacker::Open(ThreadPool& pool, const std::string& folder, const std::string& cache_dir,
                                          const Clock& clock) {
  Result<UniqueFd> fd = fs::Open(folder, O_RDONLY | O_DIRECTORY);
  if (!fd.ok()) return std::move(fd).status().With("read the build context");
  std::array<char, PATH_MAX> real;
  const std::string root = ::realpath(folder.c_str(), real.data()) != nullptr ? real.data() : folder;
  return ContextPacker(pool, std::move(fd).value(), StatCache::Open(root.starts_with('/') ? cache_dir : "", root),
                       clock);
}

Status ContextPacker::Walk(const Context& ctx, std::vector<std::string> patterns) {
  Result<PatternMatcher> ignore = PatternMatcher::Make(patterns);
  if (!ignore.ok()) return std::move(ignore).status().With("ignore file of the context");
  looked_at_ = clock_->System();
  SLIPWAY_ASSIGN_OR_RETURN(entries_, WalkContext(ctx, *pool_, root_fd_.get(), *ignore));
  cache_.Recall(&entries_);
  for (const ContextEntry& entry : entries_) {
    if (entry.kind != EntryKind::kFile) continue;
    total_bytes_ += entry.stamp.size;
    if (entry.digest.empty()) bytes_to_read_ += entry.stamp.size;
    ++file_count_;
  }
  return {};
}

Status ContextPacker::Read(const Context& ctx, ReadProgress* progress) {
  SLIPWAY_RETURN_IF_ERROR(ReadContents(ctx, *pool_, root_fd_.get(), &entries_, progress));
  manifest_ = SumUp(entries_);
  return {};
}

bool ContextPacker::HasFile(const std::string& path) const {
  const auto at =
      std::lower_bound(entries_.begin(), entries_.end(), path,
                       [](const ContextEntry& entry, const std::string& p) { return ComparePaths(entry.path, p) < 0; });
  return at != entries_.end() && at->path == path && (at->kind == EntryKind::kFile || at->kind == EntryKind::kHardlink);
}

}  // namespace slipway::cli
