#include "daemon/trigger/timer_loop.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "executor/base/log.h"

namespace slipway::trigger {

TimerLoop::~TimerLoop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  Wake();
}

Status TimerLoop::Start() {
  alarm_ = UniqueFd(::timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK));
  wake_ = UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!alarm_.valid() || !wake_.valid()) return ErrnoStatus(errno, "make an alarm for timers");
  thread_ = std::jthread([this](const std::stop_token& stop) { Work(stop); });
  return Status();
}

void TimerLoop::Wake() const {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof(one));  // full means: awake already
}

void TimerLoop::Change(const std::function<void(TimerTable&)>& change) {
  {
    const std::lock_guard lock(mutex_);
    change(table_);
  }
  if (wake_.valid()) Wake();
}

std::optional<SystemTime> TimerLoop::NextTime(const TimerName& name) const {
  const std::lock_guard lock(mutex_);
  return table_.NextTime(name);
}

void TimerLoop::SetAlarm(std::optional<SystemTime> at) const {
  itimerspec spec{};
  if (at) {
    const auto since = at->time_since_epoch();
    const auto seconds = std::chrono::floor<std::chrono::seconds>(since);
    spec.it_value.tv_sec = std::max<time_t>(seconds.count(), 0);
    spec.it_value.tv_nsec =
        std::max<long>(std::chrono::nanoseconds(since - seconds).count(), 1);  // all zeros disarm it
  } else {
    // Never; but told when the clock is set.
    spec.it_value.tv_sec = std::numeric_limits<time_t>::max() / 2;
  }
  ::timerfd_settime(alarm_.get(), TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &spec, nullptr);
}

void TimerLoop::Work(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    std::vector<TimerTable::Due> due;
    {
      const std::lock_guard lock(mutex_);
      due = table_.TakeDue(Clock::Real().System());
      SetAlarm(table_.NextTime());
    }
    if (!due.empty()) {
      on_due_(due);
      continue;  // it may have taken long
    }
    std::array<pollfd, 2> fds = {{{alarm_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}}};
    if (::poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR) {
      spdlog::error("timers: poll: errno {}", errno);
      return;
    }
    uint64_t count = 0;
    // ECANCELED says that the clock was set: like the alarm itself, a reason to look again.
    [[maybe_unused]] ssize_t got = ::read(alarm_.get(), &count, sizeof(count));
    got = ::read(wake_.get(), &count, sizeof(count));
  }
}

}  // namespace slipway::trigger
