// Programs: RUN. The root is an overlay over the unpacked layers, the program runs in a container, and what it changed
// becomes the new layer.
#pragma once

#include <string>
#include <vector>

#include "executor/base/context.h"
#include "executor/base/status.h"
#include "executor/graph/vertex.h"
#include "executor/layer/store.h"
#include "executor/ops/cache_mounts.h"
#include "executor/ops/lent_mounts.h"
#include "executor/runtime/runner.h"
#include "executor/snapshot/snapshotter.h"
#include "executor/solver/solver.h"

namespace slipway::ops {

class ExecOps {
 public:
  /// All must outlive this. `ids`: the user namespace of containers; count 0 for none. `lent_folder`: where secrets and
  /// sockets of agents appear on the host while a container runs; a short path.
  ExecOps(layer::Store& layers, snapshot::Snapshotter& snapshotter, runtime::Runner& runner, CacheMounts& caches,
          const snapshot::IdMap& ids, std::string lent_folder)
      : layers_(layers),
        snapshotter_(snapshotter),
        runner_(runner),
        caches_(caches),
        ids_(ids),
        lent_folder_(std::move(lent_folder)) {}

  Result<solver::ContentKey> Key(const Context& ctx, const graph::ExecOp& op, const graph::Vertex& vertex,
                                 const std::vector<solver::Output>& inputs, const VertexProgress& progress);
  /// FAILED_PRECONDITION with the exit code or signal and the last lines of output if the program fails;
  /// also, saying what to install, if this machine has no emulator for `platform`.
  Result<layer::Chain> Run(const Context& ctx, const graph::ExecOp& op, const oci::Platform& platform,
                           const std::vector<solver::Output>& inputs, content::Lease* lease,
                           const VertexProgress& progress);

 private:
  /// What must live as long as the container runs.
  struct Mounted {
    explicit Mounted(LentMounts lent_mounts) : lent(std::move(lent_mounts)) {}
    LentMounts lent;
    std::vector<std::unique_ptr<snapshot::Active>> actives;
    std::vector<std::unique_ptr<snapshot::View>> views;
    std::vector<CacheMounts::UsePtr> caches;
    std::vector<runtime::Mount> mounts;
    std::vector<std::string> env;
  };
  Status AddMount(const Context& ctx, const graph::ExecMount& mount, const std::vector<solver::Output>& inputs,
                  const VertexProgress& progress, Mounted& mounted);
  Status AddBind(const Context& ctx, const graph::ExecMount& mount, const layer::Chain& chain,
                 const VertexProgress& progress, Mounted& mounted);
  Status FillCache(const Context& ctx, const graph::ExecMount& mount, const std::vector<solver::Output>& inputs,
                   const VertexProgress& progress, const std::string& path);
  Result<CacheMounts::Wish> CacheOf(const Context& ctx, const graph::ExecMount& mount,
                                    const std::vector<solver::Output>& inputs, const VertexProgress& progress);
  Status AddCaches(const Context& ctx, const graph::ExecOp& op, const std::vector<solver::Output>& inputs,
                   const VertexProgress& progress, Mounted& mounted);
  Result<runtime::ContainerSpec> MakeSpec(const graph::ExecOp& op, const std::string& root, Mounted& mounted);

  layer::Store& layers_;
  snapshot::Snapshotter& snapshotter_;
  runtime::Runner& runner_;
  CacheMounts& caches_;
  const snapshot::IdMap ids_;
  const std::string lent_folder_;
};

}  // namespace slipway::ops
