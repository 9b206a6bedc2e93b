#include "daemon/trigger/timer_table.h"

#include <algorithm>

namespace slipway::trigger {

namespace {

// The last moment of the schedule until `now`, from `first` on. A schedule of every minute has very many: from some
// number on, the search goes on from just before `now`.
SystemTime LastUntil(const TimerPlan& plan, SystemTime first, SystemTime now) {
  constexpr int kMostSteps = 100;
  SystemTime last = first;
  for (int step = 0;; ++step) {
    const std::optional<SystemTime> next = NextOccurrence(plan.schedule, plan.zone, last);
    if (!next || *next > now) return last;
    last = *next;
    if (step == kMostSteps) last = std::max(last, now - std::chrono::hours(1));
  }
}

}  // namespace

void TimerTable::Queue(const TimerName& name, Timer& timer, SystemTime after) {
  timer.next = NextOccurrence(timer.plan.schedule, timer.plan.zone, after);
  if (timer.next) queue_.emplace(*timer.next, name);
}

void TimerTable::Set(const TimerName& name, TimerPlan plan, SystemTime last, SystemTime now) {
  Remove(name);
  Timer& timer = timers_[name];
  timer.plan = std::move(plan);
  Queue(name, timer, last > now + kMostAhead ? now : last);
}

void TimerTable::Remove(const TimerName& name) {
  const auto found = timers_.find(name);
  if (found == timers_.end()) return;
  if (found->second.next) queue_.erase({*found->second.next, name});
  timers_.erase(found);
}

void TimerTable::RemoveTask(const std::string& task) {
  for (auto at = timers_.lower_bound({task, ""}); at != timers_.end() && at->first.first == task;) {
    if (at->second.next) queue_.erase({*at->second.next, at->first});
    at = timers_.erase(at);
  }
}

void TimerTable::Clear() {
  timers_.clear();
  queue_.clear();
}

std::vector<TimerTable::Due> TimerTable::TakeDue(SystemTime now) {
  std::vector<Due> out;
  while (!queue_.empty() && queue_.begin()->first <= now) {
    const auto [moment, name] = *queue_.begin();
    queue_.erase(queue_.begin());
    Timer& timer = timers_.at(name);
    Due due{.name = name, .occurrence = LastUntil(timer.plan, moment, now)};
    due.missed = now - due.occurrence > kTimerGrace;
    due.run = !due.missed || timer.plan.run_missed;
    Queue(name, timer, now);
    out.push_back(std::move(due));
  }
  return out;
}

std::optional<SystemTime> TimerTable::NextTime() const {
  if (queue_.empty()) return std::nullopt;
  return queue_.begin()->first;
}

std::optional<SystemTime> TimerTable::NextTime(const TimerName& name) const {
  const auto found = timers_.find(name);
  return found == timers_.end() ? std::nullopt : found->second.next;
}

}  // namespace slipway::trigger
