#include "executor/solver/solve.h"

#include <algorithm>

#include "executor/base/caught.h"

namespace slipway::solver {

namespace {

Status AtVertex(const Status& status, const graph::Vertex& vertex) {
  if (vertex.position.file.empty()) return status.With(vertex.name);
  const graph::Position& at = vertex.position;
  if (at.point) return at.point(status, vertex.name);
  const std::string column = at.column > 0 ? fmt::format(":{}", at.column) : "";
  return status.With(fmt::format("{}:{}{}: {}", at.file, at.line, column, vertex.name));
}

}  // namespace

Result<Solved> Solve::Do(const std::vector<graph::VertexPtr>& roots) {
  for (const graph::VertexPtr& root : roots) Visit(root);
  Connect();
  {
    std::lock_guard lock(mutex_);
    std::vector<Node*> slow;
    for (auto& [definition, node] : nodes_) {
      if (node->slow) slow.push_back(node.get());
    }
    for (Node* node : slow) {
      node->slow = false;
      MarkSlow(*node);
    }
    for (const graph::VertexPtr& root : roots) Want(*nodes_[root->definition.hex()]);
    for (auto& [definition, node] : nodes_) Advance(*node);
  }
  const Status status = WaitForAll();
  if (!status.ok()) {
    for (auto& [definition, node] : nodes_) {
      if (node->started && !node->ended && lost_.empty()) node->progress.Finished(Cancelled("the build was ended"));
    }
    return status;
  }
  TellOfTheRest();
  Solved solved;
  for (const graph::VertexPtr& root : roots) {
    const Node& node = *nodes_[root->definition.hex()];
    if (!node.solved) return Internal("'{}' was not solved", root->name);
    solved.roots.push_back(node.output);
  }
  solved.stats = stats_;
  if (options_.want_results) CollectResults(roots, &solved);
  return solved;
}

// --- what is next -------------------------------------------------------------------------------------------------

void Solve::Submit(Node& node, Task task) {
  node.busy = true;
  ++active_;
  workshop_.pool.Submit([this, &node, task] { (this->*task)(node); });
}

bool Solve::FilesAreThere(const Node& node) const {
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    if (!node.inputs[i]->solved && workshop_.evaluator.Reads(*node.vertex, i) == Reading::kFiles) return false;
  }
  return true;
}

void Solve::Advance(Node& node) {
  if (node.busy || node.solved || node.ended || !failure_.ok()) return;
  if (!node.keyed) {
    if (node.unkeyed == 0 && (!node.needs_files || FilesAreThere(node))) Submit(node, &Solve::FindKey);
    return;
  }
  if (!node.wanted) return;
  if (!node.looked_up) return Submit(node, &Solve::LookUp);
  const bool ready = std::all_of(node.inputs.begin(), node.inputs.end(), [](const Node* i) { return i->solved; });
  if (ready) Submit(node, &Solve::Execute);
}

void Solve::Want(Node& node) {
  std::vector<Node*> stack = {&node};
  while (!stack.empty()) {
    Node* at = stack.back();
    stack.pop_back();
    if (at->wanted || at->solved) continue;
    at->wanted = true;
    if (at->slow) stack.insert(stack.end(), at->inputs.begin(), at->inputs.end());
    Advance(*at);
  }
}

// A vertex whose key takes long (a download, files that are yet to be made) is taken for a miss meanwhile, and so is
// all that stands on it: what they need is begun at once.
void Solve::MarkSlow(Node& node) {
  std::vector<Node*> stack = {&node};
  while (!stack.empty()) {
    Node* at = stack.back();
    stack.pop_back();
    if (at->slow || at->keyed) continue;
    at->slow = true;
    if (at->wanted) {
      for (Node* input : at->inputs) Want(*input);
    }
    stack.insert(stack.end(), at->users.begin(), at->users.end());
  }
}

void Solve::Release() {
  std::lock_guard lock(mutex_);
  --active_;
  changed_.notify_all();
}

// --- keys ---------------------------------------------------------------------------------------------------------

// What is known of the inputs: the tasks of inputs that are not solved go on meanwhile.
std::vector<Output> Solve::InputsOf(const Node& node) {
  std::lock_guard lock(mutex_);
  std::vector<Output> inputs;
  for (const Node* input : node.inputs) {
    inputs.push_back({.chain = input->solved ? input->output.chain : layer::Chain(), .key = input->output.key});
  }
  return inputs;
}

Digest Solve::LinkOfNode(const Node& node) {
  std::vector<Digest> keys;
  for (const Output& input : InputsOf(node)) keys.push_back(input.key);
  return LinkOf(*node.vertex, keys);
}

// A link is worth keeping where it spares reading files, and where no build context is in it: that changes with every
// file, whether it is used or not.
bool Solve::HasPortableLink(const Node& node) const {
  if (!node.costly) return false;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    if (workshop_.evaluator.Reads(*node.vertex, i) == Reading::kAtHand) return false;
  }
  return true;
}

std::optional<Digest> Solve::FindLink(const Node& node) {
  const Digest link = LinkOfNode(node);
  if (const auto key = workshop_.cache.FindKey(link); key.ok() && key->has_value()) return **key;
  for (const auto& source : options_.sources) {
    if (const auto key = source->FindLink(link)) return key;
  }
  return std::nullopt;
}

void Solve::FindKey(Node& node) {
  Status status = ctx_.Err();
  if (status.ok()) status = Caught("its key", [&] { return FindKeyNow(node); });
  if (!status.ok()) Fail(node, status);
  Release();
}

Status Solve::FindKeyNow(Node& node) {
  if (node.costly && !node.tried_link && !node.tainted) {
    node.tried_link = true;
    if (const auto key = FindLink(node)) {
      Keyed(node, ContentKey{.key = *key, .parts = nullptr, .memo = nullptr});
      return Status();
    }
  }
  {
    std::lock_guard lock(mutex_);
    if (node.costly) MarkSlow(node);
    if (!FilesAreThere(node)) {
      node.needs_files = true;
      for (size_t i = 0; i < node.inputs.size(); ++i) {
        if (workshop_.evaluator.Reads(*node.vertex, i) == Reading::kFiles) Want(*node.inputs[i]);
      }
      node.busy = false;
      Advance(node);
      return Status();
    }
  }
  if (node.costly || node.remote) Start(node);
  SLIPWAY_ASSIGN_OR_RETURN(ContentKey key, workshop_.evaluator.Key(ctx_, *node.vertex, InputsOf(node), node.progress));
  Keyed(node, std::move(key));
  return Status();
}

void Solve::Keyed(Node& node, ContentKey key) {
  std::lock_guard lock(mutex_);
  node.output.key = key.key;
  node.key = std::move(key);
  node.keyed = true;
  node.busy = false;
  for (Node* user : node.users) {
    --user->unkeyed;
    Advance(*user);
  }
  Advance(node);
}

// --- records ------------------------------------------------------------------------------------------------------

// Whether all layers can be had, as far as that is known.
bool Solve::IsWhole(const layer::Chain& chain) const {
  const auto lost = [this](const layer::Key& key) { return attempt_.lost.contains(key); };
  return std::none_of(chain.begin(), chain.end(), lost) && workshop_.layers.Usable(chain);
}

bool Solve::Adopt(Node& node, const CacheRecord& record) {
  layer::Pin pin = workshop_.layers.Hold(record.chain);
  if (!IsWhole(record.chain)) {
    workshop_.cache.Remove(record.key).Ignore();
    return false;
  }
  node.pin = std::move(pin);
  std::lock_guard lock(mutex_);
  node.output.chain = record.chain;
  return true;
}

// A hit in an imported cache becomes a record of our own.
bool Solve::Import(Node& node) {
  for (const auto& source : options_.sources) {
    std::optional<layer::Chain> chain = source->Find(node.output.key);
    if (!chain) continue;
    CacheRecord record{.key = node.output.key, .chain = *std::move(chain), .name = node.vertex->name};
    if (!Adopt(node, record)) continue;
    workshop_.cache.Put(node.vertex->definition, record).Ignore();
    node.imported_from = source->name();
    if (node.key.parts) {
      workshop_.Remember(PlaceOf(*node.vertex), node.output.key, PartsOf(node), node.vertex->name);
    }
    return true;
  }
  return false;
}

bool Solve::LookUpNow(Node& node) {
  const auto record = workshop_.cache.Find(node.output.key);
  const bool here = record.ok() && record->has_value() && Adopt(node, **record);
  if (!here && !Import(node)) return false;
  workshop_.cache.Link(node.vertex->definition, node.output.key).Ignore();
  if (HasPortableLink(node)) workshop_.cache.Link(LinkOfNode(node), node.output.key).Ignore();
  return true;
}

void Solve::LookUp(Node& node) {
  if (const Status err = ctx_.Err(); !err.ok()) {
    Fail(node, err);
    return Release();
  }
  const auto hit =
      Caught("the look into the cache", [&]() -> Result<bool> { return !node.tainted && LookUpNow(node); });
  if (!hit.ok()) {
    Fail(node, hit.status());
  } else if (*hit) {
    Hit(node);
  } else {
    std::lock_guard lock(mutex_);
    node.looked_up = true;
    node.busy = false;
    for (Node* input : node.inputs) Want(*input);
    Advance(node);
  }
  Release();
}

void Solve::Hit(Node& node) {
  if (!node.started) {
    node.started = true;
    TellHit(*node.vertex, node.progress.vertex(), node.imported_from);
  } else {
    node.progress.Cached();
    node.progress.Finished(Status());
    CacheStep step{.vertex = node.progress.vertex(), .name = node.vertex->name, .source = node.imported_from};
    if (!node.imported_from.empty()) step.outcome = CacheStep::Outcome::kImported;
    progress_.OnCacheStep(step);
  }
  {
    std::lock_guard lock(mutex_);
    ++stats_.cached;
  }
  NodeSolved(node);
}

// --- execution ----------------------------------------------------------------------------------------------------

Status Solve::Prepare(Node& node, Work* work) {
  SLIPWAY_RETURN_IF_ERROR(ctx_.Err());
  work->vertex = node.vertex;
  work->name = node.progress;
  work->tainted = node.tainted;
  work->inputs = InputsOf(node);
  Start(node);
  bool inputs_rekeyed = false;
  {
    std::lock_guard lock(mutex_);
    for (const Node* input : node.inputs) inputs_rekeyed |= input->rekeyed;
  }
  if (inputs_rekeyed || (node.key.memo == nullptr && node.costly)) {
    // A key that was found through a link says what the files were when it was recorded, and what was made now may have
    // become another. What stands on it goes by what is there; Run() needs what is worked out with the key, too.
    SLIPWAY_ASSIGN_OR_RETURN(node.key, workshop_.evaluator.Key(ctx_, *node.vertex, work->inputs, node.progress));
  }
  work->key = node.key;
  if (HasPortableLink(node)) work->link = LinkOfNode(node);
  const auto* file = std::get_if<graph::FileOp>(&node.vertex->op);
  if (file != nullptr && !file->link && !work->inputs.empty() &&
      !workshop_.layers.IndexesAtHand(work->inputs.front().chain)) {
    std::lock_guard lock(mutex_);
    work->unpack = MountAwaited(*node.inputs.front());
  }
  return Status();
}

// Whether the layers that the vertex gives must be unpacked: a program is to run on them, or on what is made of them.
// Only what was looked up is counted: the rest may be found in a cache yet. With mutex_ held.
bool Solve::MountAwaited(const Node& base) const {
  return std::any_of(base.users.begin(), base.users.end(), [&](const Node* user) {
    if (!user->looked_up || user->ended || user->inputs.front() != &base) return false;
    return std::holds_alternative<graph::ExecOp>(user->vertex->op) ||
           (std::holds_alternative<graph::FileOp>(user->vertex->op) && MountFollows(*user));
  });
}

// Whether a program is to run on what the vertex gives. With mutex_ held.
bool Solve::MountFollows(const Node& node) const {
  return std::any_of(node.users.begin(), node.users.end(), [&](const Node* user) {
    if (!user->wanted || user->ended || user->inputs.front() != &node) return false;
    return std::holds_alternative<graph::ExecOp>(user->vertex->op) ||
           (std::holds_alternative<graph::FileOp>(user->vertex->op) && MountFollows(*user));
  });
}

void Solve::Execute(Node& node) {
  Work work;
  if (const Status status = Caught("the step", [&] { return Prepare(node, &work); }); !status.ok()) {
    Fail(node, status);
    return Release();
  }
  bool first = false;
  const std::shared_ptr<Execution> execution = workshop_.Enter(work.key.key, node.tainted, &first);
  work.place = PlaceOf(*node.vertex);
  work.parts = PartsOf(node);
  TellMiss(node, work.parts, !first);
  {
    std::lock_guard lock(mutex_);
    node.rekeyed = node.output.key != work.key.key;
    node.output.key = work.key.key;
    ++active_;  // the listener
  }
  Listen(node, execution);
  // From here on an execution is nobody's own: this run may give up and be gone while others still wait for it. So it
  // has copies of what it needs.
  Workshop& workshop = workshop_;
  Release();
  if (first) workshop.Do(execution, work);
}

// Listens to an execution. Its end may come before this returns, and with it the end of this run, unless `active_`
// holds the run open: the caller's task does.
void Solve::Listen(Node& node, const std::shared_ptr<Execution>& execution) {
  const int listener = execution->Join(node.progress, [this, &node](const Result<layer::Chain>& result) {
    if (result.ok()) {
      node.pin = workshop_.layers.Hold(*result);
      {
        std::lock_guard lock(mutex_);
        node.output.chain = *result;
      }
      if (options_.on_executed) options_.on_executed(*node.vertex, *result);
      node.progress.Finished(Status());
      NodeSolved(node);
    } else {
      Fail(node, result.status());
    }
    Release();
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

void Solve::NodeSolved(Node& node) {
  std::lock_guard lock(mutex_);
  node.solved = node.ended = true;
  node.busy = false;
  node.execution.reset();
  ++stats_.vertices;
  for (Node* user : node.users) Advance(*user);
}

// The layers of the vertex's inputs that cannot be had and that a record has brought here: what gave them can be done
// again. Not so those of a base, without which nothing is made.
std::set<layer::Key> Solve::LostBelow(const Node& node) {
  std::set<layer::Key> lost;
  if (attempt_.last || !ctx_.Err().ok()) return lost;
  for (const Output& input : InputsOf(node)) {
    for (const layer::Key& key : input.chain) {
      if (workshop_.layers.Lost(key) && !attempt_.lost.contains(key)) lost.insert(key);
    }
  }
  if (lost.empty()) return lost;
  for (const graph::VertexPtr& vertex : graph::Topological({node.vertex})) {
    const auto* source = std::get_if<graph::SourceOp>(&vertex->op);
    if (source == nullptr) continue;
    for (const layer::Key& key : source->chain) lost.erase(key);
  }
  return lost;
}

void Solve::Fail(Node& node, const Status& status) {
  std::set<layer::Key> lost = LostBelow(node);
  if (ctx_.Err().ok()) Start(node);
  if (!lost.empty()) {
    node.progress.Warning("a layer that the cache names cannot be had, so the steps that gave it are run again",
                          status.message());
  }
  bool first = false;
  bool over = false;
  {
    std::lock_guard lock(mutex_);
    first = failure_.ok();
    if (first) {
      failure_ = ctx_.Err().ok() ? AtVertex(status, *node.vertex) : ctx_.Err();
      lost_ = std::move(lost);
    }
    over = lost_.empty();
  }
  // What is tried again has not ended for people, nor has what is cancelled for its sake.
  if (node.started && over) node.progress.Finished(status);
  if (first) ctx_.Cancel(Cancelled("another step of the build failed"));
  std::lock_guard lock(mutex_);
  node.ended = true;
  node.execution.reset();
}

Status Solve::WaitForAll() {
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

void Solve::LeaveAll(const Status& cause) {
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

}  // namespace slipway::solver
