#include "daemon/logs/run_feed.h"

namespace slipway::logs {

namespace {
// More things at once are not shown: a hostile build must not fill the memory with counters.
constexpr size_t kMaxProgress = 256;
}  // namespace

bool RunFeed::open() const {
  const std::lock_guard lock(mutex_);
  return open_;
}

uint64_t RunFeed::version() const {
  const std::lock_guard lock(mutex_);
  return version_;
}

void RunFeed::Subscribe(std::weak_ptr<Listener> listener) {
  const std::lock_guard lock(mutex_);
  std::erase_if(listeners_, [](const std::weak_ptr<Listener>& l) { return l.expired(); });
  listeners_.push_back(std::move(listener));
}

void RunFeed::Notify() {
  std::vector<std::shared_ptr<Listener>> now;
  {
    const std::lock_guard lock(mutex_);
    now.reserve(listeners_.size());
    for (const std::weak_ptr<Listener>& listener : listeners_) {
      if (std::shared_ptr<Listener> alive = listener.lock()) now.push_back(std::move(alive));
    }
  }
  for (const std::shared_ptr<Listener>& listener : now) listener->OnFeed();
}

Status RunFeed::Flush() {
  bool news = log_.dirty() || events_.dirty();
  {
    const std::lock_guard lock(mutex_);
    news |= std::exchange(progress_news_, false);
  }
  if (!news) return Status();
  const Status log = log_.Flush();
  const Status events = events_.Flush();
  Notify();
  return log.ok() ? events : log;
}

void RunFeed::StateChanged() {
  {
    const std::lock_guard lock(mutex_);
    ++version_;
  }
  Notify();
}

void RunFeed::Close() {
  {
    const std::lock_guard lock(mutex_);
    open_ = false;
    ++version_;
    progress_.clear();
  }
  Notify();
}

void RunFeed::SetProgress(const RunEvent& event) {
  const std::lock_guard lock(mutex_);
  const auto key = std::make_pair(event.vertex, event.name);
  if (progress_.size() >= kMaxProgress && !progress_.contains(key)) return;
  progress_[key] = {event, ++changes_};
  progress_news_ = true;
}

std::vector<RunEvent> RunFeed::TakeProgress(const std::string& vertex) {
  std::vector<RunEvent> out;
  const std::lock_guard lock(mutex_);
  auto it = progress_.lower_bound({vertex, std::string()});
  while (it != progress_.end() && it->first.first == vertex) {
    out.push_back(std::move(it->second.event));
    it = progress_.erase(it);
  }
  return out;
}

void RunFeed::ClearProgress() {
  const std::lock_guard lock(mutex_);
  progress_.clear();
}

std::vector<RunEvent> RunFeed::ProgressSince(uint64_t* since) const {
  std::vector<RunEvent> out;
  const std::lock_guard lock(mutex_);
  for (const auto& [key, progress] : progress_) {
    if (progress.change > *since) out.push_back(progress.event);
  }
  *since = changes_;
  return out;
}

}  // namespace slipway::logs
