// GitLoan: what a git repository is fetched with, out of what was lent to the build: for SSH the agent "default", for
// HTTP the secret GIT_AUTH_TOKEN.HOST or GIT_AUTH_TOKEN.
#pragma once

#include <memory>
#include <string>

#include "executor/base/context.h"
#include "executor/base/fs.h"
#include "executor/base/status.h"
#include "executor/graph/lent.h"
#include "executor/ops/agent_socket.h"
#include "executor/source/context_source.h"

namespace slipway::ops {

/// The agent's socket stays as long as this.
struct GitLoan {
  fs::TempDir folder;
  std::unique_ptr<AgentSocket> socket;  ///< goes before the folder it is in
};

/// Fills in the token or agent of `git` where it has none of its own. `folder` is a short path; `lent` may be null.
/// UNAVAILABLE if the agent is wanted and its client is gone.
Result<GitLoan> LendToGit(const Context& ctx, const std::string& folder, const graph::LentPtr& lent,
                          source::GitContext* git);

}  // namespace slipway::ops
