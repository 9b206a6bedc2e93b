// StoredBlocks: the blocks of blobs that this daemon has assembled and that are still in the content store.
// Thread-safe.
#pragma once

#include <map>

#include "executor/base/guarded.h"
#include "executor/content/store.h"
#include "executor/layer/block_library.h"
#include "executor/layer/schema.h"

namespace slipway::layer {

class StoredBlocks : public BlockLibrary {
 public:
  /// Both must outlive it. Made for one assembly: blobs that were opened stay open, so they may be collected meanwhile.
  StoredBlocks(Records& records, content::Store& content) : records_(records), content_(content) {}

  std::optional<PackedBlock> Find(const Digest& key, ByteBuffer& out) override;

 private:
  std::optional<content::Blob> Open(const Digest& blob);

  Records& records_;
  content::Store& content_;
  Guarded<std::map<Digest, std::optional<content::Blob>>> open_;  // nothing: it is gone
};

}  // namespace slipway::layer
