#include "executor/builder/storage.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <chrono>
#include <vector>

namespace slipway::builder {

namespace {
/// Mirrors of repositories, and what is known of addresses, that no build has used for so long are given up.
constexpr std::chrono::hours kIdleSources{14 * 24};
}  // namespace

uint64_t Storage::Budget() const {
  if (options_.keep_storage_bytes != 0) return options_.keep_storage_bytes;
  constexpr uint64_t kLeast = 10'000'000'000;
  struct statvfs disk {};
  if (::statvfs(options_.root.c_str(), &disk) != 0) return kLeast;
  return std::max<uint64_t>(kLeast, static_cast<uint64_t>(disk.f_blocks) * disk.f_frsize / 10);
}

Result<uint64_t> Storage::HeldBytes() {
  SLIPWAY_ASSIGN_OR_RETURN(const uint64_t content, content_.TotalBytes());
  SLIPWAY_ASSIGN_OR_RETURN(const uint64_t others, BesideContents());
  return content + others;
}

Result<uint64_t> Storage::BesideContents() {
  SLIPWAY_ASSIGN_OR_RETURN(const uint64_t folders, layers_.FolderBytes());
  SLIPWAY_ASSIGN_OR_RETURN(const uint64_t records, cache_.Bytes());
  SLIPWAY_ASSIGN_OR_RETURN(const uint64_t mounts, mounts_.Bytes());
  return folders + records + mounts;
}

Result<std::string> Storage::Describe() {
  SLIPWAY_ASSIGN_OR_RETURN(const uint64_t held, HeldBytes());
  return fmt::format("{} of {}", FormatBytes(held), FormatBytes(Budget()));
}

Status Storage::Collect(const Context& ctx) {
  SLIPWAY_RETURN_IF_ERROR(sources_.Collect(ctx, kIdleSources));
  return Prune(ctx, Budget()).status();
}

Result<Pruned> Storage::Prune(const Context& ctx, uint64_t budget) {
  const std::lock_guard turn(turn_);
  SLIPWAY_ASSIGN_OR_RETURN(const uint64_t before, HeldBytes());
  SLIPWAY_RETURN_IF_ERROR(PruneTo(ctx, budget));
  SLIPWAY_ASSIGN_OR_RETURN(const uint64_t after, HeldBytes());
  return Pruned{.freed = before - std::min(before, after), .kept = after};
}

Status Storage::PruneTo(const Context& ctx, uint64_t budget) {
  constexpr int64_t kMostRecords = 1'000'000;
  const size_t share = budget == 0 ? 1 : 4;  // what goes in one round: all, or one in so many
  SLIPWAY_ASSIGN_OR_RETURN(int64_t records, cache_.Count());
  if (records > kMostRecords) {
    SLIPWAY_ASSIGN_OR_RETURN(const int64_t dropped, cache_.DropOldest(records - kMostRecords * 9 / 10));
    records -= dropped;
  }
  while (true) {
    SLIPWAY_ASSIGN_OR_RETURN(uint64_t held, HeldBytes());
    if (held <= budget) return Status();
    SLIPWAY_RETURN_IF_ERROR(ctx.Err());
    SLIPWAY_RETURN_IF_ERROR(DropBlobs(ctx, budget));
    SLIPWAY_ASSIGN_OR_RETURN(held, HeldBytes());
    if (held <= budget) return Status();
    SLIPWAY_ASSIGN_OR_RETURN(const size_t mounts, mounts_.DropOldest(share));
    if (records == 0 && mounts == 0) return Status();
    if (records == 0) continue;
    SLIPWAY_ASSIGN_OR_RETURN(const int64_t dropped,
                             cache_.DropOldest(std::max<int64_t>(1, records / static_cast<int64_t>(share))));
    records = dropped == 0 ? 0 : records - dropped;
  }
}

// What no record leads to any more goes, and of the blobs as many as the folders leave no room for.
Status Storage::DropBlobs(const Context& ctx, uint64_t budget) {
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<layer::Key> keep, cache_.Layers());
  SLIPWAY_RETURN_IF_ERROR(layers_.Retain(keep));
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<Digest> in_use, layers_.ContentInUse());
  SLIPWAY_ASSIGN_OR_RETURN(const uint64_t others, BesideContents());
  return content_.Collect(ctx, {.keep_bytes = budget - std::min(budget, others)}, in_use).status();
}

}  // namespace slipway::builder
