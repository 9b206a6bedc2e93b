// The solver evaluates a graph: of the vertices that the roots need, those whose result is not known, each at most
// once, in parallel up to a limit.
//
// A vertex has three kinds of keys (see cache.h):
//   definition key  known from the graph alone. A record under it ends the walk: nothing below is looked at.
//   content key     what the result depends on: the operation, the content keys of its inputs, the content of what it
//                   reads. The same on every machine. Records are stored under it.
//   link            the operation and the content keys of its inputs. It leads to a content key that was found earlier,
//   so
//                   that a COPY from a stage needs not the stage's files to know its key.
// Keys are found from the bottom upwards without executing anything; results are then asked for from the roots
// downwards: what stands below a hit is not executed, also if its own result is known nowhere. Only where a key cannot
// be known without files that are yet to be made is what makes them executed first.
//
// Two runs that need the same vertex at the same moment share one execution: it goes on until the last of them gives
// up, and all of them see its progress. The solver knows vertices and keys, nothing of Dockerfiles, containers or
// registries.
#pragma once

#include <functional>
#include <memory>
#include <optional>
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
#include "executor/solver/cache_source.h"
#include "executor/solver/explain.h"

namespace slipway::solver {

/// What a vertex gave: a file system.
struct Output {
  layer::Chain chain;
  Digest key;  ///< content key: equal keys are equal file systems
};

/// The content key of a vertex, and what it was made of.
struct ContentKey {
  Digest key;
  /// What the key was made of; asked for only when a miss is explained. May be empty.
  std::function<KeyParts(size_t most_files)> parts;
  /// What Key() worked out and Run() needs again; the evaluator's own. Null if the key was found through a link.
  std::shared_ptr<const void> memo;
};

/// What Key() has to read of an input.
enum class Reading {
  kNothing,  ///< its key says enough
  kAtHand,   ///< files that are here, such as a build context's
  kFiles,    ///< files that may have to be made or fetched first
};

/// How vertices are evaluated. Thread-safe.
class Evaluator {
 public:
  virtual ~Evaluator() = default;
  virtual Reading Reads(const graph::Vertex& /*vertex*/, size_t /*input*/) { return Reading::kNothing; }
  /// May read (hash files, ask a remote for its head), must not execute. `inputs` are those of the vertex, in order; of
  /// those that Reads() calls kNothing only the key is set for certain.
  virtual Result<ContentKey> Key(const Context& ctx, const graph::Vertex& vertex, const std::vector<Output>& inputs,
                                 const VertexProgress& progress) = 0;
  /// Executes. What it makes is leased under `lease`. `key` is of Key(), with its memo.
  virtual Result<layer::Chain> Run(const Context& ctx, const graph::Vertex& vertex, const std::vector<Output>& inputs,
                                   const ContentKey& key, content::Lease* lease, const VertexProgress& progress) = 0;
};

struct SolveOptions {
  std::vector<std::shared_ptr<CacheSource>> sources;  ///< asked in order
  std::string scope;                 ///< which Dockerfile this is; so that a miss is compared with its earlier builds
  std::vector<std::string> secrets;  ///< values that explanations must not keep
  bool want_results = false;         ///< fill Solved::results
  /// Told of each vertex that was executed, as soon as its file system is there; by any thread. May be empty.
  std::function<void(const graph::Vertex& vertex, const layer::Chain& chain)> on_executed;
};

struct SolveStats {
  int vertices = 0;  ///< without sources
  int cached = 0;
};

/// A vertex that was solved or found, for those who record it elsewhere.
struct VertexResult {
  graph::VertexPtr vertex;
  Digest key;
  Digest link;                        ///< empty if it is not known, or leads nowhere on another machine
  std::optional<layer::Chain> chain;  ///< none: only its key is known
  layer::Pin pin;
};

struct Solved {
  std::vector<Output> roots;  ///< in the order asked for
  SolveStats stats;
  std::vector<VertexResult> results;  ///< without sources, inputs before users; those that are known
};

/// The link of a vertex (see above).
Digest LinkOf(const graph::Vertex& vertex, const std::vector<Digest>& input_keys);

class Solver {
 public:
  /// At most `parallel` vertices are executed at once, over all solves. All arguments must outlive the solver.
  Solver(Evaluator& evaluator, CacheStore& cache, layer::Store& layers, content::Store& content, size_t parallel);
  /// No solve may be under way.
  ~Solver();

  /// Blocks. On failure the other vertices are cancelled and the first failure is returned; so on cancel. The failing
  /// vertex's message is given with its name by the progress events, and with its position in the status. What the
  /// cache did for each vertex is told by `progress.OnCacheStep`.
  Result<Solved> Solve(const Context& ctx, const std::vector<graph::VertexPtr>& roots, ProgressSink& progress,
                       const SolveOptions& options = {});

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace slipway::solver
