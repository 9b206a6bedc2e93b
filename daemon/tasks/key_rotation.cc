#include "daemon/tasks/key_rotation.h"

#include "daemon/keyring/login_book.h"
#include "daemon/keyring/secret_book.h"
#include "daemon/secrets/sealer.h"
#include "daemon/tasks/task_secrets.h"

namespace slipway::tasks {

Result<RotatedKey> RotateKey(const std::string& key_file, store::TaskStore& tasks, store::RunStore& runs,
                             store::SecretStore& secret_store) {
  SLIPWAY_RETURN_IF_ERROR(secrets::Sealer::AddKey(key_file));
  SLIPWAY_ASSIGN_OR_RETURN(const secrets::Sealer sealer, secrets::Sealer::Open(key_file));
  RotatedKey out;
  SLIPWAY_ASSIGN_OR_RETURN(std::vector<store::Task> stored, tasks.All());
  for (store::Task& task : stored) {
    if (task.sealed.empty()) continue;
    SLIPWAY_ASSIGN_OR_RETURN(const TaskSecrets secrets,
                             TaskSecrets::Open(task, sealer).With(fmt::format("task '{}'", task.name)));
    SLIPWAY_RETURN_IF_ERROR(secrets.Seal(sealer, &task));
    SLIPWAY_RETURN_IF_ERROR(tasks.Reseal(task.name, task.sealed));
    ++out.tasks;
  }
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<store::Run> unfinished, runs.Unfinished());
  for (const store::Run& run : unfinished) {
    if (run.sealed.empty()) continue;
    SLIPWAY_ASSIGN_OR_RETURN(const std::string plain,
                             sealer.Unseal(run.sealed, run.id).With(fmt::format("run '{}'", run.id)));
    SLIPWAY_ASSIGN_OR_RETURN(const std::string sealed, sealer.Seal(plain, run.id));
    SLIPWAY_RETURN_IF_ERROR(runs.Reseal(run.id, sealed));
    ++out.runs;
  }
  SLIPWAY_ASSIGN_OR_RETURN(out.secrets, keyring::ResealSecrets(secret_store, sealer));
  SLIPWAY_ASSIGN_OR_RETURN(out.logins, keyring::ResealLogins(secret_store, sealer));
  SLIPWAY_RETURN_IF_ERROR(secrets::Sealer::DropOldKeys(key_file));
  return out;
}

}  // namespace slipway::tasks
