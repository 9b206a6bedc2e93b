// Workshop: what all solves of a solver share: the stores, the pool, and the executions that are under way.
// Thread-safe.
#pragma once

#include <map>
#include <memory>

#include "executor/base/guarded.h"
#include "executor/base/thread_pool.h"
#include "executor/solver/execution.h"
#include "executor/solver/solver.h"

namespace slipway::solver {

/// One execution's work.
struct Work {
  graph::VertexPtr vertex;
  std::vector<Output> inputs;
  ContentKey key;
  Digest link;           ///< empty: none is to be recorded
  VertexProgress name;   ///< of the run that began it
  RecordPlace place;     ///< where in which Dockerfile it is
  KeyParts parts;        ///< what the key was made of, without secrets
  bool tainted = false;  ///< it or something below must not come from the cache
  bool unpack = false;   ///< its first input is about to be mounted by another vertex
};

class Workshop {
 public:
  Workshop(Evaluator& evaluator_in, CacheStore& cache_in, layer::Store& layers_in, content::Store& content_in,
           size_t parallel)
      : evaluator(evaluator_in), cache(cache_in), layers(layers_in), content(content_in), pool(parallel, "solver") {}

  /// The execution of a content key, which the caller is to Join; `first`: it is new, and the caller must Do() it. A
  /// tainted one is never shared.
  std::shared_ptr<Execution> Enter(const Digest& key, bool tainted, bool* first);
  /// Executes, records and tells all who listen. In the calling thread.
  void Do(const std::shared_ptr<Execution>& execution, const Work& work);
  /// Notes what the key of a result was made of.
  void Remember(const RecordPlace& place, const Digest& key, const KeyParts& parts, const std::string& name);

  Evaluator& evaluator;
  CacheStore& cache;
  layer::Store& layers;
  content::Store& content;

 private:
  Result<layer::Chain> Run(const std::shared_ptr<Execution>& execution, const Work& work);
  Guarded<std::map<Digest, std::shared_ptr<Execution>>> executions_;  // by content key

 public:
  ThreadPool pool;  // last: its threads use the members above
};

}  // namespace slipway::solver
