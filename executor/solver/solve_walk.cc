// The walk of a Solve from its roots down: which vertices there are, and where a known definition ends it.
#include "executor/solver/solve.h"

namespace slipway::solver {

namespace {

bool IsSource(const graph::Vertex& vertex) { return std::holds_alternative<graph::SourceOp>(vertex.op); }

bool IsRemote(const graph::Vertex& vertex) {
  return std::holds_alternative<graph::HttpOp>(vertex.op) || std::holds_alternative<graph::GitOp>(vertex.op);
}

// Whether the same definition may give something else tomorrow.
bool Moves(const graph::Vertex& vertex) {
  const auto* file = std::get_if<graph::HttpOp>(&vertex.op);
  return (file != nullptr && file->checksum.empty()) || std::holds_alternative<graph::GitOp>(vertex.op);
}

}  // namespace

Solve::Node* Solve::NewNode(const graph::VertexPtr& vertex) {
  auto& slot = nodes_[vertex->definition.hex()];
  if (slot == nullptr) {
    slot = std::make_unique<Node>();
    slot->vertex = vertex;
    slot->progress = VertexProgress(&progress_, vertex->definition.Short(), vertex->name);
  }
  return slot.get();
}

// Makes the nodes below a root, ending the walk where a definition key is known.
void Solve::Visit(const graph::VertexPtr& root) {
  std::unordered_map<const graph::Vertex*, bool> tainted;
  // What a remote gives may have changed since, so neither a download nor what stands on it is known by its definition.
  std::unordered_map<const graph::Vertex*, bool> moves;
  for (const graph::VertexPtr& vertex : graph::Topological({root})) {
    bool taint = vertex->no_cache;
    bool move = Moves(*vertex);
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
      node->pin = workshop_.layers.Hold(source->chain);
      node->keyed = node->solved = true;
      continue;
    }
    if (!node->tainted && !moves[vertex.get()] && FromDefinition(*node)) continue;
    for (const graph::VertexPtr& input : vertex->inputs) stack.push_back(input);
  }
}

bool Solve::FromDefinition(Node& node) {
  const auto record = workshop_.cache.FindByAlias(node.vertex->definition);
  if (!record.ok() || !record->has_value() || !Adopt(node, **record)) return false;
  node.output.key = (*record)->key;
  node.keyed = node.solved = true;
  ReportCachedBelow(node.vertex);
  return true;
}

// What a hit stands for is shown as cached too, so that people see the whole build.
void Solve::ReportCachedBelow(const graph::VertexPtr& vertex) {
  for (const graph::VertexPtr& below : graph::Topological({vertex})) {
    if (IsSource(*below) || nodes_.contains(below->definition.hex()) != (below == vertex)) continue;
    if (!reported_.insert(below->definition).second) continue;
    TellHit(*below, below->definition.Short(), "");
    ++stats_.vertices;
    ++stats_.cached;
  }
}

// Edges between the nodes, once all are there.
void Solve::Connect() {
  for (auto& [definition, node] : nodes_) {
    if (node->solved) continue;
    node->slow = node->remote = IsRemote(*node->vertex);
    for (size_t i = 0; i < node->vertex->inputs.size(); ++i) {
      Node* below = nodes_[node->vertex->inputs[i]->definition.hex()].get();
      node->inputs.push_back(below);
      node->costly |= workshop_.evaluator.Reads(*node->vertex, i) == Reading::kFiles;
      below->users.push_back(node.get());
      if (!below->solved) ++node->unkeyed;
    }
  }
}

}  // namespace slipway::solver
