// The assembler makes a layer blob out of entries: a deterministic PAX tar, hashed, compressed in parallel and hashed
// again, in one streaming pipeline with bounded memory.
//
//   entries → tar → SHA-256 (diff id) → block compression on several threads → SHA-256 (digest) → content store, and a
//   sink
//
// The same entries and contents give the same bytes, whatever the number of threads and the time of day: entries are
// sorted, where blocks end depends on the entries, nothing of the build's time is in the stream. Blocks end where an
// entry begins, by its name, so that a file that changed or was added changes the block that it is in and few others.
// Follows the OCI image layer specification 1.1.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "executor/base/context.h"
#include "executor/base/digest.h"
#include "executor/base/status.h"
#include "executor/base/thread_pool.h"
#include "executor/content/store.h"
#include "executor/layer/block_library.h"
#include "executor/oci/manifest.h"
#include "executor/tree/entry.h"

namespace slipway::layer {

/// Entries and a way to their bytes. `open` is called with file entries only, in the tree's order, from one thread.
struct EntrySource {
  std::shared_ptr<const tree::Tree> tree;
  std::function<Result<content::Blob>(const tree::Entry&)> open;
};

struct AssembleOptions {
  oci::Compression compression = oci::Compression::kGzip;
  oci::Family family = oci::Family::kOci;
  int level = -1;  ///< -1: the default of the codec here
  /// Times later than this are set to it (SOURCE_DATE_EPOCH with rewriting of timestamps).
  std::optional<int64_t> clamp_mtime;
  /// Extended attributes: file capabilities only, as docker and BuildKit have it, or all that the entries carry.
  bool all_xattrs = false;
  /// False: where there is a sink, the blob goes there and not into the content store.
  bool keep = true;
};

struct AssembledLayer {
  Digest diff_id;
  oci::Descriptor descriptor;
  uint64_t tar_bytes = 0;
};

/// Gets the compressed bytes as they come, in order: an upload that overlaps with the assembly. Its failure does not
/// end the assembly: `Write` is then not called again and the caller uploads from the content store.
class BlobSink {
 public:
  virtual ~BlobSink() = default;
  virtual Status Write(std::string_view bytes) = 0;
};

/// Where Assemble looks for compressed blocks, and what it found or made.
struct BlockReuse {
  BlockLibrary* earlier = nullptr;  ///< may be null: nothing is looked for or told
  std::vector<PackedBlock> blocks;  ///< of the blob, without small ones
};

/// Assembles into the content store (leased). `progress` gets the tar bytes done; may be empty. `sink` and `reuse` may
/// be null. With or without `reuse`, the bytes are the same.
Result<AssembledLayer> Assemble(const Context& ctx, const EntrySource& source, const AssembleOptions& options,
                                content::Store& store, content::Lease* lease, ThreadPool& pool, BlobSink* sink,
                                const std::function<void(uint64_t)>& progress, BlockReuse* reuse = nullptr);

}  // namespace slipway::layer
