// TimerTable: when which timer is due. No thread and no clock of its own: whoever has them asks.
//
// A timer comes due at the moments of its schedule. Moments that pass while nobody asks (the daemon was down, the
// machine slept, the clock was set forward) are *missed*: they count once together, or not at all, by the timer's
// setting. Where the clock was set back, moments that were due before are not due again. A moment that came at a bad
// time may be put off until the timer's next one. Not thread-safe.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "daemon/trigger/cron.h"
#include "daemon/trigger/time_zone.h"
#include "executor/base/clock.h"

namespace slipway::trigger {

/// How late a moment may be noticed without being missed.
inline constexpr std::chrono::minutes kTimerGrace{2};
/// A record from the future by more than this is from a clock that was wrong, and is not believed.
inline constexpr std::chrono::hours kMostAhead{25};

using TimerName = std::pair<std::string, std::string>;  ///< task, timer

struct TimerPlan {
  CronSchedule schedule;
  TimeZone zone = TimeZone::Utc();
  bool run_missed = true;
};

class TimerTable {
 public:
  /// Adds or replaces a timer. `last`: the moment that was last due, or when the timer was made.
  void Set(const TimerName& name, TimerPlan plan, SystemTime last, SystemTime now);
  void Remove(const TimerName& name);
  void RemoveTask(const std::string& task);
  void Clear();
  bool Has(const TimerName& name) const { return timers_.contains(name); }
  size_t size() const { return timers_.size(); }

  struct Due {
    TimerName name;
    SystemTime occurrence;  ///< the moment; of several missed ones the last
    bool missed = false;
    bool run = true;   ///< false: missed, and not to be made up for
    int attempts = 0;  ///< how often it was put off
  };
  /// What has come due until `now`, by moment. Each timer goes on to its next moment after `now`.
  std::vector<Due> TakeDue(SystemTime now);
  /// What was due is due once more at `at`. False if the timer is gone, or its next moment comes no later: that one
  /// stands in for it.
  bool PutOff(const Due& due, SystemTime at);

  /// When to ask again; nullopt if nothing will ever be due.
  std::optional<SystemTime> NextTime() const;
  /// Of one timer; nullopt if it is never due or there is none.
  std::optional<SystemTime> NextTime(const TimerName& name) const;

 private:
  struct Timer {
    TimerPlan plan;
    std::optional<SystemTime> next;    // moment of the schedule
    std::optional<SystemTime> queued;  // its place in queue_: `next`, or when `again` is due
    std::optional<Due> again;          // was put off
  };
  void Queue(const TimerName& name, Timer& timer, SystemTime after);
  void WaitUntil(const TimerName& name, Timer& timer, std::optional<SystemTime> at);

  std::map<TimerName, Timer> timers_;
  std::set<std::pair<SystemTime, TimerName>> queue_;  // of those that are due some time
};

}  // namespace slipway::trigger
