#include "executor/content/store.h"

#include "executor/base/fs.h"
#include "executor/content/disk_store.h"

namespace slipway::content {

Result<size_t> Blob::ReadAt(std::span<char> buffer, uint64_t position) const {
  if (position >= size_ || buffer.empty()) return size_t{0};
  const std::span<char> wanted = buffer.first(static_cast<size_t>(std::min<uint64_t>(buffer.size(), size_ - position)));
  SLIPWAY_ASSIGN_OR_RETURN(const size_t got,
                           fs::ReadFullAt(fd_->get(), wanted, offset_ + static_cast<int64_t>(position)));
  if (got != wanted.size()) return DataLoss("stored content ends {} bytes early", wanted.size() - got);
  return got;
}

Result<std::string> Blob::ReadAll(uint64_t limit) const {
  if (size_ > limit) return ResourceExhausted("content of {} bytes is larger than {} bytes", size_, limit);
  std::string out(size_, '\0');
  SLIPWAY_RETURN_IF_ERROR(ReadAt(out, 0).status());
  return out;
}

Lease::Lease(Lease&& other) noexcept : store_(std::exchange(other.store_, nullptr)), id_(std::exchange(other.id_, 0)) {}

Lease& Lease::operator=(Lease&& other) noexcept {
  if (this != &other) {
    Lease old(std::move(*this));
    store_ = std::exchange(other.store_, nullptr);
    id_ = std::exchange(other.id_, 0);
  }
  return *this;
}

Lease::~Lease() {
  if (store_ != nullptr) store_->EndLease(id_);
}

Status Lease::Add(const Digest& digest) { return Add(std::span(&digest, 1)); }

Status Lease::Add(std::span<const Digest> digests) {
  return store_ != nullptr ? store_->AddToLease(id_, digests) : Internal("add to a lease that has ended");
}

Result<std::unique_ptr<Store>> Store::Open(const std::string& root, const OpenOptions& options) {
  auto store = std::make_unique<DiskStore>(root, *options.clock);
  SLIPWAY_RETURN_IF_ERROR(store->Load().With(fmt::format("content store '{}'", root)));
  return std::unique_ptr<Store>(std::move(store));
}

Result<Digest> Store::Put(std::string_view bytes, Lease* lease, Durable durable) {
  SLIPWAY_ASSIGN_OR_RETURN(std::unique_ptr<Ingest> ingest, Begin({.expected = {}, .durable = durable}));
  SLIPWAY_RETURN_IF_ERROR(ingest->Write(bytes));
  return ingest->Commit(lease);
}

}  // namespace slipway::content
