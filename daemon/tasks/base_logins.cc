#include "daemon/tasks/base_logins.h"

#include <algorithm>

#include "daemon/runs/run_logins.h"
#include "daemon/tasks/task_secrets.h"
#include "executor/base/log.h"

namespace slipway::tasks {

std::vector<std::shared_ptr<registry::CredentialSource>> LoginsOfBase(store::TaskStore& tasks,
                                                                      const secrets::Sealer& sealer,
                                                                      const oci::Reference& image) {
  std::vector<std::shared_ptr<registry::CredentialSource>> out;
  const Result<std::vector<store::Task>> built =
      tasks.BuiltFrom({.registry = image.host, .repository = image.repository, .tag = image.tag, .digest = {}});
  if (!built.ok()) {
    spdlog::warn("who stands on image '{}': {}", image.Familiar(), built.status().message());
    return out;
  }
  std::vector<runs::RunLogins::Login> known;
  for (const store::Task& task : *built) {
    const auto login = std::find_if(task.logins.begin(), task.logins.end(),
                                    [&](const store::RegistryLogin& one) { return one.server == image.host; });
    if (login == task.logins.end()) continue;
    const Result<TaskSecrets> secrets = TaskSecrets::Open(task, sealer);
    if (!secrets.ok()) {
      spdlog::warn("the login of task '{}': {}", task.name, secrets.status().message());
      continue;
    }
    const runs::RunLogins::Login one{
        .server = login->server, .username = login->username, .password = secrets->Get("credential:" + login->server)};
    if (std::find(known.begin(), known.end(), one) != known.end()) continue;
    known.push_back(one);
    out.push_back(runs::MakeAccess({.logins = {one}, .isolated = false}).logins);
  }
  return out;
}

}  // namespace slipway::tasks
