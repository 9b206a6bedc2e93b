// The exchange of the key that secrets are sealed with. Free functions without state.
#pragma once

#include <string>

#include "daemon/store/run_store.h"
#include "daemon/store/secret_store.h"
#include "daemon/store/task_store.h"

namespace slipway::tasks {

struct RotatedKey {
  size_t tasks = 0;  ///< whose secrets were sealed anew
  size_t runs = 0;
  size_t secrets = 0;  ///< of the daemon's own store
  size_t logins = 0;   ///< for all runs
};

/// Draws a new key, seals with it what tasks, unfinished runs and the daemon's own store keep secret, and forgets the
/// old one. Whatever ends it before that, nothing is lost: the file then holds both, and the next rotation ends this
/// one, too. No daemon may use the stores meanwhile. DATA_LOSS if something was sealed with a key that is not in the
/// file; nothing is forgotten then.
Result<RotatedKey> RotateKey(const std::string& key_file, store::TaskStore& tasks, store::RunStore& runs,
                             store::SecretStore& secrets);

}  // namespace slipway::tasks
