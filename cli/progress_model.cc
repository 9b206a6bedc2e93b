#include "cli/progress_model.h"

#include <algorithm>
#include <utility>

#include "cli/text_width.h"

namespace slipway::cli {

namespace {

constexpr size_t kTailLines = 20;
constexpr size_t kLineBytes = 4096;
constexpr size_t kCounters = 64;
constexpr size_t kNameBytes = 1024;
constexpr size_t kErrorBytes = 16U << 10;
constexpr std::string_view kUpload = "upload";

std::chrono::nanoseconds TimeOf(const v1::RunEvent& event) {
  return std::chrono::seconds(event.time().seconds()) + std::chrono::nanoseconds(event.time().nanos());
}

std::string OneLine(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return Harmless(std::string_view(text).substr(0, kNameBytes));
}

void AddLine(std::string_view line, std::deque<std::string>* tail) {
  tail->push_back(Harmless(line));
  if (tail->size() > kTailLines) tail->pop_front();
}

}  // namespace

ProgressModel::Vertex* ProgressModel::Find(const std::string& id) {
  const auto at = std::find_if(running_.begin(), running_.end(), [&](const auto& v) { return v->id == id; });
  return at == running_.end() ? nullptr : at->get();
}

void ProgressModel::Apply(const v1::RunEvent& event, TimePoint now) {
  switch (event.event_case()) {
    case v1::RunEvent::kNote: message_ = OneLine(event.note().text()); break;
    case v1::RunEvent::kVertexStarted: Start(event, now); break;
    case v1::RunEvent::kVertexCached:
      if (Vertex* vertex = Find(event.vertex_cached().vertex())) vertex->state = Vertex::State::kCached;
      break;
    case v1::RunEvent::kVertexLog: Log(event.vertex_log()); break;
    case v1::RunEvent::kVertexProgress: Count(event.vertex_progress()); break;
    case v1::RunEvent::kVertexFinished: Finish(event); break;
    case v1::RunEvent::kWarning:
      reports_.emplace_back(
          Warning{.text = OneLine(event.warning().text()), .detail = event.warning().detail().substr(0, kErrorBytes)});
      break;
    case v1::RunEvent::kAttemptStarted: Restart(event.attempt_started()); break;
    case v1::RunEvent::kStepStarted:
    case v1::RunEvent::kStepFinished:
    case v1::RunEvent::EVENT_NOT_SET: break;
  }
}

std::vector<ProgressModel::Report> ProgressModel::TakeReports() { return std::exchange(reports_, {}); }

void ProgressModel::Start(const v1::RunEvent& event, TimePoint now) {
  const v1::VertexStarted& started = event.vertex_started();
  if (Find(started.vertex()) != nullptr) return;  // it goes on after a pause
  auto vertex = std::make_unique<Vertex>();
  vertex->id = started.vertex();
  vertex->name = OneLine(started.name());
  vertex->started = now;
  vertex->started_at = TimeOf(event);
  running_.push_back(std::move(vertex));
}

void ProgressModel::Log(const v1::VertexLog& log) {
  Vertex* vertex = Find(log.vertex());
  if (vertex == nullptr) return;
  std::string_view data = log.data();
  while (!data.empty()) {
    const size_t end = data.find('\n');
    if (end == std::string_view::npos) {
      vertex->partial += data;
      // A progress bar that never ends its line says all in what follows the last return.
      if (vertex->partial.size() > kLineBytes) vertex->partial.erase(0, vertex->partial.size() - kLineBytes);
      return;
    }
    const std::string_view line = data.substr(0, std::min(end, kLineBytes));
    AddLine(vertex->partial.empty() ? line : std::exchange(vertex->partial, {}) + std::string(line), &vertex->tail);
    data.remove_prefix(end + 1);
  }
}

void ProgressModel::Count(const v1::VertexProgress& progress) {
  Vertex* vertex = Find(progress.vertex());
  if (vertex == nullptr) return;
  const std::string what = OneLine(progress.what());
  auto at =
      std::find_if(vertex->counters.begin(), vertex->counters.end(), [&](const Counter& c) { return c.what == what; });
  if (at == vertex->counters.end()) {
    if (vertex->counters.size() >= kCounters)
      std::erase_if(vertex->counters, [](const Counter& c) { return c.complete(); });
    if (vertex->counters.size() >= kCounters) return;
    at = vertex->counters.insert(at, Counter{.what = what});
  }
  const bool was_complete = at->complete();
  at->current = progress.current();
  at->total = progress.total();
  if (!was_complete && at->complete() && what.starts_with(kUpload)) totals_.bytes_up += at->total;
}

void ProgressModel::Finish(const v1::RunEvent& event) {
  const v1::VertexFinished& finished = event.vertex_finished();
  const auto at =
      std::find_if(running_.begin(), running_.end(), [&](const auto& v) { return v->id == finished.vertex(); });
  if (at == running_.end()) return;
  Vertex vertex = std::move(**at);
  running_.erase(at);
  if (!vertex.partial.empty()) AddLine(std::exchange(vertex.partial, {}), &vertex.tail);
  vertex.took = std::max(TimeOf(event) - vertex.started_at, std::chrono::nanoseconds(0));
  if (finished.code() != 0) {
    vertex.state = Vertex::State::kFailed;
    vertex.error = finished.error_message().substr(0, kErrorBytes);
    ++totals_.failed;
  } else {
    if (vertex.state == Vertex::State::kCached) {
      ++totals_.cached;
    } else {
      vertex.state = Vertex::State::kDone;
    }
    ++totals_.done;
    vertex.tail.clear();
  }
  reports_.emplace_back(std::move(vertex));
}

void ProgressModel::Restart(const v1::AttemptStarted& attempt) {
  running_.clear();
  totals_ = {};
  reports_.emplace_back(Restarted{.attempt = attempt.attempt(), .reason = OneLine(attempt.reason())});
}

}  // namespace slipway::cli
