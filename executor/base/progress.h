// Progress: what a build tells about itself while it runs. The log file, the gRPC stream, the terminal and the web page
// are readers of these events and nothing else.
//
// A *vertex* is a node of the build graph (or a phase such as "push"). Its life: Started → (Cached | Log* Progress*) →
// Finished. Events of different vertices interleave.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "executor/base/clock.h"
#include "executor/base/status.h"

namespace slipway {

struct CacheStep;

struct ProgressEvent {
  enum class Kind {
    kStarted,   ///< vertex, name
    kCached,    ///< the result was there already; Finished follows
    kLog,       ///< text: bytes that a program wrote, not cut at lines; stream says where
    kProgress,  ///< what, current, total
    kFinished,  ///< status
    kWarning,   ///< text (one line), detail; vertex may be empty
    kNote,      ///< text: one line for people, of no vertex or of one
  };
  enum class Stream { kStdout = 1, kStderr = 2 };

  Kind kind = Kind::kNote;
  SystemTime time;
  std::string vertex;  ///< unique within a run
  std::string name;    ///< "[build 2/5] RUN make"
  Stream stream = Stream::kStdout;
  std::string text;
  std::string detail;  ///< a warning's longer explanation: rule, position, link
  std::string what;  ///< what is counted: "download sha256:…", "upload sha256:…", "transfer context", "export layer"
  uint64_t current = 0;  ///< bytes (or items) so far
  uint64_t total = 0;    ///< 0 if unknown
  Status status;         ///< of Finished
};

/// Where events go. Thread-safe. Must not block for long.
class ProgressSink {
 public:
  virtual ~ProgressSink() = default;
  virtual void OnEvent(const ProgressEvent& event) = 0;
  /// What the cache did for a step (cache_step.h); once for each step of a build. Who does not care does nothing.
  virtual void OnCacheStep(const CacheStep&) {}
};

/// Writes the events of one vertex. Copies are cheap; thread-safe. The sink must outlive it.
class VertexProgress {
 public:
  VertexProgress() = default;
  VertexProgress(ProgressSink* sink, std::string vertex, std::string name);

  void Started() const;
  void Cached() const;
  void Log(ProgressEvent::Stream stream, std::string_view bytes) const;
  void Count(std::string_view what, uint64_t current, uint64_t total) const;
  void Note(std::string_view text) const;
  void Warning(std::string_view text, std::string_view detail = {}) const;
  void Finished(const Status& status) const;

  ProgressSink* sink() const { return sink_; }
  const std::string& vertex() const { return vertex_; }
  const std::string& name() const { return name_; }

 private:
  ProgressEvent Make(ProgressEvent::Kind kind) const;
  ProgressSink* sink_ = nullptr;
  std::string vertex_;
  std::string name_;
};

}  // namespace slipway
