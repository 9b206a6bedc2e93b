#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "executor/content/ingest.h"

namespace slipway::content {

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

Result<Digest> DiskBatch::AddLarge(DiskIngest& ingest) {
  SLIPWAY_ASSIGN_OR_RETURN(const Digest digest, ingest.Seal());
  if (!IsNew(digest)) return digest;
  large_.push_back({.digest = digest, .size = ingest.size(), .file = std::move(ingest.file())});
  failure_ = syncs_.Add(large_.back().file);
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
  return syncs_.Add(packs_.back().file());
}

Status DiskBatch::Commit(Lease* lease) {
  SLIPWAY_RETURN_IF_ERROR(failure_);
  if (current_) return Internal("a batch is committed in the middle of a file");
  failure_ = Internal("a batch is committed twice");
  SLIPWAY_RETURN_IF_ERROR(EndPack());
  SLIPWAY_RETURN_IF_ERROR(syncs_.Finish());
  SLIPWAY_RETURN_IF_ERROR(MovePacks());
  const int64_t guard = DiskStore::LeaseId(&guard_);
  for (size_t i = 0; i < packs_.size(); ++i) {
    store_.catalog().AddPack(pack_numbers_[i], packs_[i].size(), packs_[i].items(), guard);
  }
  SLIPWAY_RETURN_IF_ERROR(MoveLarge(guard));
  store_.catalog().AddToLease(DiskStore::LeaseId(lease), digests_);
  guard_ = Lease();
  return Status();
}

Status DiskBatch::MovePacks() {
  for (size_t i = 0; i < packs_.size(); ++i) {
    SLIPWAY_RETURN_IF_ERROR(packs_[i].file().MoveTo(store_.layout().Pack(pack_numbers_[i])));
  }
  return packs_.empty() ? Status() : fs::SyncDir(store_.layout().Packs());
}

// One sync of the folder for all, so their names stay reserved until then; in order of digest, as reserving several
// must be.
Status DiskBatch::MoveLarge(int64_t lease) {
  std::sort(large_.begin(), large_.end(), [](const Large& a, const Large& b) { return a.digest < b.digest; });
  std::vector<const Large*> moved;
  Status status;
  for (Large& large : large_) {
    if (store_.catalog().ReserveBlob(large.digest, lease)) continue;
    moved.push_back(&large);
    if (status.ok()) status = large.file.MoveTo(store_.layout().Blob(large.digest));
    if (!status.ok()) break;
  }
  if (status.ok() && !moved.empty()) status = fs::SyncDir(store_.layout().Blobs());
  for (const Large* large : moved) {
    store_.catalog().FinishBlob(large->digest, status.ok() ? std::optional(large->size) : std::nullopt, lease);
  }
  return status;
}

}  // namespace slipway::content
