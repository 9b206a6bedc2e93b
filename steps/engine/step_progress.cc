#include "steps/engine/step_progress.h"

#include <algorithm>

namespace slipway::engine {

void StepProgress::OnEvent(const ProgressEvent& event) {
  if (event.kind == ProgressEvent::Kind::kLog && !step_.retry_on_errors.empty()) Watch(event);
  observer_.OnStepEvent(step_, event);
}

void StepProgress::Watch(const ProgressEvent& event) {
  const std::lock_guard lock(mutex_);
  if (seen_) return;
  std::string& text = tails_[{event.vertex, static_cast<int>(event.stream)}];
  text += event.text;
  size_t longest = 1;
  for (const std::string& wanted : step_.retry_on_errors) {
    seen_ = seen_ || text.find(wanted) != std::string::npos;
    longest = std::max(longest, wanted.size());
  }
  // What may be the beginning of one is kept.
  if (text.size() >= longest) text.erase(0, text.size() - (longest - 1));
}

void StepProgress::ResetWatch() {
  const std::lock_guard lock(mutex_);
  seen_ = false;
  tails_.clear();
}

bool StepProgress::Seen(const Status& failure) {
  const auto told = [&](const std::string& wanted) { return failure.message().find(wanted) != std::string::npos; };
  const std::vector<std::string>& texts = step_.retry_on_errors;
  if (std::any_of(texts.begin(), texts.end(), told)) return true;
  const std::lock_guard lock(mutex_);
  return seen_;
}

}  // namespace slipway::engine
