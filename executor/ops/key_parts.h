// KeyParts of operations: what the content key of a RUN, a COPY or a download was made of, for explaining misses. They
// say what the key says: what is not part of the key is not part of them. Free functions.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "executor/graph/vertex.h"
#include "executor/ops/selection.h"
#include "executor/solver/solver.h"

namespace slipway::ops {

/// Whether a vertex is a build context: files that are here, of which only what is used counts.
bool IsContext(const graph::Vertex& vertex);
/// What the vertex says of paths that are not in it; null if it says nothing.
const WhyMissing& WhyMissingOf(const graph::Vertex& vertex);

/// As it counts: where steps are offline unless they ask for more, what they make there is not what they make
/// elsewhere, but the same as with --network=none.
graph::ExecOp WithDefaultNetwork(const graph::ExecOp& op, bool offline);
solver::KeyParts ExecParts(const graph::ExecOp& op, const graph::Vertex& vertex,
                           const std::vector<solver::Output>& inputs);
/// Without the files that are copied.
solver::KeyParts FileParts(const graph::FileOp& op, const graph::Vertex& vertex,
                           const std::vector<solver::Output>& inputs);
/// The files of copies or mounts; beyond so many they are folded together by folder.
void AddFiles(const std::vector<std::vector<Selected>>& selections, size_t most, solver::KeyParts& parts);
/// Of what a URL gave; a user or password in it is left out.
std::function<solver::KeyParts(size_t)> RemoteParts(const std::string& url, std::string what);

}  // namespace slipway::ops
