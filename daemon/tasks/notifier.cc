#include "daemon/tasks/notifier.h"

#include <algorithm>

#include "daemon/notify/cloud_event.h"
#include "daemon/notify/commit_status.h"
#include "daemon/tasks/task_secrets.h"
#include "executor/base/log.h"

namespace slipway::tasks {

namespace {

constexpr std::chrono::hours kKeepSent{24};
constexpr std::chrono::hours kKeepDead{30 * 24};

const store::SourceTrigger* FindSource(const store::Task& task, const std::string& name) {
  const auto found = std::find_if(task.sources.begin(), task.sources.end(),
                                  [&name](const store::SourceTrigger& source) { return source.name == name; });
  return found == task.sources.end() ? nullptr : &*found;
}

}  // namespace

Notifier::Notifier(Parts parts)
    : parts_(std::move(parts)),
      outbox_({.store = parts_.store,
               .transport = parts_.transport,
               .clock = parts_.clock,
               .targets = parts_.targets,
               .status_token = [this](const std::string& task, const std::string& trigger) {
                 return StatusToken(task, trigger);
               }}) {}

std::vector<store::NewNotification> Notifier::Announce(const store::Run& run) const {
  std::vector<store::NewNotification> out = notify::EventsOf(run, parts_.targets, parts_.source);
  if (run.task.empty() || run.trigger.commit.empty()) return out;
  const Result<store::Task> task = parts_.tasks.Get(run.task);
  if (!task.ok()) {
    if (task.code() != Code::kNotFound) log::ForRun(run.id)->error("its commit's status: {}", task.status().message());
    return out;
  }
  const store::SourceTrigger* source = FindSource(*task, run.trigger.name);
  if (source == nullptr || !source->has_status_token) return out;
  if (auto status = notify::StatusOf(run, source->api_url, parts_.public_url)) out.push_back(*std::move(status));
  return out;
}

Result<std::string> Notifier::StatusToken(const std::string& task_name, const std::string& trigger) const {
  const Result<store::Task> task = parts_.tasks.Get(task_name);
  if (task.code() == Code::kNotFound) return std::string();
  if (!task.ok()) return task.status();
  SLIPWAY_ASSIGN_OR_RETURN(const TaskSecrets secrets, TaskSecrets::Open(*task, parts_.sealer));
  return secrets.Get("trigger:" + trigger + ":token");
}

Status Notifier::Sweep() {
  const SystemTime now = parts_.clock.System();
  return parts_.store.Forget(now - kKeepSent, now - kKeepDead);
}

}  // namespace slipway::tasks
