// OpEvaluator: what each op of a graph does, for the solver. One file an op: source trees and downloads (remote.h),
// file operations (file.h), programs (exec.h).
#pragma once

#include <memory>

#include "executor/ops/exec.h"
#include "executor/ops/file.h"
#include "executor/ops/remote.h"
#include "executor/solver/solver.h"

namespace slipway::ops {

class OpEvaluator : public solver::Evaluator {
 public:
  OpEvaluator(FileOps& file, ExecOps& exec, RemoteOps& remote) : file_(file), exec_(exec), remote_(remote) {}

  solver::Reading Reads(const graph::Vertex& vertex, size_t input) override;
  Result<solver::ContentKey> Key(const Context& ctx, const graph::Vertex& vertex,
                                 const std::vector<solver::Output>& inputs, const VertexProgress& progress) override;
  Result<layer::Chain> Run(const Context& ctx, const graph::Vertex& vertex, const std::vector<solver::Output>& inputs,
                           const solver::ContentKey& key, content::Lease* lease,
                           const VertexProgress& progress) override;

 private:
  FileOps& file_;
  ExecOps& exec_;
  RemoteOps& remote_;
};

}  // namespace slipway::ops
