// The logins of tasks for the images that they stand on, for looking these up. Free functions without state.
#pragma once

#include <memory>
#include <vector>

#include "daemon/secrets/sealer.h"
#include "daemon/store/task_store.h"
#include "executor/base/context.h"
#include "executor/oci/reference.h"
#include "executor/registry/credentials.h"

namespace slipway::tasks {

/// Those of all tasks that stand on the image and have one for its registry; equal ones once, in the order of the
/// tasks. What cannot be read is told in the log and passed over.
std::vector<std::shared_ptr<registry::CredentialSource>> LoginsOfBase(store::TaskStore& tasks,
                                                                      const secrets::Sealer& sealer,
                                                                      const oci::Reference& image);

}  // namespace slipway::tasks
