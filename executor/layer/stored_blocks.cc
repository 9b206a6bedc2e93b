#include "executor/layer/stored_blocks.h"

#include <span>

namespace slipway::layer {

// Whatever goes wrong here costs the time to compress the block, so nothing is told.
std::optional<PackedBlock> StoredBlocks::Find(const Digest& key, ByteBuffer& out) {
  const auto found = records_.Block(key);
  if (!found.ok() || !found->has_value()) return std::nullopt;
  const auto& [digest, block] = **found;
  const std::optional<content::Blob> blob = Open(digest);
  if (!blob || block.offset > blob->size() || block.size > blob->size() - block.offset) return std::nullopt;
  out.Reserve(block.size);
  const auto got = blob->ReadAt(std::span(out.data(), block.size), block.offset);
  if (!got.ok() || *got != block.size) return std::nullopt;
  out.set_size(block.size);
  return block;
}

std::optional<content::Blob> StoredBlocks::Open(const Digest& digest) {
  auto open = open_.Lock();
  const auto [at, is_new] = open->try_emplace(digest);
  if (is_new) {
    if (auto blob = content_.Open(digest); blob.ok()) at->second = *std::move(blob);
  }
  return at->second;
}

}  // namespace slipway::layer
