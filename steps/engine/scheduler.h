// Scheduler: which step of a task may begin now. No threads and no time: it is told what happened, and asked.
//
// A step is waiting, then running, then over. Every question has an answer in the order of the file, so nothing can
// wait for ever: a step waits for earlier ones only, and what can no longer run is skipped.
#pragma once

#include <cstddef>
#include <set>
#include <vector>

#include "steps/task/task.h"

namespace slipway::engine {

class Scheduler {
 public:
  /// `task` is valid and outlives this.
  explicit Scheduler(const task::Task& task);

  enum class Phase {
    kWaiting,
    kRunning,
    kWell,     ///< over: ended well, or its errors do not matter
    kFailed,   ///< over
    kSkipped,  ///< over: it never began
  };

  /// Steps that may begin, in the order of the file; steps that cannot any more are over from now on. With nothing
  /// running, an empty answer says that the run is over: all steps are.
  std::vector<size_t> Ready();

  void Begin(size_t step) { phases_[step] = Phase::kRunning, ++running_; }
  /// `well`: it ended well or its errors are ignored.
  void End(size_t step, bool well);
  /// The run has failed for a reason of its own (its time is over): as if a step had failed.
  void Fail() { failed_ = true; }
  /// Nothing begins any more.
  void Stop() { stopped_ = true; }

  Phase phase(size_t step) const { return phases_[step]; }
  size_t running() const { return running_; }
  bool failed() const { return failed_; }

 private:
  void PassBy(std::set<size_t>* after) const;
  bool Over(size_t step) const { return phases_[step] != Phase::kWaiting && phases_[step] != Phase::kRunning; }
  bool AllOver(const std::vector<size_t>& steps) const;
  /// One look at all that wait; whether something was skipped.
  bool Look(std::vector<size_t>* ready);
  bool SkipUnneeded();

  const task::Task& task_;
  std::vector<std::vector<size_t>> after_;  // what each step waits for
  std::vector<Phase> phases_;
  size_t running_ = 0;
  bool failed_ = false;
  bool stopped_ = false;
};

}  // namespace slipway::engine
