#include "executor/solver/solver.h"

#include "executor/solver/solve.h"
#include "executor/solver/workshop.h"

namespace slipway::solver {

Digest LinkOf(const graph::Vertex& vertex, const std::vector<Digest>& input_keys) {
  Hasher hasher;
  hasher.Field("link 1").Field(vertex.platform.ToString());
  graph::AddToDigest(vertex.op, hasher);
  hasher.Field(static_cast<uint64_t>(input_keys.size()));
  for (const Digest& key : input_keys) hasher.Field(key.hex());
  return hasher.Finish();
}

struct Solver::Impl {
  Workshop workshop;
};

Solver::Solver(Evaluator& evaluator, CacheStore& cache, layer::Store& layers, content::Store& content, size_t parallel)
    : impl_(new Impl{.workshop{evaluator, cache, layers, content, parallel}}) {}

Solver::~Solver() = default;

Result<Solved> Solver::Solve(const Context& ctx, const std::vector<graph::VertexPtr>& roots, ProgressSink& progress,
                             const SolveOptions& options) {
  return solver::Solve(impl_->workshop, ctx, progress, options).Do(roots);
}

}  // namespace slipway::solver
