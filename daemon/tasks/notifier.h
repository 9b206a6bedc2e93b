// Notifier: who is told of runs: receivers that the operator names, and the git hosts of tasks' triggers. It says what
// is to be told when a run gets a state, and owns the outbox that sends it.
//
// Life: construct, give the run store Announce as its announcer, Start when runs have been recovered; Wake, Sweep from
// any thread; the destructor ends what is being sent, which stays for the next start.
#pragma once

#include <string>
#include <vector>

#include "daemon/notify/outbox.h"
#include "daemon/notify/settings.h"
#include "daemon/secrets/sealer.h"
#include "daemon/store/notification_store.h"
#include "daemon/store/task_store.h"
#include "executor/base/clock.h"
#include "executor/http/transport.h"

namespace slipway::tasks {

class Notifier {
 public:
  struct Parts {
    store::NotificationStore& store;
    store::TaskStore& tasks;
    const secrets::Sealer& sealer;
    http::Transport& transport;
    const Clock& clock;
    std::vector<notify::Target> targets = {};
    std::string public_url = {};  ///< where links go; "" for none
    std::string source = {};      ///< what events say they come from
  };

  explicit Notifier(Parts parts);

  Status Start() { return outbox_.Start(); }
  /// There may be something new to send. Returns at once.
  void Wake() { outbox_.Wake(); }

  /// What is to be told of a run that has just got its state. For SqliteRunStore::SetAnnouncer; reads the task.
  std::vector<store::NewNotification> Announce(const store::Run& run) const;
  /// Forgets what was sent a day ago, and what died a month ago.
  Status Sweep();

 private:
  Result<std::string> StatusToken(const std::string& task, const std::string& trigger) const;

  const Parts parts_;
  notify::Outbox outbox_;
};

}  // namespace slipway::tasks
