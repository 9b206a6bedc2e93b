// The solver evaluates a graph: every vertex that the roots need, each at most once, in parallel up to a limit.
//
// For each vertex there are two keys (see cache.h): the definition key, known from the graph alone, and the content
// key, known once the inputs are solved. A record under the definition key ends the walk: nothing below is looked at.
// Otherwise the inputs are solved, the content key is made, looked up, and only then is the vertex executed.
//
// Two runs that need the same vertex at the same moment share one execution: it goes on until the last of them gives
// up, and all of them see its progress. The solver knows vertices and keys, nothing of Dockerfiles, containers or
// registries.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "executor/base/context.h"
#include "executor/base/digest.h"
#include "executor/base/progress.h"
#include "executor/base/status.h"
#include "executor/content/store.h"
#include "executor/graph/vertex.h"
#include "executor/layer/store.h"
#include "executor/solver/cache.h"

namespace slipway::solver {

/// What a vertex gave: a file system.
struct Output {
  layer::Chain chain;
  Digest key;  ///< content key: equal keys are equal file systems
};

/// The content key of a vertex, and what it was made of.
struct ContentKey {
  Digest key;
  std::string explain;
  /// What Key() worked out and Run() needs again; the evaluator's own.
  std::shared_ptr<const void> memo;
};

/// How vertices are evaluated. Thread-safe.
class Evaluator {
 public:
  virtual ~Evaluator() = default;
  /// May read (hash files, ask a remote for its head), must not execute. `inputs` are those of the vertex, in order.
  virtual Result<ContentKey> Key(const Context& ctx, const graph::Vertex& vertex, const std::vector<Output>& inputs,
                                 const VertexProgress& progress) = 0;
  /// Executes. What it makes is leased under `lease`.
  virtual Result<layer::Chain> Run(const Context& ctx, const graph::Vertex& vertex, const std::vector<Output>& inputs,
                                   const ContentKey& key, content::Lease* lease, const VertexProgress& progress) = 0;
};

struct SolveStats {
  int vertices = 0;  ///< without sources
  int cached = 0;
};

struct Solved {
  std::vector<Output> roots;  ///< in the order asked for
  SolveStats stats;
};

class Solver {
 public:
  /// At most `parallel` vertices are executed at once, over all solves. All arguments must outlive the solver.
  Solver(Evaluator& evaluator, CacheStore& cache, layer::Store& layers, content::Store& content, size_t parallel);
  /// No solve may be under way.
  ~Solver();

  /// Blocks. On failure the other vertices are cancelled and the first failure is returned; so on cancel. The failing
  /// vertex's message is given with its name by the progress events, and with its position in the status.
  Result<Solved> Solve(const Context& ctx, const std::vector<graph::VertexPtr>& roots, ProgressSink& progress);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace slipway::solver
