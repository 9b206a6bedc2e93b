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
    std::array<std::string, 2> partial;  // of standard output and error: a line without its end
  };

  Vertex& At(const RunEvent& event);
  void VertexLog(const RunEvent& event, std::string* out);
  void FlushPartial(const Vertex& vertex, SystemTime now, std::string* out);
  void VertexFinished(const RunEvent& event, std::string* out);

  std::map<std::string, Vertex> vertices_;
};

}  // namespace slipway::logs
