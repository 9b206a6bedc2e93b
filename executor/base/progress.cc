#include "executor/base/progress.h"

namespace slipway {

VertexProgress::VertexProgress(ProgressSink* sink, std::string vertex, std::string name)
    : sink_(sink), vertex_(std::move(vertex)), name_(std::move(name)) {}

ProgressEvent VertexProgress::Make(ProgressEvent::Kind kind) const {
  ProgressEvent event;
  event.kind = kind;
  event.time = Clock::Real().System();
  event.vertex = vertex_;
  event.name = name_;
  return event;
}

void VertexProgress::Started() const {
  if (sink_ != nullptr) sink_->OnEvent(Make(ProgressEvent::Kind::kStarted));
}

void VertexProgress::Cached() const {
  if (sink_ != nullptr) sink_->OnEvent(Make(ProgressEvent::Kind::kCached));
}

void VertexProgress::Log(ProgressEvent::Stream stream, std::string_view bytes) const {
  if (sink_ == nullptr || bytes.empty()) return;
  ProgressEvent event = Make(ProgressEvent::Kind::kLog);
  event.stream = stream;
  event.text = bytes;
  sink_->OnEvent(event);
}

void VertexProgress::Count(std::string_view what, uint64_t current, uint64_t total) const {
  if (sink_ == nullptr) return;
  ProgressEvent event = Make(ProgressEvent::Kind::kProgress);
  event.what = what;
  event.current = current;
  event.total = total;
  sink_->OnEvent(event);
}

void VertexProgress::Note(std::string_view text) const {
  if (sink_ == nullptr) return;
  ProgressEvent event = Make(ProgressEvent::Kind::kNote);
  event.text = text;
  sink_->OnEvent(event);
}

void VertexProgress::Warning(std::string_view text, std::string_view detail) const {
  if (sink_ == nullptr) return;
  ProgressEvent event = Make(ProgressEvent::Kind::kWarning);
  event.text = text;
  event.detail = detail;
  sink_->OnEvent(event);
}

void VertexProgress::Finished(const Status& status) const {
  if (sink_ == nullptr) return;
  ProgressEvent event = Make(ProgressEvent::Kind::kFinished);
  event.status = status;
  sink_->OnEvent(event);
}

}  // namespace slipway
