#include "daemon/sources/uploads.h"

#include <vector>

#include "executor/tree/entry.h"

namespace slipway::sources {

namespace {

constexpr uint64_t kMaxTree = 1ULL << 30;

Status Gone(const Digest& tree) {
  return NotFound("the uploaded context '{}' is not here (any more); upload it again", tree.ToString());
}

Result<content::Lease> LeaseTree(content::Store& store, const Digest& digest) {
  SLIPWAY_ASSIGN_OR_RETURN(content::Lease lease, store.NewLease("uploaded context " + digest.Short()));
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<Digest> absent, store.Missing(std::span(&digest, 1), &lease));
  if (!absent.empty()) return Gone(digest);
  SLIPWAY_ASSIGN_OR_RETURN(const content::Blob blob, store.Open(digest));
  SLIPWAY_ASSIGN_OR_RETURN(const std::string bytes, blob.ReadAll(kMaxTree));
  Result<tree::Tree> tree = tree::Decode(bytes);
  // Some other content of the store that a client gives out as a context.
  if (!tree.ok()) return NotFound("'{}' is not an uploaded context", digest.ToString());
  std::vector<Digest> contents;
  for (const tree::Entry& entry : tree->entries()) {
    if (entry.is_file() && !entry.digest.empty()) contents.push_back(entry.digest);
  }
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<Digest> missing, store.Missing(contents, &lease));
  if (!missing.empty()) return Gone(digest);
  return lease;
}

}  // namespace

void Uploads::Hold(const Digest& tree, content::Lease lease, std::shared_ptr<const tree::Tree> entries) {
  Held fresh{.lease = std::make_shared<content::Lease>(std::move(lease)), .until = clock_.Steady() + kKeep};
  if (offer_ && entries != nullptr) {
    offer_({.encoded = tree, .tree = std::move(entries), .lease = fresh.lease});
  }
  // The old lease is let go outside of the lock: that is a write to disk.
  auto held = held_.Lock();
  std::swap((*held)[tree], fresh);
}

Result<std::shared_ptr<content::Lease>> Uploads::Pin(const Digest& tree) {
  {
    auto held = held_.Lock();
    if (const auto it = held->find(tree); it != held->end()) return it->second.lease;
  }
  SLIPWAY_ASSIGN_OR_RETURN(content::Lease lease, LeaseTree(store_, tree));
  return std::make_shared<content::Lease>(std::move(lease));
}

void Uploads::Sweep() {
  std::vector<std::shared_ptr<content::Lease>> old;
  auto held = held_.Lock();
  std::erase_if(*held, [this, &old](auto& item) {
    if (item.second.until > clock_.Steady()) return false;
    old.push_back(std::move(item.second.lease));
    return true;
  });
}

}  // namespace slipway::sources
