// Unpacker: layers and recipes as folders for an overlay.
//
// A folder is used at once, whole and recorded, and reaches the disk afterwards (settler.h). Most layers stand alone
// and are unpacked once, whatever they lie on; one that needed to know what is below (archive.h, LowerAccess) is
// unpacked for each chain of layers below it. Thread-safe.
#pragma once

#include <string>
#include <vector>

#include "executor/base/context.h"
#include "executor/base/fs.h"
#include "executor/base/progress.h"
#include "executor/base/status.h"
#include "executor/base/thread_pool.h"
#include "executor/layer/archive.h"
#include "executor/layer/downloads.h"
#include "executor/layer/indexes.h"
#include "executor/layer/layout.h"
#include "executor/layer/schema.h"
#include "executor/layer/settler.h"
#include "executor/layer/unpackings.h"

namespace slipway::layer {

class Unpacker {
 public:
  /// What it works with; all of it must outlive it.
  struct Parts {
    const Layout& layout;
    content::Store& content;
    ThreadPool& pool;
    Records& records;
    Downloads& downloads;
    Unpackings& unpackings;
    Indexes& indexes;
    Settler& settler;
  };
  Unpacker(const Parts& parts, const ArchiveLimits& limits) : parts_(parts), limits_(limits) {}

  /// The folder of the layer at `position`; equal requests at one time are one.
  Result<std::string> Folder(const Context& ctx, const Chain& chain, size_t position, const VertexProgress& progress);
  /// Those of all layers, the topmost first; what is missing is unpacked in parallel.
  Result<std::vector<std::string>> Folders(const Context& ctx, const Chain& chain, const VertexProgress& progress);

 private:
  struct Filled {
    fs::TempDir folder;
    bool alone = true;  // it did not depend on what is below it
  };
  /// "" if it is not there.
  Result<std::string> Known(const LayerRow& row, const std::string& below);
  Result<std::string> Missing(const Context& ctx, const Chain& chain, size_t position, const LayerRow& row,
                              const VertexProgress& progress);
  Result<std::string> Unpack(const Context& ctx, const Chain& chain, size_t position, const LayerRow& row,
                             const VertexProgress& progress);
  Result<Filled> FillFromRecipe(const Context& ctx, const LayerRow& row, const VertexProgress& progress);
  Result<Filled> FillFromBlob(const Context& ctx, const Chain& chain, size_t position, const LayerRow& row,
                              const VertexProgress& progress);
  LowerAccess LowerOf(const Context& ctx, const Chain& chain, size_t position, const VertexProgress& progress);

  const Parts parts_;
  const ArchiveLimits limits_;
};

}  // namespace slipway::layer
