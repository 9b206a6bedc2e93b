// File operations: COPY, ADD and WORKDIR, made as entries of a recipe layer. No byte is copied and nothing is mounted.
//
// The rules of placing (what becomes of existing folders, links in the destination, owners, modes) are BuildKit's.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "executor/base/context.h"
#include "executor/base/status.h"
#include "executor/graph/vertex.h"
#include "executor/layer/store.h"
#include "executor/solver/solver.h"

namespace slipway::ops {

class FileOps {
 public:
  /// Both must outlive this.
  FileOps(layer::Store& layers, content::Store& content) : layers_(layers), content_(content) {}

  Result<solver::ContentKey> Key(const Context& ctx, const graph::FileOp& op, const graph::Vertex& vertex,
                                 const std::vector<solver::Output>& inputs, const VertexProgress& progress);
  Result<layer::Chain> Run(const Context& ctx, const graph::FileOp& op, const std::vector<solver::Output>& inputs,
                           const solver::ContentKey& key, content::Lease* lease, const VertexProgress& progress);

 private:
  layer::Store& layers_;
  content::Store& content_;
};

}  // namespace slipway::ops
