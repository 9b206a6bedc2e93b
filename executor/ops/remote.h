// Remote sources of ADD: a file behind a URL, a git repository. What comes is a file system of one recipe layer.
#pragma once

#include "executor/base/context.h"
#include "executor/base/status.h"
#include "executor/graph/vertex.h"
#include "executor/layer/store.h"
#include "executor/solver/solver.h"
#include "executor/source/fetcher.h"

namespace slipway::ops {

class RemoteOps {
 public:
  /// All must outlive this.
  /// `lent_folder`: as for ExecOps.
  RemoteOps(layer::Store& layers, source::ContextFetcher& sources, const source::Limits& limits,
            std::string lent_folder)
      : layers_(layers), sources_(sources), limits_(limits), lent_folder_(std::move(lent_folder)) {}

  /// Downloads (or learns that nothing has changed): the key is the content's.
  Result<solver::ContentKey> Key(const Context& ctx, const graph::HttpOp& op, const VertexProgress& progress);
  Result<layer::Chain> Run(const solver::ContentKey& key, content::Lease* lease);

  /// Asks the remote which commit the reference is.
  Result<solver::ContentKey> Key(const Context& ctx, const graph::GitOp& op, const VertexProgress& progress);
  Result<layer::Chain> Run(const Context& ctx, const graph::GitOp& op, const solver::ContentKey& key,
                           content::Lease* lease, const VertexProgress& progress);

 private:
  layer::Store& layers_;
  source::ContextFetcher& sources_;
  const source::Limits limits_;
  const std::string lent_folder_;
};

/// The name that a downloaded file has in its file system where its URL names none.
inline constexpr std::string_view kUnnamedDownload = "download";

}  // namespace slipway::ops
