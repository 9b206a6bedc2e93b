#include "daemon/trigger/timer_table.h"

#include <algorithm>
#include <utility>

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
  WaitUntil(name, timer, timer.next);
}

void TimerTable::WaitUntil(const TimerName& name, Timer& timer, std::optional<SystemTime> at) {
  if (timer.queued) queue_.erase({*timer.queued, name});
  timer.queued = at;
  if (at) queue_.emplace(*at, name);
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
  WaitUntil(name, found->second, std::nullopt);
  timers_.erase(found);
}

void TimerTable::RemoveTask(const std::string& task) {
  for (auto at = timers_.lower_bound({task, ""}); at != timers_.end() && at->first.first == task;) {
    WaitUntil(at->first, at->second, std::nullopt);
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
    const TimerName name = queue_.begin()->second;
    Timer& timer = timers_.at(name);
    std::optional<Due> again = std::exchange(timer.again, std::nullopt);
    if (again && (!timer.next || *timer.next > now)) {
      WaitUntil(name, timer, timer.next);
      out.push_back(*std::move(again));
      continue;
    }
    Due due{.name = name, .occurrence = LastUntil(timer.plan, *timer.next, now)};
    due.missed = now - due.occurrence > kTimerGrace;
    due.run = !due.missed || timer.plan.run_missed;
    Queue(name, timer, now);
    out.push_back(std::move(due));
  }
  return out;
}

bool TimerTable::PutOff(const Due& due, SystemTime at) {
  const auto found = timers_.find(due.name);
  if (found == timers_.end()) return false;
  Timer& timer = found->second;
  if (timer.next && *timer.next <= at) return false;
  timer.again = due;
  ++timer.again->attempts;
  WaitUntil(due.name, timer, at);
  return true;
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
