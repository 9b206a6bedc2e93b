#include "executor/solver/workshop.h"

#include "executor/base/caught.h"
#include "executor/base/log.h"

namespace slipway::solver {

std::shared_ptr<Execution> Workshop::Enter(const Digest& key, bool tainted, bool* first) {
  *first = true;
  if (tainted) return std::make_shared<Execution>();
  auto executions = executions_.Lock();
  auto& slot = (*executions)[key];
  *first = slot == nullptr || !slot->Expect();
  if (*first) slot = std::make_shared<Execution>();
  return slot;
}

void Workshop::Do(const std::shared_ptr<Execution>& execution, const Work& work) {
  std::vector<layer::Pin> pins;
  for (const Output& input : work.inputs) pins.push_back(layers.Hold(input.chain));
  const Result<layer::Chain> result = Caught("the step", [&] { return Run(execution, work); });
  layer::Pin pin;
  if (result.ok()) pin = layers.Hold(*result);
  {
    // Another may have taken its place when everybody had left it.
    auto executions = executions_.Lock();
    const auto it = executions->find(work.key.key);
    if (it != executions->end() && it->second == execution) executions->erase(it);
  }
  execution->Finish(result);
}

Result<layer::Chain> Workshop::Run(const std::shared_ptr<Execution>& execution, const Work& work) {
  const graph::Vertex& vertex = *work.vertex;
  if (!work.tainted) {
    // An equal execution may have ended between the look into the cache and the start of this one.
    const auto record = cache.Find(work.key.key);
    if (record.ok() && record->has_value() && layers.Usable((*record)->chain)) return (*record)->chain;
  }
  const VertexProgress progress(execution.get(), work.name.vertex(), work.name.name());
  SLIPWAY_ASSIGN_OR_RETURN(content::Lease lease, content.NewLease(vertex.name));
  // The layers' entries, which this one needs, are found on the way: otherwise the layers would be decompressed twice.
  if (work.unpack) {
    SLIPWAY_RETURN_IF_ERROR(layers.LowerDirs(execution->context(), work.inputs.front().chain, progress).status());
  }
  SLIPWAY_ASSIGN_OR_RETURN(layer::Chain chain,
                           evaluator.Run(execution->context(), vertex, work.inputs, work.key, &lease, progress));
  Status put = cache.Put(vertex.definition, {.key = work.key.key, .chain = chain, .name = vertex.name});
  if (put.ok() && !work.link.empty()) put = cache.Link(work.link, work.key.key);
  if (!put.ok()) spdlog::warn("cannot record '{}' in the cache: {}", vertex.name, put.message());
  Remember(work.place, work.key.key, work.parts, vertex.name);
  return chain;
}

void Workshop::Remember(const RecordPlace& place, const Digest& key, const KeyParts& parts, const std::string& name) {
  const Status kept = cache.Explain(place, key, parts);
  if (!kept.ok()) spdlog::warn("cannot record what '{}' was made of: {}", name, kept.message());
}

}  // namespace slipway::solver
