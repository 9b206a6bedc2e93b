#include "executor/solver/solver.h"

#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <unordered_map>

#include "executor/base/guarded.h"
#include "executor/base/log.h"
#include "executor/base/thread_pool.h"
#include "executor/solver/execution.h"

namespace slipway::solver {

namespace {

bool IsSource(const graph::Vertex& vertex) { return std::holds_alternative<graph::SourceOp>(vertex.op); }

// Whether the same definition may give something else tomorrow.
bool IsRemote(const graph::Vertex& vertex) {
  const auto* file = std::get_if<graph::HttpOp>(&vertex.op);
  return (file != nullptr && file->checksum.empty()) || std::holds_alternative<graph::GitOp>(vertex.op);
}

Status AtVertex(const Status& status, const graph::Vertex& vertex) {
  if (vertex.position.file.empty()) return status.With(vertex.name);
  return status.With(fmt::format("{}:{}: {}", vertex.position.file, vertex.position.line, vertex.name));
}

}  // namespace

class Solver::Impl {
 public:
  Impl(Evaluator& evaluator, CacheStore& cache, layer::Store& layers, content::Store& content, size_t parallel)
      : evaluator_(evaluator), cache_(cache), layers_(layers), content_(content), pool_(parallel, "solver") {}

  Result<Solved> Solve(const Context& ctx, const std::vector<graph::VertexPtr>& roots, ProgressSink& progress);

 private:
  class Run;

  void RunExecution(const std::shared_ptr<Execution>& execution, const graph::VertexPtr& vertex,
                    const std::vector<Output>& inputs, const ContentKey& key, const VertexProgress& name, bool tainted);
  Result<layer::Chain> RunVertex(const std::shared_ptr<Execution>& execution, const graph::Vertex& vertex,
                                 const std::vector<Output>& inputs, const ContentKey& key, const VertexProgress& name,
                                 bool tainted);

  Evaluator& evaluator_;
  CacheStore& cache_;
  layer::Store& layers_;
  content::Store& content_;
  Guarded<std::map<Digest, std::shared_ptr<Execution>>> executions_;  // by content key
  ThreadPool pool_;                                                   // last: its threads use the members above
};

/// One call of Solve.
class Solver::Impl::Run {
 public:
  Run(Impl& solver, const Context& ctx, ProgressSink& progress)
      : solver_(solver), ctx_(ctx.Child()), progress_(progress) {}

  Result<Solved> Do(const std::vector<graph::VertexPtr>& roots);

 private:
  struct Node {
    graph::VertexPtr vertex;
    VertexProgress progress;
    std::vector<Node*> inputs;
    std::vector<Node*> users;
    bool tainted = false;  // it or something below must not come from the cache
    // Guarded by mutex_ once work has begun:
    size_t waiting = 0;  // inputs not solved yet
    bool solved = false;
    bool ended = false;  // solved or failed: nothing is listened to any more
    Output output;
    layer::Pin pin;
    std::shared_ptr<Execution> execution;
    int listener = 0;
  };

  Node* Visit(const graph::VertexPtr& root);
  Node* NewNode(const graph::VertexPtr& vertex);
  bool FromDefinition(Node& node);
  void ReportCachedBelow(const graph::VertexPtr& vertex);
  bool Adopt(Node& node, const CacheRecord& record);
  void Begin(Node& node);
  void Evaluate(Node& node);
  void Execute(Node& node, const std::vector<Output>& inputs, const ContentKey& key);
  void Listen(Node& node, const std::shared_ptr<Execution>& execution);
  void NodeSolved(Node& node);
  void Fail(Node& node, const Status& status);
  Status WaitForAll();
  void LeaveAll(const Status& cause);

  Impl& solver_;
  const Context ctx_;
  ProgressSink& progress_;
  std::unordered_map<std::string, std::unique_ptr<Node>> nodes_;  // by definition: equal vertices are one
  std::set<Digest> reported_;                                     // definitions shown as cached without a node

  std::mutex mutex_;
  std::condition_variable_any changed_;
  size_t active_ = 0;  // nodes begun and not ended; guarded by mutex_, as all below
  Status failure_;
  bool leaving_ = false;
  SolveStats stats_;
};

Solver::Impl::Run::Node* Solver::Impl::Run::NewNode(const graph::VertexPtr& vertex) {
  auto& slot = nodes_[vertex->definition.hex()];
  if (slot == nullptr) {
    slot = std::make_unique<Node>();
    slot->vertex = vertex;
    slot->progress = VertexProgress(&progress_, vertex->definition.Short(), vertex->name);
  }
  return slot.get();
}

// Makes the nodes below a root, inputs first, ending the walk where a definition key is known.
Solver::Impl::Run::Node* Solver::Impl::Run::Visit(const graph::VertexPtr& root) {
  const std::vector<graph::VertexPtr> all = graph::Topological({root});
  std::unordered_map<const graph::Vertex*, bool> tainted;
  // What a remote gives may have changed since, so neither a download nor what stands on it is known by its definition.
  std::unordered_map<const graph::Vertex*, bool> moves;
  for (const graph::VertexPtr& vertex : all) {
    bool taint = vertex->no_cache;
    bool move = IsRemote(*vertex);
    for (const graph::VertexPtr& input : vertex->inputs) {
      taint = taint || tainted[input.get()];
      move = move || moves[input.get()];
    }
    tainted[vertex.get()] = taint;
    moves[vertex.get()] = move;
  }
  // From the root downwards; a vertex is expanded only if its definition is not known.
  std::vector<graph::VertexPtr> stack = {root};
  while (!stack.empty()) {
    const graph::VertexPtr vertex = std::move(stack.back());
    stack.pop_back();
    const bool is_new = !nodes_.contains(vertex->definition.hex());
    Node* node = NewNode(vertex);
    if (!is_new) continue;
    node->tainted = tainted[vertex.get()];
    if (const auto* source = std::get_if<graph::SourceOp>(&vertex->op)) {
      node->output = {source->chain, source->identity};
      node->pin = solver_.layers_.Hold(source->chain);
      node->solved = true;
      continue;
    }
    if (!node->tainted && !moves[vertex.get()] && FromDefinition(*node)) continue;
    for (const graph::VertexPtr& input : vertex->inputs) stack.push_back(input);
  }
  return nodes_[root->definition.hex()].get();
}

bool Solver::Impl::Run::Adopt(Node& node, const CacheRecord& record) {
  layer::Pin pin = solver_.layers_.Hold(record.chain);
  if (!solver_.layers_.Usable(record.chain)) {
    solver_.cache_.Remove(record.key).Ignore();
    return false;
  }
  node.pin = std::move(pin);
  node.output = {record.chain, record.key};
  return true;
}

bool Solver::Impl::Run::FromDefinition(Node& node) {
  const auto record = solver_.cache_.FindByDefinition(node.vertex->definition);
  if (!record.ok() || !record->has_value() || !Adopt(node, **record)) return false;
  node.solved = true;
  ReportCachedBelow(node.vertex);
  return true;
}

// What a hit stands for is shown as cached too, so that people see the whole build.
void Solver::Impl::Run::ReportCachedBelow(const graph::VertexPtr& vertex) {
  for (const graph::VertexPtr& below : graph::Topological({vertex})) {
    if (IsSource(*below) || nodes_.contains(below->definition.hex()) != (below == vertex)) continue;
    if (!reported_.insert(below->definition).second) continue;
    const VertexProgress progress(&progress_, below->definition.Short(), below->name);
    progress.Started();
    progress.Cached();
    progress.Finished(Status());
    ++stats_.vertices;
    ++stats_.cached;
  }
}

Result<Solved> Solver::Impl::Run::Do(const std::vector<graph::VertexPtr>& roots) {
  std::vector<Node*> wanted;
  for (const graph::VertexPtr& root : roots) wanted.push_back(Visit(root));

  std::vector<Node*> ready;
  for (auto& [definition, node] : nodes_) {
    if (node->solved) continue;
    for (const graph::VertexPtr& input : node->vertex->inputs) {
      Node* below = nodes_[input->definition.hex()].get();
      node->inputs.push_back(below);
      if (below->solved) continue;
      below->users.push_back(node.get());
      ++node->waiting;
    }
    if (node->waiting == 0) ready.push_back(node.get());
  }
  for (Node* node : ready) Begin(*node);
  SLIPWAY_RETURN_IF_ERROR(WaitForAll());

  Solved solved;
  for (const Node* node : wanted) solved.roots.push_back(node->output);
  solved.stats = stats_;
  return solved;
}

void Solver::Impl::Run::Begin(Node& node) {
  {
    std::lock_guard lock(mutex_);
    ++active_;
  }
  solver_.pool_.Submit([this, &node] { Evaluate(node); });
}

void Solver::Impl::Run::Evaluate(Node& node) {
  if (const Status err = ctx_.Err(); !err.ok()) return Fail(node, err);
  node.progress.Started();
  std::vector<Output> inputs;
  for (const Node* input : node.inputs) inputs.push_back(input->output);

  auto key = solver_.evaluator_.Key(ctx_, *node.vertex, inputs, node.progress);
  if (!key.ok()) return Fail(node, key.status());
  if (!node.tainted) {
    const auto record = solver_.cache_.Find(key->key);
    if (record.ok() && record->has_value() && Adopt(node, **record)) {
      solver_.cache_.Link(node.vertex->definition, key->key).Ignore();
      node.progress.Cached();
      {
        std::lock_guard lock(mutex_);
        ++stats_.cached;
      }
      return NodeSolved(node);
    }
  }
  Execute(node, inputs, *key);
}

// Listens to an execution. Its end may come before this returns, and with it the end of this run, unless `active_`
// holds the run open: the caller counts itself.
void Solver::Impl::Run::Listen(Node& node, const std::shared_ptr<Execution>& execution) {
  const int listener = execution->Join(node.progress, [this, &node](const Result<layer::Chain>& result) {
    if (!result.ok()) return Fail(node, result.status());
    node.output.chain = *result;
    node.pin = solver_.layers_.Hold(*result);
    NodeSolved(node);
  });
  bool leaving = false;
  {
    std::lock_guard lock(mutex_);
    leaving = leaving_;
    if (!node.ended) {
      node.execution = execution;
      node.listener = listener;
    }
  }
  if (leaving && listener != 0) execution->Leave(listener, Cancelled("the build was ended"));
}

void Solver::Impl::Run::Execute(Node& node, const std::vector<Output>& inputs, const ContentKey& key) {
  std::shared_ptr<Execution> execution;
  bool first = node.tainted;
  if (first) {
    execution = std::make_shared<Execution>();
  } else {
    auto executions = solver_.executions_.Lock();
    auto& slot = (*executions)[key.key];
    if (slot == nullptr) {
      first = true;
      slot = std::make_shared<Execution>();
    }
    execution = slot;
  }
  node.output.key = key.key;
  {
    std::lock_guard lock(mutex_);
    ++active_;  // this thread
  }
  Listen(node, execution);
  // From here on an execution is nobody's own: this run may give up and be gone while others still wait for it. So it
  // gets copies of what it needs.
  const graph::VertexPtr vertex = node.vertex;
  const VertexProgress name = node.progress;
  const bool tainted = node.tainted;
  Impl& solver = solver_;
  {
    std::lock_guard lock(mutex_);
    --active_;
    changed_.notify_all();
  }
  if (first) solver.RunExecution(execution, vertex, inputs, key, name, tainted);
}

void Solver::Impl::Run::NodeSolved(Node& node) {
  node.progress.Finished(Status());
  std::vector<Node*> ready;
  {
    std::lock_guard lock(mutex_);
    node.solved = true;
    node.ended = true;
    node.execution.reset();
    ++stats_.vertices;
    for (Node* user : node.users) {
      if (--user->waiting == 0 && failure_.ok()) ready.push_back(user);
    }
  }
  for (Node* user : ready) Begin(*user);
  std::lock_guard lock(mutex_);
  --active_;
  changed_.notify_all();
}

void Solver::Impl::Run::Fail(Node& node, const Status& status) {
  node.progress.Finished(status);
  std::lock_guard lock(mutex_);
  if (failure_.ok()) {
    failure_ = ctx_.Err().ok() ? AtVertex(status, *node.vertex) : ctx_.Err();
    ctx_.Cancel(Cancelled("another step of the build failed"));
  }
  node.ended = true;
  node.execution.reset();
  --active_;
  changed_.notify_all();
}

Status Solver::Impl::Run::WaitForAll() {
  std::unique_lock lock(mutex_);
  const Status waited = ctx_.Wait(lock, changed_, [this] { return active_ == 0; });
  if (!waited.ok()) {
    if (failure_.ok()) failure_ = waited;
    lock.unlock();
    ctx_.Cancel(waited);
    LeaveAll(waited);
    lock.lock();
    changed_.wait(lock, [this] { return active_ == 0; });
  }
  return failure_;
}

void Solver::Impl::Run::LeaveAll(const Status& cause) {
  std::vector<std::pair<std::shared_ptr<Execution>, int>> listening;
  {
    std::lock_guard lock(mutex_);
    leaving_ = true;
    for (auto& [definition, node] : nodes_) {
      if (node->execution != nullptr && node->listener != 0) listening.emplace_back(node->execution, node->listener);
    }
  }
  for (const auto& [execution, id] : listening) execution->Leave(id, cause);
}

void Solver::Impl::RunExecution(const std::shared_ptr<Execution>& execution, const graph::VertexPtr& vertex,
                                const std::vector<Output>& inputs, const ContentKey& key, const VertexProgress& name,
                                bool tainted) {
  std::vector<layer::Pin> pins;
  for (const Output& input : inputs) pins.push_back(layers_.Hold(input.chain));
  const Result<layer::Chain> result = RunVertex(execution, *vertex, inputs, key, name, tainted);
  layer::Pin pin;
  if (result.ok()) pin = layers_.Hold(*result);
  if (!tainted) executions_.Lock()->erase(key.key);
  execution->Finish(result);
}

Result<layer::Chain> Solver::Impl::RunVertex(const std::shared_ptr<Execution>& execution, const graph::Vertex& vertex,
                                             const std::vector<Output>& inputs, const ContentKey& key,
                                             const VertexProgress& name, bool tainted) {
  if (!tainted) {
    // An equal execution may have ended between the look into the cache and the start of this one.
    const auto record = cache_.Find(key.key);
    if (record.ok() && record->has_value() && layers_.Usable((*record)->chain)) return (*record)->chain;
  }
  const VertexProgress progress(execution.get(), name.vertex(), name.name());
  SLIPWAY_ASSIGN_OR_RETURN(content::Lease lease, content_.NewLease(vertex.name));
  SLIPWAY_ASSIGN_OR_RETURN(layer::Chain chain,
                           evaluator_.Run(execution->context(), vertex, inputs, key, &lease, progress));
  const Status put =
      cache_.Put(vertex.definition, {.key = key.key, .chain = chain, .name = vertex.name, .explain = key.explain});
  if (!put.ok()) spdlog::warn("cannot record '{}' in the cache: {}", vertex.name, put.message());
  return chain;
}

Result<Solved> Solver::Impl::Solve(const Context& ctx, const std::vector<graph::VertexPtr>& roots,
                                   ProgressSink& progress) {
  Run run(*this, ctx, progress);
  return run.Do(roots);
}

Solver::Solver(Evaluator& evaluator, CacheStore& cache, layer::Store& layers, content::Store& content, size_t parallel)
    : impl_(std::make_unique<Impl>(evaluator, cache, layers, content, parallel)) {}

Solver::~Solver() = default;

Result<Solved> Solver::Solve(const Context& ctx, const std::vector<graph::VertexPtr>& roots, ProgressSink& progress) {
  return impl_->Solve(ctx, roots, progress);
}

}  // namespace slipway::solver
