// Runs to tell of.
#pragma once

#include "daemon/store/run.h"

namespace slipway::notify {

inline SystemTime At(int seconds) { return SystemTime(std::chrono::seconds(1'700'000'000 + seconds)); }

/// A run of task "app" for a push to a repository of a host.
inline store::Run PushedRun(store::RunState state, const std::string& host = "github",
                            const std::string& url = "https://github.com/org/app.git") {
  store::Run run;
  run.id = "ca7";
  run.state = state;
  run.create_time = At(0);
  run.last_updated_time = At(0);
  run.task = "app";
  run.trigger.kind = store::RunTrigger::Kind::kCommit;
  run.trigger.name = "t";
  run.trigger.host = host;
  run.trigger.repository_url = url;
  run.trigger.commit = "1481a2de7b2a7d02428ad93446ab166be7793fbb";
  run.trigger.branch = "main";
  if (store::IsFinal(state)) {
    run.start_time = At(1);
    run.finish_time = At(13);
    run.last_updated_time = At(13);
  }
  return run;
}

}  // namespace slipway::notify
