#include "daemon/logs/recorder.h"

#include <algorithm>

#include "daemon/logs/event_codec.h"
#include "daemon/logs/event_reader.h"

namespace slipway::logs {

namespace {

// Output is recorded in pieces of at most so many bytes.
constexpr size_t kMaxPiece = 64 << 10;
// Texts for people that are longer are cut: they may come from a registry or a Dockerfile.
constexpr size_t kMaxText = 64 << 10;

RunEvent Make(RunEvent::Kind kind) {
  RunEvent event;
  event.kind = kind;
  event.time = Clock::Real().System();
  return event;
}

// Finds the last sequence in the record and cuts off what is not whole.
Result<uint64_t> LastSequence(RunFeed& feed) {
  EventReader reader(feed.events());
  uint64_t last = 0;
  while (true) {
    const Result<std::optional<RunEvent>> event = reader.Next();
    // A damaged record ends what can be read of the file; what was written after it is lost.
    if (!event.ok() && event.code() != Code::kDataLoss) return event.status();
    if (!event.ok() || !*event) break;
    last = std::max(last, (*event)->sequence);
  }
  SLIPWAY_ASSIGN_OR_RETURN(const uint64_t size, feed.events().Size());
  if (size > reader.offset()) SLIPWAY_RETURN_IF_ERROR(feed.events().Truncate(reader.offset()));
  return last;
}

// A crash may have cut the log within a line.
Status EndLastLine(TailFile& log) {
  SLIPWAY_ASSIGN_OR_RETURN(const uint64_t size, log.Size());
  if (size == 0) return Status();
  char last = '\n';
  SLIPWAY_RETURN_IF_ERROR(log.ReadAt(std::span(&last, 1), size - 1).status());
  if (last != '\n') log.Append("\n");
  return Status();
}

}  // namespace

Result<std::unique_ptr<Recorder>> Recorder::Open(std::shared_ptr<RunFeed> feed, Flusher& flusher,
                                                 std::shared_ptr<const secrets::Masker> masker, RecorderLimits limits) {
  SLIPWAY_ASSIGN_OR_RETURN(const uint64_t last, LastSequence(*feed).With("open the record of events"));
  SLIPWAY_RETURN_IF_ERROR(EndLastLine(feed->log()).With("open the log"));
  SLIPWAY_RETURN_IF_ERROR(feed->log().Flush().With("open the log"));
  SLIPWAY_ASSIGN_OR_RETURN(const uint64_t log_end, feed->log().Size());
  feed->log().TakeLost();  // by an earlier attempt; the end is after that
  return std::unique_ptr<Recorder>(new Recorder(std::move(feed), flusher, std::move(masker), limits, last, log_end));
}

Recorder::~Recorder() { Close().Ignore(); }

void Recorder::Hide(std::vector<std::string> values) {
  const std::lock_guard lock(mutex_);
  values.insert(values.end(), masker_->values().begin(), masker_->values().end());
  masker_ = std::make_shared<const secrets::Masker>(std::move(values));
}

std::string Recorder::Mask(std::string_view text) const {
  std::shared_ptr<const secrets::Masker> masker;
  {
    const std::lock_guard lock(mutex_);
    masker = masker_;
  }
  return masker->Mask(text);
}

void Recorder::NameSteps() {
  const std::lock_guard lock(mutex_);
  named_ = true;
  text_.NameSteps();
}

std::map<std::string, Recorder::LogRange> Recorder::step_ranges() const {
  const std::lock_guard lock(mutex_);
  return ranges_;
}

void Recorder::AppendLog(std::string_view text) {
  log_end_ += text.size();
  feed_->log().Append(text);  // a failure is told by the flusher
}

void Recorder::NoteLoss() {
  const uint64_t lost = feed_->log().TakeLost();
  const uint64_t lost_events = feed_->events().TakeLost();
  if (lost == 0 && lost_events == 0) return;
  log_end_ -= std::min(lost, log_end_);
  for (auto& [step, range] : ranges_) {
    range.begin = std::min(range.begin, log_end_);
    range.end = std::min(range.end, log_end_);
  }
  // While there is no space this is lost, too, which makes for another one.
  RunEvent note = Make(RunEvent::Kind::kWarning);
  note.text = "the daemon could not write to its disk; output of this run that belongs here is lost";
  AppendLog(text_.Render(note));
  Record(std::move(note));
}

Recorder::Vertex& Recorder::At(const Place& place, const ProgressEvent& event) {
  auto [it, fresh] = vertices_.try_emplace(place.vertex);
  if (!fresh) return it->second;
  it->second.number = vertices_.size();
  // A vertex that speaks before it was started is introduced.
  RunEvent started;
  started.kind = RunEvent::Kind::kVertexStarted;
  started.time = event.time;
  started.step = place.step;
  started.vertex = place.vertex;
  started.name = masker_->Mask(event.name.empty() ? event.vertex : event.name);
  started.number = it->second.number;
  Put(std::move(started));
  return it->second;
}

void Recorder::OnEvent(const ProgressEvent& event) { Take("", event); }

void Recorder::OnStepEvent(const task::Step& step, const ProgressEvent& event) { Take(step.id, event); }

void Recorder::Take(const std::string& step, const ProgressEvent& event) {
  const std::lock_guard lock(mutex_);
  if (closed_) return;
  Place place{.step = step, .vertex = event.vertex};
  // Two steps may work on what has the same name.
  if (named_ && !step.empty() && !event.vertex.empty() && event.vertex != step)
    place.vertex = step + "/" + event.vertex;
  RunEvent out;
  out.time = event.time;
  out.step = place.step;
  out.vertex = place.vertex;
  if (!event.vertex.empty()) At(place, event);
  switch (event.kind) {
    case ProgressEvent::Kind::kStarted: return;  // At has told it
    case ProgressEvent::Kind::kCached: out.kind = RunEvent::Kind::kVertexCached; break;
    case ProgressEvent::Kind::kLog: return Log(place, event);
    case ProgressEvent::Kind::kProgress:
      out.kind = RunEvent::Kind::kVertexProgress;
      out.name = masker_->Mask(event.what);
      out.current = event.current;
      out.total = event.total;
      feed_->SetProgress(out);
      return flusher_.Wake(feed_);
    case ProgressEvent::Kind::kFinished: return Finish(place, event);
    case ProgressEvent::Kind::kWarning:
      out.kind = RunEvent::Kind::kWarning;
      out.text = masker_->Mask(event.text).substr(0, kMaxText);
      out.name = masker_->Mask(event.detail).substr(0, kMaxText);
      break;
    case ProgressEvent::Kind::kNote:
      out.kind = RunEvent::Kind::kNote;
      out.text = masker_->Mask(event.text).substr(0, kMaxText);
      break;
  }
  Put(std::move(out));
}

void Recorder::Log(const Place& place, const ProgressEvent& event) {
  Vertex& vertex = At(place, event);
  const int stream = static_cast<int>(event.stream);
  secrets::MaskStream& mask = vertex.streams.try_emplace(stream, masker_).first->second;
  RunEvent out;
  out.kind = RunEvent::Kind::kVertexLog;
  out.time = event.time;
  out.step = place.step;
  out.vertex = place.vertex;
  out.number = static_cast<uint64_t>(stream);
  LogMasked(std::move(out), mask.Feed(event.text));
}

void Recorder::LogMasked(RunEvent event, std::string_view text) {
  if (text.empty()) return;
  log_bytes_ += text.size();
  if (log_bytes_ > limits_.max_log_bytes) {
    ++dropped_;
    if (std::exchange(cut_, true)) return;
    RunEvent note = Make(RunEvent::Kind::kWarning);
    note.text = fmt::format("the output of this run is longer than {}; the rest is not kept",
                            FormatBytes(limits_.max_log_bytes));
    return Put(std::move(note));
  }
  while (!text.empty()) {
    event.text = text.substr(0, kMaxPiece);
    text.remove_prefix(event.text.size());
    Put(event);
  }
}

void Recorder::Finish(const Place& place, const ProgressEvent& event) {
  Vertex& vertex = At(place, event);
  for (auto& [stream, mask] : vertex.streams) {
    RunEvent rest;
    rest.kind = RunEvent::Kind::kVertexLog;
    rest.time = event.time;
    rest.step = place.step;
    rest.vertex = place.vertex;
    rest.number = static_cast<uint64_t>(stream);
    LogMasked(std::move(rest), mask.Finish());
  }
  vertex.streams.clear();
  for (RunEvent& progress : feed_->TakeProgress(place.vertex)) Put(std::move(progress));
  RunEvent out;
  out.kind = RunEvent::Kind::kVertexFinished;
  out.time = event.time;
  out.step = place.step;
  out.vertex = place.vertex;
  out.code = static_cast<int>(event.status.code());
  out.text = masker_->Mask(event.status.message()).substr(0, kMaxText);
  Put(std::move(out));
}

void Recorder::Put(RunEvent event) {
  NoteLoss();
  AppendLog(text_.Render(event));
  if (!event.step.empty()) {
    const auto range = ranges_.find(event.step);
    if (range != ranges_.end()) range->second.end = log_end_;
  }
  Record(std::move(event));
}

void Recorder::Record(RunEvent event) {
  event.sequence = ++sequence_;
  if (event.kind == RunEvent::Kind::kVertexLog) {
    event_bytes_ += event.text.size();
    if (event_bytes_ > limits_.max_event_bytes) {
      ++dropped_;
      return flusher_.Wake(feed_);
    }
  }
  std::string record;
  AppendRecord(event, &record);
  feed_->events().Append(record);
  flusher_.Wake(feed_);
}

void Recorder::OnStepStarted(const task::Step& step) {
  RunEvent event = Make(RunEvent::Kind::kStepStarted);
  event.step = step.id;
  event.name = step.id;
  event.number = static_cast<uint64_t>(step.timeout.count());
  const std::lock_guard lock(mutex_);
  NoteLoss();
  ranges_[step.id] = {.begin = log_end_, .end = log_end_};
  Put(std::move(event));
}

void Recorder::OnStepFinished(const task::Step& step, const engine::StepResult& result) {
  RunEvent event = Make(RunEvent::Kind::kStepFinished);
  event.step = step.id;
  event.name = step.id;
  event.text = Mask(result.status.message()).substr(0, kMaxText);
  if (result.start && result.finish) {
    event.nanos = static_cast<uint64_t>(std::max(std::chrono::nanoseconds(0), *result.finish - *result.start).count());
  }
  if (result.errors_ignored) {
    RunEvent note = Make(RunEvent::Kind::kNote);
    note.step = step.id;
    note.text = fmt::format("Step ID: {} encountered an error: {}, but is set to ignore errors. Continuing...", step.id,
                            event.text);
    const std::lock_guard lock(mutex_);
    Put(std::move(note));
  } else {
    event.code = static_cast<int>(result.status.code());
  }
  const std::lock_guard lock(mutex_);
  Put(std::move(event));
}

void Recorder::Line(std::string_view text) {
  RunEvent event = Make(RunEvent::Kind::kNote);
  event.text = Mask(text);
  const std::lock_guard lock(mutex_);
  Put(std::move(event));
}

void Recorder::Raw(std::string_view text) {
  const std::lock_guard lock(mutex_);
  NoteLoss();
  AppendLog(masker_->Mask(text));
  flusher_.Wake(feed_);
}

void Recorder::AttemptStarted(int attempt, std::string_view reason) {
  RunEvent event = Make(RunEvent::Kind::kAttemptStarted);
  event.number = static_cast<uint64_t>(attempt);
  event.text = reason;
  const std::lock_guard lock(mutex_);
  Put(std::move(event));
}

Status Recorder::Close() {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(closed_, true)) return Status();
    NoteLoss();
    AppendLog(text_.Finish());
    feed_->ClearProgress();
    if (dropped_ > 0) {
      RunEvent event = Make(RunEvent::Kind::kDropped);
      event.number = dropped_;
      Record(std::move(event));
    }
  }
  return feed_->Flush();
}

}  // namespace slipway::logs
