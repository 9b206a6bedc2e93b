// FileContents: contents of single files of layers, read where they are or brought into the content store.
//
// A recipe's are there already. Of other layers small files are copied, so that programs that run on the layer see the
// link count that it came with; large ones are linked in, since copying would double their cost. Thread-safe.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "executor/base/context.h"
#include "executor/base/progress.h"
#include "executor/base/status.h"
#include "executor/content/store.h"
#include "executor/layer/store.h"
#include "executor/layer/unpacker.h"

namespace slipway::layer {

class FileContents {
 public:
  /// Both must outlive it.
  FileContents(content::Store& content, Unpacker& unpacker) : content_(content), unpacker_(unpacker) {}

  // As Store's FileContent, FileContents and OpenFile.
  Result<Digest> Take(const Context& ctx, const Chain& chain, size_t position, const tree::Entry& file,
                      content::Lease* lease, const VertexProgress& progress);
  Result<std::vector<Digest>> TakeAll(const Context& ctx, const Chain& chain, const std::vector<Store::FileAt>& files,
                                      content::Lease* lease, const VertexProgress& progress);
  Result<content::Blob> Open(const Context& ctx, const Chain& chain, size_t position, const tree::Entry& file,
                             const VertexProgress& progress);

 private:
  content::Store& content_;
  Unpacker& unpacker_;
};

}  // namespace slipway::layer
