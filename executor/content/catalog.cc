#include "executor/content/catalog.h"

#include <algorithm>
#include <chrono>

#include "executor/content/layout.h"

namespace slipway::content {

namespace {
constexpr std::chrono::milliseconds kAskEvery{200};

// reserve() makes room for exactly so many, so calling it for each pack would move everything each time.
template <typename Table>
void MakeRoom(Table& table, size_t more) {
  const size_t needed = table.size() + more;
  if (needed > table.bucket_count()) table.reserve(std::max(needed, 2 * table.size()));
}
}  // namespace

void Catalog::LoadBlob(const Digest& digest, uint64_t size, SystemTime used) {
  std::lock_guard lock(mutex_);
  Enter(digest, {.size = size}, used);
}

void Catalog::LoadPack(uint64_t number, uint64_t file_bytes, SystemTime used, std::span<const PackItem> items) {
  std::lock_guard lock(mutex_);
  packs_[number] = {.file_bytes = file_bytes, .used = used};
  total_bytes_ += file_bytes;
  MakeRoom(records_, items.size());
  for (const PackItem& item : items) {
    const auto it = records_.find(item.digest);
    if (it != records_.end() && it->second.where.is_blob()) continue;
    if (it != records_.end()) Leave(it);
    Enter(item.digest, {.pack = number, .offset = item.offset, .size = item.size}, used);
  }
}

// Enters content that is not there; a blob's file counts with it, a pack's file with its pack.
void Catalog::Enter(const Digest& digest, const Location& where, SystemTime used) {
  records_.emplace(digest, Record{.where = where, .used = used});
  if (where.is_blob()) {
    total_bytes_ += where.size;
    return;
  }
  Pack& pack = packs_[where.pack];
  ++pack.live_count;
  pack.live_bytes += where.size + kPackItemFrame;
}

void Catalog::Leave(Records::iterator it) {
  const Location where = it->second.where;
  records_.erase(it);
  if (where.is_blob()) {
    total_bytes_ -= where.size;
    return;
  }
  Pack& pack = packs_[where.pack];
  --pack.live_count;
  pack.live_bytes -= where.size + kPackItemFrame;
}

void Catalog::Touch(const Digest& digest, Record& record, SystemTime now) {
  record.used = std::max(record.used, now);
  if (record.where.is_blob()) {
    if (!std::exchange(record.unsaved, true)) unsaved_.push_back(digest);
  } else {
    Pack& pack = packs_[record.where.pack];
    pack.used = std::max(pack.used, now);
    pack.unsaved = true;
  }
}

std::optional<Location> Catalog::Use(const Digest& digest) {
  const SystemTime now = clock_.System();
  std::lock_guard lock(mutex_);
  const auto it = records_.find(digest);
  if (it == records_.end()) return std::nullopt;
  Touch(digest, it->second, now);
  return it->second.where;
}

bool Catalog::Has(const Digest& digest) const {
  std::lock_guard lock(mutex_);
  return records_.contains(digest);
}

std::vector<Digest> Catalog::Missing(std::span<const Digest> digests, int64_t lease) {
  const SystemTime now = clock_.System();
  std::vector<Digest> missing;
  // In ascending order equal ones are neighbours.
  const bool ascending = std::is_sorted(digests.begin(), digests.end());
  std::unordered_set<Digest> seen;
  const auto is_new = [&](const Digest& digest) {
    return ascending ? missing.empty() || missing.back() != digest : seen.insert(digest).second;
  };
  std::lock_guard lock(mutex_);
  const auto leased = leases_.find(lease);
  if (leased != leases_.end()) MakeRoom(leased_, digests.size());
  for (const Digest& digest : digests) {
    if (const auto it = records_.find(digest); it != records_.end() && !IsInDoubt(it->second.where)) {
      Touch(digest, it->second, now);
      if (leased != leases_.end()) Hold(leased->second, digest);
    } else if (is_new(digest)) {
      missing.push_back(digest);
    }
  }
  return missing;
}

uint64_t Catalog::total_bytes() const {
  std::lock_guard lock(mutex_);
  return total_bytes_;
}

bool Catalog::LeaseIfPresent(const Digest& digest, int64_t lease) {
  const SystemTime now = clock_.System();
  std::lock_guard lock(mutex_);
  const auto it = records_.find(digest);
  if (it == records_.end() || IsInDoubt(it->second.where)) return false;
  Touch(digest, it->second, now);
  AddToLeaseLocked(lease, digest);
  return true;
}

bool Catalog::ReserveBlob(const Digest& digest, int64_t lease) {
  const SystemTime now = clock_.System();
  std::unique_lock lock(mutex_);
  unreserved_.wait(lock, [&] { return !reserved_.contains(digest); });
  if (const auto it = records_.find(digest); it != records_.end() && !IsInDoubt(it->second.where)) {
    Touch(digest, it->second, now);
    AddToLeaseLocked(lease, digest);
    return true;
  }
  reserved_.insert(digest);
  return false;
}

void Catalog::FinishBlob(const Digest& digest, std::optional<uint64_t> size, int64_t lease, uint64_t number) {
  const SystemTime now = clock_.System();
  {
    std::lock_guard lock(mutex_);
    reserved_.erase(digest);
    if (size) {
      // A pack may have brought the same content meanwhile; the file is there now, so it counts.
      if (const auto it = records_.find(digest); it != records_.end()) Leave(it);
      Enter(digest, {.offset = number, .size = *size}, now);
      Touch(digest, records_.find(digest)->second, now);
      AddToLeaseLocked(lease, digest);
    }
  }
  unreserved_.notify_all();
}

void Catalog::SettleBlob(const Digest& digest, uint64_t number) {
  std::lock_guard lock(mutex_);
  const auto it = records_.find(digest);
  if (it != records_.end() && it->second.where.is_blob() && it->second.where.offset == number) {
    it->second.where.offset = 0;
  }
}

void Catalog::BeginSync(uint64_t number) {
  std::lock_guard lock(mutex_);
  unsynced_.insert(number);
}

void Catalog::EndSync(uint64_t number, const Status& status) {
  {
    std::lock_guard lock(mutex_);
    unsynced_.erase(number);
    if (!status.ok()) in_doubt_.emplace(number, status);
  }
  synced_.notify_all();
}

Status Catalog::AwaitSynced(int64_t lease, const std::function<Status()>& between) {
  std::unique_lock lock(mutex_);
  const std::vector<uint64_t> numbers = UnsyncedOf(lease);
  const auto all_synced = [&] {
    return std::none_of(numbers.begin(), numbers.end(), [this](uint64_t number) { return unsynced_.contains(number); });
  };
  while (!synced_.wait_for(lock, kAskEvery, all_synced)) {
    lock.unlock();
    SLIPWAY_RETURN_IF_ERROR(between());
    lock.lock();
  }
  for (const uint64_t number : numbers) {
    if (const auto it = in_doubt_.find(number); it != in_doubt_.end()) return it->second;
  }
  return Status();
}

// With what is in doubt.
std::vector<uint64_t> Catalog::UnsyncedOf(int64_t lease) const {
  const size_t most = unsynced_.size() + in_doubt_.size();
  std::unordered_set<uint64_t> found;
  const auto it = leases_.find(lease);
  if (it == leases_.end()) return {};
  for (const Leased::const_pointer content : it->second.contents) {
    if (found.size() == most) break;  // most often at once: there are few, and they came with this lease
    const auto record = records_.find(content->first);
    if (record == records_.end()) continue;
    const uint64_t number = record->second.where.number();
    if (unsynced_.contains(number) || in_doubt_.contains(number)) found.insert(number);
  }
  return {found.begin(), found.end()};
}

bool Catalog::IsInDoubt(const Location& where) const {
  return !in_doubt_.empty() && in_doubt_.contains(where.number());
}

void Catalog::AddPack(uint64_t number, uint64_t file_bytes, std::span<const PackItem> items, int64_t lease) {
  const SystemTime now = clock_.System();
  std::lock_guard lock(mutex_);
  packs_[number] = {.file_bytes = file_bytes, .used = now, .unsaved = true};
  total_bytes_ += file_bytes;
  MakeRoom(records_, items.size());
  for (const PackItem& item : items) {
    const auto it = records_.find(item.digest);
    if (it != records_.end() && !IsInDoubt(it->second.where)) {
      Touch(item.digest, it->second, now);
    } else {
      if (it != records_.end()) Leave(it);
      Enter(item.digest, {.pack = number, .offset = item.offset, .size = item.size}, now);
    }
    AddToLeaseLocked(lease, item.digest);
  }
}

int64_t Catalog::NewLease() {
  std::lock_guard lock(mutex_);
  leases_.emplace(++last_lease_, Holding());
  return last_lease_;
}

void Catalog::Hold(Holding& holding, const Digest& digest) {
  const auto it = leased_.try_emplace(digest, 0U).first;
  ++it->second;
  std::vector<Leased::pointer>& contents = holding.contents;
  contents.push_back(&*it);
  if (contents.size() < holding.tidy_at) return;
  std::sort(contents.begin(), contents.end(), std::less<>());
  size_t kept = 1;
  for (size_t i = 1; i < contents.size(); ++i) {
    if (contents[i] == contents[kept - 1]) {
      --contents[i]->second;
    } else {
      contents[kept++] = contents[i];
    }
  }
  contents.resize(kept);
  holding.tidy_at = std::max(holding.tidy_at, 2 * kept);
}

void Catalog::LetGo(Leased::pointer content) {
  if (--content->second > 0) return;
  const Digest digest = content->first;
  leased_.erase(digest);
}

void Catalog::AddToLeaseLocked(int64_t lease, const Digest& digest) {
  if (const auto it = leases_.find(lease); it != leases_.end()) Hold(it->second, digest);
}

void Catalog::AddToLease(int64_t lease, std::span<const Digest> digests) {
  std::lock_guard lock(mutex_);
  const auto it = leases_.find(lease);
  if (it == leases_.end()) return;
  for (const Digest& digest : digests) Hold(it->second, digest);
}

void Catalog::EndLease(int64_t lease) {
  constexpr size_t kAtOnce = 4096;  // others wait that long
  Holding holding;
  std::unique_lock lock(mutex_);
  const auto it = leases_.find(lease);
  if (it == leases_.end()) return;
  holding = std::move(it->second);
  leases_.erase(it);
  for (size_t i = 0; i < holding.contents.size(); ++i) {
    if (i > 0 && i % kAtOnce == 0) {
      lock.unlock();
      lock.lock();
    }
    LetGo(holding.contents[i]);
  }
}

bool Catalog::IsLeased(const Digest& digest) const { return leased_.contains(digest); }

std::vector<Candidate> Catalog::Candidates() const {
  std::lock_guard lock(mutex_);
  std::vector<Candidate> out;
  out.reserve(records_.size());
  for (const auto& [digest, record] : records_) {
    out.push_back({.digest = digest, .used = record.used, .where = record.where});
  }
  return out;
}

bool Catalog::Take(const Candidate& candidate) {
  std::lock_guard lock(mutex_);
  const auto it = records_.find(candidate.digest);
  if (it == records_.end() || it->second.used != candidate.used || it->second.where != candidate.where) return false;
  if (IsLeased(candidate.digest)) return false;
  Leave(it);
  if (candidate.where.is_blob()) reserved_.insert(candidate.digest);
  return true;
}

std::vector<PackState> Catalog::Packs() const {
  std::lock_guard lock(mutex_);
  std::vector<PackState> out;
  for (const auto& [number, pack] : packs_) {
    out.push_back({number, pack.file_bytes, pack.live_count, pack.live_bytes});
  }
  return out;
}

std::vector<PackItem> Catalog::Live(uint64_t pack, std::span<const PackItem> items) const {
  std::lock_guard lock(mutex_);
  std::vector<PackItem> live;
  for (const PackItem& item : items) {
    const auto it = records_.find(item.digest);
    const Location here{.pack = pack, .offset = item.offset, .size = item.size};
    if (it != records_.end() && it->second.where == here) live.push_back(item);
  }
  return live;
}

void Catalog::MovePack(uint64_t number, uint64_t file_bytes, std::span<const PackItem> items,
                       std::span<const Location> from) {
  std::lock_guard lock(mutex_);
  packs_[number] = {.file_bytes = file_bytes, .used = SystemTime::min(), .unsaved = true};
  total_bytes_ += file_bytes;
  for (size_t i = 0; i < items.size(); ++i) {
    const auto it = records_.find(items[i].digest);
    if (it == records_.end() || it->second.where != from[i]) continue;
    const SystemTime used = it->second.used;
    Leave(it);
    Enter(items[i].digest, {.pack = number, .offset = items[i].offset, .size = items[i].size}, used);
    Pack& pack = packs_[number];
    pack.used = std::max(pack.used, used);
  }
}

bool Catalog::TakePackIfDead(uint64_t number) {
  std::lock_guard lock(mutex_);
  const auto it = packs_.find(number);
  if (it == packs_.end() || it->second.live_count != 0) return false;
  total_bytes_ -= it->second.file_bytes;
  packs_.erase(it);
  return true;
}

void Catalog::DropIfLost(const Digest& digest, const Location& where, const std::function<bool()>& is_gone) {
  std::lock_guard lock(mutex_);
  const auto it = records_.find(digest);
  if (it != records_.end() && it->second.where == where && is_gone()) Leave(it);
}

std::vector<FileUse> Catalog::TakeUses() {
  std::lock_guard lock(mutex_);
  std::vector<FileUse> uses;
  for (const Digest& digest : std::exchange(unsaved_, {})) {
    const auto it = records_.find(digest);
    if (it == records_.end() || !it->second.where.is_blob()) continue;
    it->second.unsaved = false;
    uses.push_back({.name = digest.hex(), .size = it->second.where.size, .used = it->second.used});
  }
  for (auto& [number, pack] : packs_) {
    if (!std::exchange(pack.unsaved, false)) continue;
    uses.push_back({.name = Layout::PackName(number), .size = pack.file_bytes, .used = pack.used});
  }
  return uses;
}

}  // namespace slipway::content
