// StepProgress: what a step tells, handed on to the observer with its step; and a watch over what its programs print
// and how it fails. Lives until the end of the run, since a service goes on printing. Thread-safe.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "executor/base/progress.h"
#include "executor/base/status.h"
#include "steps/engine/engine.h"

namespace slipway::engine {

class StepProgress : public ProgressSink {
 public:
  /// Both must outlive it. What is watched for is the step's retry_on_errors.
  StepProgress(Observer& observer, const task::Step& step) : observer_(observer), step_(step) {}

  void OnEvent(const ProgressEvent& event) override;

  /// Begins to watch anew: for one execution.
  void ResetWatch();
  /// Whether one of the texts stood in one stream of output since then, however it was cut into pieces, or stands in
  /// `failure`, which is how the execution ended: what no program but the engine found is told there only.
  bool Seen(const Status& failure);

 private:
  void Watch(const ProgressEvent& event);

  Observer& observer_;
  const task::Step& step_;
  std::mutex mutex_;
  bool seen_ = false;                                         // guarded by mutex_
  std::map<std::pair<std::string, int>, std::string> tails_;  // guarded by mutex_; the end of each stream
};

}  // namespace slipway::engine
