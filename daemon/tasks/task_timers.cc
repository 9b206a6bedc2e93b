#include "daemon/tasks/task_timers.h"

#include <algorithm>
#include <map>

#include "executor/base/log.h"

namespace slipway::tasks {

namespace {

Result<trigger::TimerPlan> MakePlan(const store::TimerTrigger& timer) {
  trigger::TimerPlan plan;
  SLIPWAY_ASSIGN_OR_RETURN(plan.schedule, trigger::CronSchedule::Parse(timer.schedule));
  SLIPWAY_ASSIGN_OR_RETURN(plan.zone, trigger::TimeZone::Find(timer.time_zone));
  plan.run_missed = timer.missed == store::MissedTimer::kOnce;
  return plan;
}

// Whether a moment that came to nothing may lead to its run later. CANCELLED is what a store that is busy and a daemon
// that ends look like from here; the latter takes the timers with it.
bool MayStartLater(Code code) {
  return code == Code::kResourceExhausted || code == Code::kUnavailable || code == Code::kCancelled;
}

}  // namespace

TaskTimers::TaskTimers(store::TaskStore& tasks, StartRun start_run, std::chrono::milliseconds first_pause)
    : tasks_(tasks),
      start_run_(std::move(start_run)),
      first_pause_(first_pause),
      loop_([this](const std::vector<trigger::TimerTable::Due>& due) { OnDue(due); }) {}

Status TaskTimers::Start() {
  const std::lock_guard lock(change_);
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<store::Task> tasks, tasks_.All());
  SLIPWAY_RETURN_IF_ERROR(Load(tasks, Clock::Real().System()));
  return loop_.Start();
}

// Timers that were never due count from now on, and that is stored: a moment right after is not forgotten by a restart.
Status TaskTimers::Load(const std::vector<store::Task>& tasks, SystemTime now) {
  std::map<trigger::TimerName, store::TimerState> states;
  SLIPWAY_ASSIGN_OR_RETURN(std::vector<store::TimerState> stored, tasks_.Timers());
  for (store::TimerState& state : stored) states[{state.task, state.timer}] = std::move(state);
  for (const store::Task& task : tasks) {
    if (!task.enabled) continue;
    for (const store::TimerTrigger& timer : task.timers) {
      if (!timer.enabled) continue;
      Result<trigger::TimerPlan> plan = MakePlan(timer);
      if (!plan.ok()) {
        spdlog::error("timer '{}' of task '{}' is off: {}", timer.name, task.name, plan.status().message());
        continue;
      }
      const trigger::TimerName name = {task.name, timer.name};
      auto state = states.find(name);
      if (state == states.end() || state->second.schedule != store::TimerKey(timer)) {
        const store::TimerState fresh = {task.name, timer.name, store::TimerKey(timer), now};
        SLIPWAY_RETURN_IF_ERROR(tasks_.SetTimer(fresh));
        state = states.insert_or_assign(name, fresh).first;
      }
      const SystemTime last = state->second.last_time;
      loop_.Change([&](trigger::TimerTable& table) { table.Set(name, *std::move(plan), last, now); });
    }
  }
  return Status();
}

Status TaskTimers::Changed(const std::string& name) {
  const std::lock_guard lock(change_);
  Result<store::Task> task = tasks_.Get(name);
  if (!task.ok() && task.code() != Code::kNotFound) return std::move(task).status();
  const std::string known = task.ok() ? task->name : name;
  loop_.Change([&](trigger::TimerTable& table) { table.RemoveTask(known); });
  if (!task.ok()) return Status();
  return Load({*std::move(task)}, Clock::Real().System());
}

std::optional<SystemTime> TaskTimers::NextTime(const std::string& task, const std::string& timer) const {
  return loop_.NextTime({task, timer});
}

void TaskTimers::OnDue(const std::vector<trigger::TimerTable::Due>& due) {
  for (const trigger::TimerTable::Due& one : due) {
    const Status status = Fire(one);
    if (status.ok()) continue;
    const bool later = MayStartLater(status.code()) && PutOff(one);
    spdlog::log(later ? spdlog::level::warn : spdlog::level::err, "timer '{}' of task '{}', due at {}: {}; {}",
                one.name.second, one.name.first, FormatTime(one.occurrence), status.message(),
                later ? "it is tried again" : "it is not tried again before its next moment");
  }
}

// False if the next moment comes first.
bool TaskTimers::PutOff(const trigger::TimerTable::Due& due) {
  constexpr std::chrono::milliseconds kLongestPause = std::chrono::minutes(5);
  constexpr int kMostDoublings = 10;
  const auto pause = std::min(first_pause_ * (1 << std::min(due.attempts, kMostDoublings)), kLongestPause);
  bool later = false;
  loop_.Change([&](trigger::TimerTable& table) { later = table.PutOff(due, Clock::Real().System() + pause); });
  return later;
}

Status TaskTimers::Fire(const trigger::TimerTable::Due& due) {
  SLIPWAY_ASSIGN_OR_RETURN(const store::Task task, tasks_.Get(due.name.first));
  const auto timer = std::find_if(task.timers.begin(), task.timers.end(),
                                  [&due](const store::TimerTrigger& t) { return t.name == due.name.second; });
  if (timer == task.timers.end() || !timer->enabled || !task.enabled) return Status();
  if (due.run) {
    store::RunTrigger trigger;
    trigger.kind = store::RunTrigger::Kind::kTimer;
    trigger.name = timer->name;
    trigger.occurrence = due.occurrence;
    const std::string moment = FormatTime(due.occurrence);
    SLIPWAY_ASSIGN_OR_RETURN(const std::string run,
                             start_run_(task, trigger, fmt::format("timer:{}:{}:{}", task.name, timer->name, moment)));
    spdlog::info("timer '{}' of task '{}' was due at {}{}: run {}", timer->name, task.name, moment,
                 due.missed ? " (missed)" : "", run);
  } else {
    spdlog::info("timer '{}' of task '{}' was missed at {} and is passed over", timer->name, task.name,
                 FormatTime(due.occurrence));
  }
  // Stored after the run: a death in between asks for the same run again, which is there already.
  return tasks_.SetTimer({task.name, timer->name, store::TimerKey(*timer), due.occurrence});
}

}  // namespace slipway::tasks
