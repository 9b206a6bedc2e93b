#include "executor/solver/execution.h"

#include <vector>

namespace slipway::solver {

namespace {
constexpr size_t kReplayBytes = 256U << 10;
}

void Execution::Forward(const VertexProgress& to, ProgressEvent event) {
  if (to.sink() == nullptr) return;
  event.vertex = to.vertex();
  event.name = to.name();
  to.sink()->OnEvent(event);
}

bool Execution::Expect() {
  std::lock_guard lock(mutex_);
  if (left_) return false;
  ++expected_;
  return true;
}

int Execution::Join(VertexProgress progress, Done done) {
  std::unique_lock lock(mutex_);
  --expected_;
  for (const ProgressEvent& event : told_) Forward(progress, event);
  if (result_) {
    const Result<layer::Chain> result = *result_;
    lock.unlock();
    done(result);
    return 0;
  }
  const int id = next_id_++;
  listeners_.emplace(id, std::make_shared<Listener>(Listener{std::move(progress), std::move(done)}));
  return id;
}

void Execution::Leave(int id, const Status& cause) {
  std::shared_ptr<Listener> leaving;
  {
    std::lock_guard lock(mutex_);
    const auto it = listeners_.find(id);
    if (it == listeners_.end()) return;
    left_ = listeners_.size() == 1 && expected_ == 0;
    if (!left_) {
      leaving = it->second;
      listeners_.erase(it);
    }
  }
  if (leaving != nullptr) {
    leaving->done(cause);
  } else {
    ctx_.Cancel(cause);
  }
}

void Execution::Finish(const Result<layer::Chain>& result) {
  std::vector<std::shared_ptr<Listener>> waiting;
  {
    std::lock_guard lock(mutex_);
    result_ = result;
    for (auto& [id, listener] : listeners_) waiting.push_back(std::move(listener));
    listeners_.clear();
  }
  for (const auto& listener : waiting) listener->done(result);
}

void Execution::OnEvent(const ProgressEvent& event) {
  std::vector<std::shared_ptr<Listener>> listening;
  {
    std::lock_guard lock(mutex_);
    if (event.kind != ProgressEvent::Kind::kProgress) {
      told_.push_back(event);
      told_bytes_ += event.text.size();
      while (told_bytes_ > kReplayBytes && told_.size() > 1) {
        told_bytes_ -= told_.front().text.size();
        told_.pop_front();
      }
    }
    for (const auto& [id, listener] : listeners_) listening.push_back(listener);
  }
  for (const auto& listener : listening) Forward(listener->progress, event);
}

}  // namespace slipway::solver
