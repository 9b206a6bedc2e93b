#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <span>
#include <utility>

#include "executor/base/cleanup.h"
#include "executor/content/ingest.h"

namespace slipway::content {

namespace {
// Of a file of somebody else's: hashed and written side by side.
constexpr uint64_t kReadAtOnce = 1U << 20;
}  // namespace

bool DiskBatch::IsNew(const Digest& digest) {
  if (!seen_.insert(digest).second) return false;
  digests_.push_back(digest);
  return !store_.catalog().LeaseIfPresent(digest, DiskStore::LeaseId(&guard_));
}

Result<Digest> DiskBatch::Add(std::string_view bytes) {
  SLIPWAY_RETURN_IF_ERROR(failure_);
  if (bytes.size() > kLargestPacked) {
    SLIPWAY_RETURN_IF_ERROR(BeginFile(bytes.size(), Digest()));
    SLIPWAY_RETURN_IF_ERROR(Append(bytes));
    return EndFile();
  }
  return AddPacked(Digest::Of(bytes), bytes);
}

Result<Digest> DiskBatch::AddPacked(const Digest& digest, std::string_view bytes) {
  if (bytes.empty() || !IsNew(digest)) return digest;
  // A pack is removed or rewritten as one, so it should not grow without end.
  if (packs_.empty() || packs_.back().size() + bytes.size() > kPackFull) {
    failure_ = NextPack();
    SLIPWAY_RETURN_IF_ERROR(failure_);
  }
  failure_ = packs_.back().Add(digest, bytes);
  SLIPWAY_RETURN_IF_ERROR(failure_);
  return digest;
}

Status DiskBatch::BeginFile(uint64_t size, const Digest& expected) {
  SLIPWAY_RETURN_IF_ERROR(failure_);
  if (current_) return Internal("a file of a batch begins before the last one has ended");
  Current current;
  current.size = size;
  current.expected = expected;
  if (size > kLargestPacked) {
    SLIPWAY_ASSIGN_OR_RETURN(StagedFile file, StagedFile::Create(store_.layout().Ingest(store_.NextNumber())));
    current.large = std::make_unique<DiskIngest>(store_, IngestOptions{.expected = expected}, std::move(file));
  }
  current_ = std::move(current);
  return Status();
}

Status DiskBatch::Append(std::string_view bytes) {
  SLIPWAY_RETURN_IF_ERROR(failure_);
  if (!current_) return Internal("bytes of a batch come before the file has begun");
  if (bytes.size() > current_->size - current_->written) {
    const uint64_t size = current_->size;
    current_.reset();
    return DataLoss("a file was announced with {} bytes and has more", size);
  }
  current_->written += bytes.size();
  if (!current_->large) return AppendSmall(bytes);
  Status status = current_->large->Write(bytes);
  if (!status.ok()) current_.reset();
  return status;
}

// Most files of a context come whole, and need not be put together first.
Status DiskBatch::AppendSmall(std::string_view bytes) {
  Current& current = *current_;
  if (bytes.size() < current.size || bytes.empty()) {
    if (current.bytes.empty()) current.bytes.reserve(current.size);
    current.bytes.append(bytes);
    return Status();
  }
  current.digest = Digest::Of(bytes);
  if (!current.expected.empty() && current.digest != current.expected) return Status();  // EndFile tells
  return AddPacked(current.digest, bytes).status();
}

Result<Digest> DiskBatch::EndFile() {
  SLIPWAY_RETURN_IF_ERROR(failure_);
  if (!current_) return Internal("a file of a batch ends before it has begun");
  const std::optional<Current> current = std::exchange(current_, std::nullopt);
  if (current->written != current->size) {
    return DataLoss("a file was announced with {} bytes and has {}", current->size, current->written);
  }
  if (current->large) return AddLarge(*current->large);
  const bool whole = !current->digest.empty();
  const Digest digest = whole ? current->digest : Digest::Of(current->bytes);
  if (!current->expected.empty() && digest != current->expected) return WrongContent(digest, current->expected);
  return whole ? digest : AddPacked(digest, current->bytes);
}

Result<Digest> DiskBatch::AddFile(int fd, uint64_t size, const Digest& expected,
                                  const std::function<Status()>& between) {
  SLIPWAY_RETURN_IF_ERROR(BeginFile(size, expected));
  if (Status status = AppendAll(fd, between); !status.ok()) {
    current_.reset();
    return status;
  }
  return EndFile();
}

Status DiskBatch::AppendAll(int fd, const std::function<Status()>& between) {
  const uint64_t size = current_->size;
  struct stat st {};
  if (::fstat(fd, &st) != 0) return ErrnoStatus(errno, "stat");
  if (current_->large && static_cast<uint64_t>(st.st_size) == size) {
    SLIPWAY_ASSIGN_OR_RETURN(const bool shared, current_->large->Share(fd, size, between));
    current_->written = current_->large->size();
    if (shared) return Status();
  }
  std::string buffer(std::min<uint64_t>(size, kReadAtOnce), '\0');
  for (uint64_t at = 0; at < size;) {
    SLIPWAY_RETURN_IF_ERROR(between());
    const std::span<char> part(buffer.data(), std::min<uint64_t>(size - at, buffer.size()));
    SLIPWAY_ASSIGN_OR_RETURN(const size_t got, fs::ReadFullAt(fd, part, static_cast<int64_t>(at)));
    if (got == 0) return DataLoss("a file was announced with {} bytes and has {}", size, at);
    SLIPWAY_RETURN_IF_ERROR(Append(std::string_view(part.data(), got)));
    at += got;
  }
  return Status();
}

Result<Digest> DiskBatch::AddLarge(DiskIngest& ingest) {
  SLIPWAY_ASSIGN_OR_RETURN(const Digest digest, ingest.Seal());
  if (!IsNew(digest)) return digest;
  large_.push_back({.digest = digest, .size = ingest.size(), .file = std::move(ingest.file())});
  failure_ = EndWriting(large_.back().file);
  SLIPWAY_RETURN_IF_ERROR(failure_);
  return digest;
}

Status DiskBatch::NextPack() {
  SLIPWAY_RETURN_IF_ERROR(EndPack());
  const uint64_t number = store_.NextNumber();
  SLIPWAY_ASSIGN_OR_RETURN(PackWriter pack, PackWriter::Create(store_.layout().Ingest(number)));
  packs_.push_back(std::move(pack));
  pack_numbers_.push_back(number);
  return Status();
}

Status DiskBatch::EndPack() {
  if (packs_.empty()) return Status();
  SLIPWAY_RETURN_IF_ERROR(packs_.back().End());
  return EndWriting(packs_.back().file());
}

// Of a batch that does not wait for the disk, some files stay open until they have reached it; of many, the older ones
// do meanwhile.
Status DiskBatch::EndWriting(StagedFile& file) {
  if (durable_ == Durable::kAtCommit) return syncs_.Add(file);
  SLIPWAY_RETURN_IF_ERROR(file.EndWriting());
  late_.push_back(&file);
  if (late_.size() <= SyncQueue::kMostWaiting) return Status();
  StagedFile& oldest = *late_.front();
  late_.pop_front();
  return syncs_.Add(oldest);
}

Status DiskBatch::Commit(Lease* lease) {
  SLIPWAY_RETURN_IF_ERROR(failure_);
  if (current_) return Internal("a batch is committed in the middle of a file");
  failure_ = Internal("a batch is committed twice");
  SLIPWAY_RETURN_IF_ERROR(EndPack());
  if (store_.IsBehind()) {
    for (StagedFile* file : std::exchange(late_, {})) SLIPWAY_RETURN_IF_ERROR(syncs_.Add(*file));
  }
  SLIPWAY_RETURN_IF_ERROR(syncs_.Finish());
  const Cleanup sync_behind([this] { store_.SyncBehind(std::move(behind_)); });
  const int64_t guard = DiskStore::LeaseId(&guard_);
  SLIPWAY_RETURN_IF_ERROR(PublishPacks(guard));
  SLIPWAY_RETURN_IF_ERROR(PublishLarge(guard));
  store_.catalog().AddToLease(DiskStore::LeaseId(lease), digests_);
  guard_ = Lease();
  return Status();
}

// Synced files are closed, so one that is open still is to be synced behind.
Status DiskBatch::PublishPacks(int64_t lease) {
  bool any_synced = false;
  for (size_t i = 0; i < packs_.size(); ++i) {
    StagedFile& file = packs_[i].file();
    any_synced |= !file.valid();
    const Layout& layout = store_.layout();
    SLIPWAY_RETURN_IF_ERROR(
        file.MoveTo(file.valid() ? layout.UnsyncedPack(pack_numbers_[i]) : layout.Pack(pack_numbers_[i])));
  }
  if (any_synced) SLIPWAY_RETURN_IF_ERROR(fs::SyncDir(store_.layout().Packs()));
  for (size_t i = 0; i < packs_.size(); ++i) {
    StagedFile& file = packs_[i].file();
    if (file.valid()) {
      store_.catalog().BeginSync(pack_numbers_[i]);
      behind_.push_back({.digest = {}, .number = pack_numbers_[i], .file = file.Release()});
    }
    store_.catalog().AddPack(pack_numbers_[i], packs_[i].size(), packs_[i].items(), lease);
  }
  return Status();
}

// One sync of the folder for all, so their names stay reserved until then; in order of digest, as reserving several
// must be.
Status DiskBatch::PublishLarge(int64_t lease) {
  std::sort(large_.begin(), large_.end(), [](const Large& a, const Large& b) { return a.digest < b.digest; });
  struct Moved {
    Large& large;
    uint64_t number;  // 0: synced, in its place
  };
  std::vector<Moved> moved;
  bool any_synced = false;
  Status status;
  for (Large& large : large_) {
    if (store_.catalog().ReserveBlob(large.digest, lease)) continue;
    const uint64_t number = large.file.valid() ? store_.NextNumber() : 0;
    any_synced |= number == 0;
    moved.push_back({.large = large, .number = number});
    const Layout& layout = store_.layout();
    status = large.file.MoveTo(number != 0 ? layout.Unsynced(large.digest, number) : layout.Blob(large.digest));
    if (!status.ok()) break;
  }
  if (status.ok() && any_synced) status = fs::SyncDir(store_.layout().Blobs());
  for (const Moved& m : moved) {
    if (status.ok() && m.number != 0) {
      store_.catalog().BeginSync(m.number);
      behind_.push_back({.digest = m.large.digest, .number = m.number, .file = m.large.file.Release()});
    }
    const auto size = status.ok() ? std::optional(m.large.size) : std::nullopt;
    store_.catalog().FinishBlob(m.large.digest, size, lease, m.number);
  }
  return status;
}

}  // namespace slipway::content
