#include "steps/engine/scheduler.h"

#include <algorithm>
#include <map>
#include <string>

namespace slipway::engine {

Scheduler::Scheduler(const task::Task& task)
    : task_(task), after_(task.steps.size()), phases_(task.steps.size(), Phase::kWaiting) {
  std::map<std::string, size_t> numbers;
  for (size_t i = 0; i < task.steps.size(); ++i) {
    const task::Step& step = task.steps[i];
    numbers[step.id] = i;
    std::set<size_t> after;
    for (const std::string& id : step.when) {
      after.insert(numbers.at(id));
    }
    if (step.run_on == task::RunOn::kSuccess) PassBy(&after);
    after_[i].assign(after.begin(), after.end());
  }
}

// A step of the good way does not wait for those of the bad way: it takes its place behind the ones before them.
void Scheduler::PassBy(std::set<size_t>* after) const {
  for (auto it = after->begin(); it != after->end();) {
    if (task_.steps[*it].run_on != task::RunOn::kFailure) {
      ++it;
      continue;
    }
    const std::vector<size_t>& before = after_[*it];
    after->erase(it);
    after->insert(before.begin(), before.end());
    it = after->begin();
  }
}

bool Scheduler::AllOver(const std::vector<size_t>& steps) const {
  return std::all_of(steps.begin(), steps.end(), [this](size_t step) { return Over(step); });
}

void Scheduler::End(size_t step, bool well) {
  phases_[step] = well ? Phase::kWell : Phase::kFailed;
  --running_;
  failed_ = failed_ || !well;
}

std::vector<size_t> Scheduler::Ready() {
  while (true) {
    std::vector<size_t> ready;
    const bool skipped = Look(&ready);
    if (skipped) continue;  // others may wait for those
    if (ready.empty() && running_ == 0 && SkipUnneeded()) continue;
    return ready;
  }
}

bool Scheduler::Look(std::vector<size_t>* ready) {
  bool skipped = false;
  const auto skip = [&](size_t step) {
    phases_[step] = Phase::kSkipped;
    skipped = true;
  };
  for (size_t i = 0; i < phases_.size(); ++i) {
    if (phases_[i] != Phase::kWaiting) continue;
    if (stopped_) {
      skip(i);
      continue;
    }
    switch (task_.steps[i].run_on) {
      case task::RunOn::kSuccess:
        if (failed_) {
          skip(i);
        } else if (AllOver(after_[i])) {
          ready->push_back(i);
        }
        break;
      case task::RunOn::kFailure:
        if (failed_ && AllOver(after_[i])) ready->push_back(i);
        break;
      case task::RunOn::kAlways:
        if (AllOver(after_[i])) ready->push_back(i);
        break;
    }
  }
  return skipped;
}

// Nothing runs and nothing can begin, so nothing can fail any more: the first that waits for a failure waits in vain.
bool Scheduler::SkipUnneeded() {
  const auto waiting = std::find(phases_.begin(), phases_.end(), Phase::kWaiting);
  if (waiting == phases_.end()) return false;
  *waiting = Phase::kSkipped;
  return true;
}

}  // namespace slipway::engine
