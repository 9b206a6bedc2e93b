#include "executor/solver/solver.h"

#include "executor/base/log.h"
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

namespace {
// Each finds at least one more layer that cannot be had; a cache that has lost more than that is not worth more time.
constexpr int kMostAttempts = 4;
}  // namespace

struct Solver::Impl {
  Workshop workshop;
};

Solver::Solver(Evaluator& evaluator, CacheStore& cache, layer::Store& layers, content::Store& content, size_t parallel)
    : impl_(new Impl{.workshop{evaluator, cache, layers, content, parallel}}) {}

Solver::~Solver() = default;

Result<Solved> Solver::Solve(const Context& ctx, const std::vector<graph::VertexPtr>& roots, ProgressSink& progress,
                             const SolveOptions& options) {
  Attempt attempt;
  for (int number = 1;; ++number) {
    attempt.last = number == kMostAttempts;
    solver::Solve solve(impl_->workshop, ctx, progress, options, attempt);
    Result<Solved> solved = solve.Do(roots);
    if (solved.ok() || solve.lost().empty() || ctx.Done()) return solved;
    spdlog::warn("cached results are made again, since a layer of theirs cannot be had: {}", solved.status().message());
    attempt.lost.insert(solve.lost().begin(), solve.lost().end());
  }
}

}  // namespace slipway::solver
