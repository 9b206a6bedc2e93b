// TimerLoop: a thread that sleeps until the next timer is due. It wakes for nothing else but a change of the timers or
// of the machine's clock, so that idle timers cost no time.
//
// Life: construct, Start, (Change from any thread); the destructor ends it.
#pragma once

#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "daemon/trigger/timer_table.h"
#include "executor/base/status.h"
#include "executor/base/unique_fd.h"

namespace slipway::trigger {

class TimerLoop {
 public:
  /// Is told, in the loop's thread, what came due. It may take its time: what comes due meanwhile is told next.
  using OnDue = std::function<void(const std::vector<TimerTable::Due>&)>;

  explicit TimerLoop(OnDue on_due) : on_due_(std::move(on_due)) {}
  ~TimerLoop();
  TimerLoop(const TimerLoop&) = delete;
  TimerLoop& operator=(const TimerLoop&) = delete;

  Status Start();
  /// Changes the table and lets the loop look again.
  void Change(const std::function<void(TimerTable&)>& change);
  std::optional<SystemTime> NextTime(const TimerName& name) const;

 private:
  void Work(const std::stop_token& stop);
  void Wake() const;
  // Sets the alarm to the next moment.
  void SetAlarm(std::optional<SystemTime> at) const;

  const OnDue on_due_;
  mutable std::mutex mutex_;
  TimerTable table_;  // guarded by mutex_
  UniqueFd alarm_;
  UniqueFd wake_;
  std::jthread thread_;
};

}  // namespace slipway::trigger
