#include "executor/ops/evaluator.h"

#include <algorithm>

#include "executor/ops/key_parts.h"

namespace slipway::ops {

namespace {
template <typename... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <typename... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;
}  // namespace

solver::Reading OpEvaluator::Reads(const graph::Vertex& vertex, size_t input) {
  const auto* op = std::get_if<graph::FileOp>(&vertex.op);
  if (op == nullptr) return solver::Reading::kNothing;
  const auto copies = [input](const graph::FileAction& action) {
    const auto* copy = std::get_if<graph::CopyAction>(&action);
    return copy != nullptr && copy->input == input;
  };
  if (std::none_of(op->actions.begin(), op->actions.end(), copies)) return solver::Reading::kNothing;
  return IsContext(*vertex.inputs.at(input)) ? solver::Reading::kAtHand : solver::Reading::kFiles;
}

Result<solver::ContentKey> OpEvaluator::Key(const Context& ctx, const graph::Vertex& vertex,
                                            const std::vector<solver::Output>& inputs, const VertexProgress& progress) {
  using R = Result<solver::ContentKey>;
  return std::visit(Overloaded{
                        [&](const graph::SourceOp& op) -> R {
                          return solver::ContentKey{.key = op.identity, .parts = nullptr, .memo = nullptr};
                        },
                        [&](const graph::HttpOp& op) -> R { return remote_.Key(ctx, op, progress); },
                        [&](const graph::GitOp& op) -> R { return remote_.Key(ctx, op, progress); },
                        [&](const graph::FileOp& op) -> R { return file_.Key(ctx, op, vertex, inputs, progress); },
                        [&](const graph::ExecOp& op) -> R { return exec_.Key(ctx, op, vertex, inputs, progress); },
                    },
                    vertex.op);
}

Result<layer::Chain> OpEvaluator::Run(const Context& ctx, const graph::Vertex& vertex,
                                      const std::vector<solver::Output>& inputs, const solver::ContentKey& key,
                                      content::Lease* lease, const VertexProgress& progress) {
  using R = Result<layer::Chain>;
  return std::visit(
      Overloaded{
          [&](const graph::SourceOp& op) -> R { return op.chain; },
          [&](const graph::HttpOp&) -> R { return remote_.Run(key, lease); },
          [&](const graph::GitOp& op) -> R { return remote_.Run(ctx, op, key, lease, progress); },
          [&](const graph::FileOp& op) -> R { return file_.Run(ctx, op, inputs, key, lease, progress); },
          [&](const graph::ExecOp& op) -> R { return exec_.Run(ctx, op, vertex.platform, inputs, lease, progress); },
      },
      vertex.op);
}

}  // namespace slipway::ops
