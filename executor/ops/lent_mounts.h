// LentMounts: what a container is lent (secrets, SSH agents) as mounts and variables, for as long as the object lives.
// Not thread-safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "executor/base/context.h"
#include "executor/base/fs.h"
#include "executor/base/progress.h"
#include "executor/base/status.h"
#include "executor/graph/vertex.h"
#include "executor/ops/agent_socket.h"
#include "executor/ops/secret_files.h"
#include "executor/runtime/runner.h"
#include "executor/snapshot/snapshotter.h"

namespace slipway::ops {

class LentMounts {
 public:
  /// `folder` is where files and sockets appear on the host; it and its path must be short. `lent` may be null.
  LentMounts(std::string folder, graph::LentPtr lent, const snapshot::IdMap& ids)
      : folder_(std::move(folder)), lent_(std::move(lent)), ids_(ids) {}

  /// Adds to `mounts` and `env` what the mount of kind secret or ssh gives; nothing if it is not required and was not
  /// lent. NOT_FOUND if it is required and was not lent; UNAVAILABLE if the client that lends its agent is gone.
  Status Add(const Context& ctx, const graph::ExecMount& mount, const VertexProgress& progress,
             std::vector<runtime::Mount>* mounts, std::vector<std::string>* env);

  /// The first failure of an agent while programs used it.
  Status trouble() const;

 private:
  Status AddSecret(const graph::ExecMount& mount, std::vector<runtime::Mount>* mounts, std::vector<std::string>* env);
  Status AddAgent(const Context& ctx, const graph::ExecMount& mount, const VertexProgress& progress,
                  std::vector<runtime::Mount>* mounts);

  const std::string folder_;
  const graph::LentPtr lent_;
  const snapshot::IdMap ids_;
  std::unique_ptr<SecretFiles> secrets_;
  std::unique_ptr<fs::TempDir> socket_folder_;
  std::vector<std::unique_ptr<AgentSocket>> sockets_;  // before the folder that they are in
};

}  // namespace slipway::ops
