#include "executor/ops/evaluator.h"

namespace slipway::ops {

namespace {
template <typename... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <typename... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;
}  // namespace

Result<solver::ContentKey> OpEvaluator::Key(const Context& ctx, const graph::Vertex& vertex,
                                            const std::vector<solver::Output>& inputs, const VertexProgress& progress) {
  using R = Result<solver::ContentKey>;
  return std::visit(
      Overloaded{
          [&](const graph::SourceOp& op) -> R {
            return solver::ContentKey{op.identity, "", nullptr};
          },
          [&](const graph::HttpOp& op) -> R { return remote_.Key(ctx, op, progress); },
          [&](const graph::GitOp& op) -> R { return remote_.Key(ctx, op, progress); },
          [&](const graph::FileOp& op) -> R { return file_.Key(ctx, op, inputs, progress); },
          [&](const graph::ExecOp& op) -> R { return exec_.Key(ctx, op, vertex.platform, inputs, progress); },
      },
      vertex.op);
}

Result<layer::Chain> OpEvaluator::Run(const Context& ctx, const graph::Vertex& vertex,
                                      const std::vector<solver::Output>& inputs, const solver::ContentKey& key,
                                      content::Lease* lease, const VertexProgress& progress) {
  using R = Result<layer::Chain>;
  return std::visit(Overloaded{
                        [&](const graph::SourceOp& op) -> R { return op.chain; },
                        [&](const graph::HttpOp&) -> R { return remote_.Run(key, lease); },
                        [&](const graph::GitOp& op) -> R { return remote_.Run(ctx, op, key, lease, progress); },
                        [&](const graph::FileOp& op) -> R { return file_.Run(ctx, op, inputs, key, lease, progress); },
                        [&](const graph::ExecOp& op) -> R { return exec_.Run(ctx, op, vertex.platform, inputs, lease, progress); },
                    },
                    vertex.op);
}

}  // namespace slipway::ops
