// LogText: the log of a run, written from its events. Lines of the daemon carry a time ("2006/01/02 15:04:05 …", UTC),
// those of a vertex its number ("#5 …"), as ACR Tasks and BuildKit's plain progress print them.
//
// Not thread-safe. The memory it takes grows with the number of vertices only.
#pragma once

#include <array>
#include <map>
#include <string>
#include <string_view>

#include "daemon/logs/run_event.h"

namespace slipway::logs {

class LogText {
 public:
  /// From now on lines begin with the step that they are of: "[test] …". The output of a step's own program (the vertex
  /// that is called like the step) then has no number of a vertex.
  void NameSteps() { named_ = true; }
  /// All events are of one step: its own program's lines stand there as it wrote them.
  void ForOneStep() { alone_ = true; }

  /// The text for an event; often empty.
  std::string Render(const RunEvent& event);
  /// What is still held back: lines that programs have begun.
  std::string Finish();

  /// "2006/01/02 15:04:05 <text>\n".
  static std::string Line(SystemTime time, std::string_view text);

 private:
  struct Vertex {
    uint64_t number = 0;
    SystemTime start;
    bool cached = false;
    std::string label;  // before each line: "#5 " or "[test] #5 " or "[test] "
    bool program = false;
    std::array<std::string, 2> partial;  // of standard output and error: a line without its end
  };

  Vertex& At(const RunEvent& event);
  bool IsProgram(const RunEvent& event) const {
    return (named_ || alone_) && !event.step.empty() && event.vertex == event.step;
  }
  std::string StepLabel(const RunEvent& event) const;
  static std::string LinePrefix(const Vertex& vertex, SystemTime now);
  void VertexLog(const RunEvent& event, std::string* out);
  void FlushPartial(const Vertex& vertex, SystemTime now, std::string* out);
  void VertexFinished(const RunEvent& event, std::string* out);

  bool named_ = false;
  bool alone_ = false;
  std::map<std::string, Vertex> vertices_;
};

}  // namespace slipway::logs
