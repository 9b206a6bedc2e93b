// What a solve tells: to people, what the cache did for each vertex and why not more; to exporters of caches, what is
// known now.
#include "executor/solver/solve.h"

namespace slipway::solver {

namespace {
constexpr size_t kMostFiles = 4000;  // of a record's explanation; more are folded together by folder
}

void Solve::Start(Node& node) {
  if (node.started) return;
  node.started = true;
  node.progress.Started();
}

void Solve::TellHit(const graph::Vertex& vertex, const std::string& vertex_id, const std::string& imported_from) {
  const VertexProgress progress(&progress_, vertex_id, vertex.name);
  progress.Started();
  progress.Cached();
  progress.Finished(Status());
  CacheStep step{.vertex = vertex_id, .name = vertex.name, .source = imported_from};
  if (!imported_from.empty()) step.outcome = CacheStep::Outcome::kImported;
  progress_.OnCacheStep(step);
}

RecordPlace Solve::PlaceOf(const graph::Vertex& vertex) const {
  RecordPlace place;
  place.scope = Hasher().Field(options_.scope).Field(vertex.place.stage).Field(vertex.platform.ToString()).Finish();
  place.instruction = Digest::Of(vertex.place.step == 0 ? vertex.name : vertex.place.instruction);
  place.step = vertex.place.step;
  return place;
}

KeyParts Solve::PartsOf(const Node& node) const {
  KeyParts parts = node.key.parts ? node.key.parts(kMostFiles) : KeyParts();
  HideSecrets(parts, options_.secrets);
  return parts;
}

// Compares with what was built at this place before, and tells the difference to that which is nearest.
void Solve::TellMiss(const Node& node, const KeyParts& parts, bool shared) {
  CacheStep step{.vertex = node.progress.vertex(), .name = node.vertex->name};
  step.outcome = shared ? CacheStep::Outcome::kShared : CacheStep::Outcome::kMiss;
  if (shared) return progress_.OnCacheStep(step);
  step.cause = node.tainted ? CacheStep::Cause::kNoCache : CacheStep::Cause::kNeverBuilt;
  if (node.tainted) return progress_.OnCacheStep(step);
  const CacheStep blank = step;
  int fewest = -1;
  for (const Explanation& candidate : workshop_.cache.Nearest(PlaceOf(*node.vertex)).ValueOr({})) {
    CacheStep compared = blank;
    compared.cause = CacheStep::Cause::kNone;
    compared.compared_with = candidate.created;
    const int differences = Compare(candidate.parts, parts, &compared);
    if (candidate.key == node.output.key) compared.cause = CacheStep::Cause::kRemoved;
    if (compared.cause == CacheStep::Cause::kNone || (fewest >= 0 && differences >= fewest)) continue;
    fewest = differences;
    step = compared;
  }
  progress_.OnCacheStep(step);
}

// Vertices that nothing asked for, since what stands on them was known.
void Solve::TellOfTheRest() {
  const auto tell = [this](Node& node, const std::string& imported_from) {
    node.ended = true;
    ++stats_.vertices;
    ++stats_.cached;
    if (!node.started) return TellHit(*node.vertex, node.progress.vertex(), imported_from);
    node.progress.Cached();
    node.progress.Finished(Status());
    CacheStep step{.vertex = node.progress.vertex(), .name = node.vertex->name, .source = imported_from};
    if (!imported_from.empty()) step.outcome = CacheStep::Outcome::kImported;
    progress_.OnCacheStep(step);
  };
  // What stands below an imported result counts as imported with it.
  std::vector<Node*> stack;
  for (auto& [definition, node] : nodes_) {
    if (node->solved && !node->imported_from.empty()) stack.push_back(node.get());
  }
  while (!stack.empty()) {
    Node* user = stack.back();
    stack.pop_back();
    for (Node* node : user->inputs) {
      if (node->solved || node->ended) continue;
      node->imported_from = user->imported_from;
      tell(*node, node->imported_from);
      stack.push_back(node);
    }
  }
  for (auto& [definition, node] : nodes_) {
    if (!node->solved && !node->ended) tell(*node, "");
  }
}

void Solve::CollectResults(const std::vector<graph::VertexPtr>& roots, Solved* solved) {
  std::unordered_map<const graph::Vertex*, Digest> keys;
  for (const graph::VertexPtr& vertex : graph::Topological(roots)) {
    VertexResult result{.vertex = vertex, .key = {}, .link = {}, .chain = {}, .pin = {}};
    if (const auto* source = std::get_if<graph::SourceOp>(&vertex->op)) {
      keys[vertex.get()] = source->identity;
      continue;
    }
    const auto it = nodes_.find(vertex->definition.hex());
    const Node* node = it == nodes_.end() ? nullptr : it->second.get();
    if (node != nullptr && node->solved) result.chain = node->output.chain;
    if (node != nullptr && node->keyed) result.key = node->output.key;
    if (!result.chain) {
      const auto record =
          result.key.empty() ? workshop_.cache.FindByAlias(vertex->definition) : workshop_.cache.Find(result.key);
      if (record.ok() && record->has_value()) {
        result.key = (*record)->key;
        result.chain = (*record)->chain;
      }
    }
    if (result.key.empty()) continue;
    keys[vertex.get()] = result.key;
    if (result.chain) {
      result.pin = workshop_.layers.Hold(*result.chain);
      if (!workshop_.layers.Usable(*result.chain)) result.chain.reset();
    }
    std::vector<Digest> inputs;
    bool files = false;
    bool portable = true;
    for (size_t i = 0; i < vertex->inputs.size(); ++i) {
      const Reading reading = workshop_.evaluator.Reads(*vertex, i);
      files |= reading == Reading::kFiles;
      const auto key = keys.find(vertex->inputs[i].get());
      portable = portable && reading != Reading::kAtHand && key != keys.end();
      if (portable) inputs.push_back(key->second);
    }
    if (files && portable) result.link = LinkOf(*vertex, inputs);
    solved->results.push_back(std::move(result));
  }
}

}  // namespace slipway::solver
