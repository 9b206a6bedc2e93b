// Mark and sweep: what is neither leased nor in use goes, least recently used first; then packs that hold little are
// rewritten or removed.
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "executor/base/log.h"
#include "executor/content/disk_store.h"
#include "executor/content/pack.h"

namespace slipway::content {

namespace {

constexpr uint64_t kSmallPack = 1U << 20;
constexpr size_t kManySmallPacks = 16;

uint64_t DeadBytes(const PackState& pack) {
  return pack.file_bytes - std::min(pack.file_bytes, pack.live_bytes + kPackFrame);
}

// One collection.
class Collection {
 public:
  Collection(DiskStore& store, const CollectOptions& options, std::span<const Digest> in_use, SystemTime now)
      : store_(store), options_(options), in_use_(in_use.begin(), in_use.end()), now_(now) {}

  Status Sweep(const Context& ctx);
  Status TidyPacks(const Context& ctx);
  const CollectResult& result() const { return result_; }
  const std::vector<std::string>& removed_files() const { return removed_files_; }

 private:
  Status RemoveBlob(const Candidate& candidate);
  Status RemovePackIfDead(uint64_t number);
  std::vector<PackState> WorthRewriting() const;
  Status Rewrite(const Context& ctx, std::span<const PackState> packs);
  Status FinishRewrite(std::optional<PackWriter> to, std::vector<Location> from);

  DiskStore& store_;
  const CollectOptions& options_;
  const std::unordered_set<Digest> in_use_;
  const SystemTime now_;
  CollectResult result_;
  std::vector<std::string> removed_files_;
};

Status Collection::Sweep(const Context& ctx) {
  std::vector<Candidate> candidates = store_.catalog().Candidates();
  uint64_t left = 0;
  for (const Candidate& c : candidates) left += c.where.size;
  std::sort(candidates.begin(), candidates.end(),
            [](const Candidate& a, const Candidate& b) { return a.used < b.used; });
  for (const Candidate& candidate : candidates) {
    if (left <= options_.keep_bytes || candidate.used > now_ - options_.min_age) break;
    SLIPWAY_RETURN_IF_ERROR(ctx.Err());
    if (in_use_.contains(candidate.digest) || !store_.catalog().Take(candidate)) continue;
    if (candidate.where.is_blob()) SLIPWAY_RETURN_IF_ERROR(RemoveBlob(candidate));
    left -= candidate.where.size;
    result_.removed_bytes += candidate.where.size;
    ++result_.removed_count;
  }
  return Status();
}

Status Collection::RemoveBlob(const Candidate& candidate) {
  const std::string path = store_.PathOf(candidate.digest, candidate.where);
  int gone = ::unlink(path.c_str());
  // It may have come to its place since we looked: no later, for its name is ours now.
  if (gone != 0 && errno == ENOENT) gone = ::unlink(store_.layout().Blob(candidate.digest).c_str());
  if (gone != 0 && errno != ENOENT) {
    Status status = ErrnoStatus(errno, fmt::format("remove '{}'", path));
    // It is still there.
    store_.catalog().FinishBlob(candidate.digest, candidate.where.size, 0, candidate.where.offset);
    return status;
  }
  store_.catalog().FinishBlob(candidate.digest, std::nullopt, 0);
  removed_files_.push_back(candidate.digest.hex());
  return Status();
}

Status Collection::RemovePackIfDead(uint64_t number) {
  if (!store_.catalog().TakePackIfDead(number)) return Status();
  store_.pack_files().Forget(number);
  removed_files_.push_back(Layout::PackName(number));
  return store_.RemovePack(number);  // a file that stays is swept or adopted when the store is opened again
}

Status Collection::TidyPacks(const Context& ctx) {
  for (const PackState& pack : store_.catalog().Packs()) {
    if (pack.live_count == 0) SLIPWAY_RETURN_IF_ERROR(RemovePackIfDead(pack.number));
  }
  const std::vector<PackState> worth = WorthRewriting();
  Status status = Rewrite(ctx, worth);
  for (const PackState& pack : worth) SLIPWAY_RETURN_IF_ERROR(RemovePackIfDead(pack.number));
  if (status.code() == Code::kResourceExhausted) {
    // Rewriting needs room before it gives some back; what was removed so far may do.
    spdlog::warn("content store: packs are not rewritten: {}", status.message());
    return Status();
  }
  return status;
}

// Packs that are mostly dead; many small ones, to make one of them; and while the disk holds more than the budget,
// those with the most to give.
std::vector<PackState> Collection::WorthRewriting() const {
  std::vector<PackState> packs = store_.catalog().Packs();
  std::sort(packs.begin(), packs.end(),
            [](const PackState& a, const PackState& b) { return DeadBytes(a) > DeadBytes(b); });
  const auto is_small = [](const PackState& pack) { return pack.file_bytes < kSmallPack; };
  const bool merge_small = std::count_if(packs.begin(), packs.end(), is_small) >= static_cast<int64_t>(kManySmallPacks);
  uint64_t total = store_.catalog().total_bytes();
  std::vector<PackState> worth;
  for (const PackState& pack : packs) {
    const uint64_t dead = DeadBytes(pack);
    const bool mostly_dead = dead > pack.file_bytes / 2;
    const bool over_budget = total > options_.keep_bytes && dead > pack.file_bytes / 8;
    if (!mostly_dead && !over_budget && !(merge_small && is_small(pack))) continue;
    total -= dead;
    worth.push_back(pack);
  }
  return worth;
}

// Copies what is live into new packs. Only when those are on disk is the catalog told, so a crash leaves each content
// in at least one pack.
Status Collection::Rewrite(const Context& ctx, std::span<const PackState> packs) {
  std::optional<PackWriter> to;
  std::vector<Location> from;
  for (const PackState& pack : packs) {
    SLIPWAY_ASSIGN_OR_RETURN(const auto fd, store_.pack_files().Open(pack.number));
    auto table = ReadPackTable(fd->get());
    if (table.code() == Code::kDataLoss) {
      // It was whole when the store was opened, and its contents can still be read by what the catalog knows: it stays.
      spdlog::error("content store: pack {}: {}", pack.number, table.status().message());
      continue;
    }
    SLIPWAY_RETURN_IF_ERROR(table.status());
    for (const PackItem& item : store_.catalog().Live(pack.number, *table)) {
      SLIPWAY_RETURN_IF_ERROR(ctx.Err());
      const Location where{.pack = pack.number, .offset = item.offset, .size = item.size};
      SLIPWAY_ASSIGN_OR_RETURN(const std::string bytes,
                               Blob(fd, static_cast<int64_t>(item.offset), item.size).ReadAll());
      if (Digest::Of(bytes) != item.digest) {
        spdlog::error("content store: '{}' in pack {} is damaged and is removed", item.digest.ToString(), pack.number);
        store_.catalog().DropIfLost(item.digest, where, [] { return true; });
        continue;
      }
      if (to && to->size() + bytes.size() > kPackFull) {
        SLIPWAY_RETURN_IF_ERROR(FinishRewrite(std::exchange(to, std::nullopt), std::exchange(from, {})));
      }
      if (!to) {
        SLIPWAY_ASSIGN_OR_RETURN(to, PackWriter::Create(store_.layout().Ingest(store_.NextNumber())));
      }
      SLIPWAY_RETURN_IF_ERROR(to->Add(item.digest, bytes));
      from.push_back(where);
    }
  }
  return FinishRewrite(std::move(to), std::move(from));
}

Status Collection::FinishRewrite(std::optional<PackWriter> to, std::vector<Location> from) {
  if (!to) return Status();
  const uint64_t number = store_.NextNumber();
  SLIPWAY_RETURN_IF_ERROR(to->End());
  SLIPWAY_RETURN_IF_ERROR(to->file().Sync());
  SLIPWAY_RETURN_IF_ERROR(to->file().MoveTo(store_.layout().Pack(number)));
  SLIPWAY_RETURN_IF_ERROR(fs::SyncDir(store_.layout().Packs()));
  store_.catalog().MovePack(number, to->size(), to->items(), from);
  return Status();
}

}  // namespace

Result<CollectResult> DiskStore::Collect(const Context& ctx, const CollectOptions& options,
                                         std::span<const Digest> in_use) {
  std::lock_guard one_at_a_time(collecting_);
  Collection collection(*this, options, in_use, clock_.System());
  Status status = collection.Sweep(ctx);
  if (status.ok()) status = collection.TidyPacks(ctx);
  if (Status forgotten = use_log_->Forget(collection.removed_files()); !forgotten.ok()) {
    spdlog::warn("content store: {}", forgotten.message());
  }
  SaveUses();
  SLIPWAY_RETURN_IF_ERROR(status);
  CollectResult result = collection.result();
  result.kept_bytes = catalog_.total_bytes();
  return result;
}

}  // namespace slipway::content
