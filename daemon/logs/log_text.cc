#include "daemon/logs/log_text.h"

#include <fmt/chrono.h>

#include "executor/base/status.h"

namespace slipway::logs {

namespace {

// A line that gets longer is cut into several.
constexpr size_t kMaxLine = 16 << 10;

double Seconds(std::chrono::nanoseconds duration) {
  return std::max(0.0, std::chrono::duration<double>(duration).count());
}

// A text for people may hold several lines; each gets the prefix.
void AppendLines(std::string_view prefix, std::string_view text, std::string* out) {
  while (!text.empty()) {
    const size_t end = text.find('\n');
    fmt::format_to(std::back_inserter(*out), "{}{}\n", prefix, text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
}

std::string StepText(const RunEvent& event) {
  if (event.kind == RunEvent::Kind::kStepStarted) {
    return fmt::format("Executing step ID: {}. Timeout(sec): {}", event.name, event.number);
  }
  return fmt::format("Step ID: {} marked as {} (elapsed time in seconds: {:.6f})", event.name,
                     event.code == 0 ? "successful" : "failed",
                     Seconds(std::chrono::nanoseconds(static_cast<int64_t>(event.nanos))));
}

std::string ProgressText(const RunEvent& event) {
  if (event.total == 0) return fmt::format("{} {}", event.name, FormatBytes(event.current));
  return fmt::format("{} {} / {}", event.name, FormatBytes(event.current), FormatBytes(event.total));
}

}  // namespace

std::string LogText::Line(SystemTime time, std::string_view text) {
  return fmt::format("{:%Y/%m/%d %H:%M:%S} {}\n", fmt::gmtime(std::chrono::system_clock::to_time_t(time)), text);
}

LogText::Vertex& LogText::At(const RunEvent& event) {
  auto [it, fresh] = vertices_.try_emplace(event.vertex);
  if (fresh) it->second.start = event.time;
  return it->second;
}

std::string LogText::StepLabel(const RunEvent& event) const {
  return named_ && !event.step.empty() ? fmt::format("[{}] ", event.step) : "";
}

std::string LogText::Render(const RunEvent& event) {
  std::string out;
  const auto line = [&event, &out](std::string_view text) { out += Line(event.time, text); };
  const auto vertex_prefix = [this, &event] { return At(event).label; };
  switch (event.kind) {
    case RunEvent::Kind::kNote:
      if (event.vertex.empty()) {
        line(StepLabel(event) + event.text);
      } else {
        AppendLines(vertex_prefix(), event.text, &out);
      }
      break;
    case RunEvent::Kind::kStepStarted:
    case RunEvent::Kind::kStepFinished: line(StepText(event)); break;
    case RunEvent::Kind::kVertexStarted: {
      Vertex& vertex = At(event);
      vertex.number = event.number;
      vertex.start = event.time;
      vertex.program = IsProgram(event);
      vertex.label = StepLabel(event) + (vertex.program ? "" : fmt::format("#{} ", event.number));
      if (!vertex.program) out = vertex.label + event.name + "\n";
      break;
    }
    case RunEvent::Kind::kVertexCached:
      At(event).cached = true;
      out = vertex_prefix() + "CACHED\n\n";
      break;
    case RunEvent::Kind::kVertexLog: VertexLog(event, &out); break;
    case RunEvent::Kind::kVertexProgress: AppendLines(vertex_prefix(), ProgressText(event), &out); break;
    case RunEvent::Kind::kVertexFinished: VertexFinished(event, &out); break;
    case RunEvent::Kind::kWarning:
      if (event.vertex.empty()) {
        line(StepLabel(event) + "WARNING: " + event.text);
        AppendLines("  ", event.name, &out);
      } else {
        AppendLines(vertex_prefix(), "WARNING: " + event.text + "\n" + event.name, &out);
      }
      break;
    case RunEvent::Kind::kAttemptStarted: line(fmt::format("Attempt {}: {}", event.number, event.text)); break;
    case RunEvent::Kind::kDropped: break;
  }
  return out;
}

void LogText::VertexLog(const RunEvent& event, std::string* out) {
  Vertex& vertex = At(event);
  std::string& partial = vertex.partial[event.number == 2 ? 1 : 0];
  const std::string prefix = LinePrefix(vertex, event.time);
  std::string_view text = event.text;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const size_t taken = std::min(end, kMaxLine - std::min(kMaxLine, partial.size()));
    partial.append(text.substr(0, taken));
    const bool line_ends = taken == end && end < text.size();
    text.remove_prefix(taken + (line_ends ? 1 : 0));
    if (!line_ends && partial.size() < kMaxLine) return;
    if (partial.ends_with('\r')) partial.pop_back();
    out->append(prefix).append(partial).append("\n");
    partial.clear();
  }
}

std::string LogText::LinePrefix(const Vertex& vertex, SystemTime now) {
  if (vertex.program) return vertex.label;
  return fmt::format("{}{:.3f} ", vertex.label, Seconds(now - vertex.start));
}

void LogText::FlushPartial(const Vertex& vertex, SystemTime now, std::string* out) {
  for (const std::string& partial : vertex.partial) {
    if (partial.empty()) continue;
    out->append(LinePrefix(vertex, now)).append(partial).append("\n");
  }
}

void LogText::VertexFinished(const RunEvent& event, std::string* out) {
  Vertex& vertex = At(event);
  FlushPartial(vertex, event.time, out);
  vertex.partial = {};
  const std::string& prefix = vertex.label;
  if (vertex.program) return;  // how the step ended says it
  if (event.code == static_cast<int>(Code::kCancelled)) {
    out->append(prefix + "CANCELED\n\n");
  } else if (event.code != 0) {
    AppendLines(prefix, "ERROR: " + event.text, out);
    out->append("\n");
  } else if (!vertex.cached) {
    fmt::format_to(std::back_inserter(*out), "{}DONE {:.1f}s\n\n", prefix, Seconds(event.time - vertex.start));
  }
}

std::string LogText::Finish() {
  std::string out;
  for (auto& [name, vertex] : vertices_) {
    // When the rest was written is not known any more; the start is as good as any.
    FlushPartial(vertex, vertex.start, &out);
    vertex.partial = {};
  }
  return out;
}

}  // namespace slipway::logs
