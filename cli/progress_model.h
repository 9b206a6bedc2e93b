// ProgressModel: what a run's events add up to: which vertices run, what they printed last, what has ended.
//
// Fed with events in order; memory is bounded whatever they hold. Knows nothing of terminals. Not thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "slipway/v1/events.pb.h"

namespace slipway::cli {

class ProgressModel {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  struct Counter {
    std::string what;
    uint64_t current = 0;
    uint64_t total = 0;  ///< 0: not known
    bool complete() const { return total > 0 && current >= total; }
  };

  struct Vertex {
    enum class State { kRunning, kCached, kDone, kFailed };
    std::string id;
    std::string name;
    State state = State::kRunning;
    TimePoint started;                ///< when we heard of it
    std::chrono::nanoseconds took{};  ///< of one that ended, by the daemon's clock
    std::deque<std::string> tail;     ///< the last lines it printed, harmless
    std::string partial;              ///< what it printed after the last line's end
    std::vector<Counter> counters;
    std::string error;                      ///< of one that failed; as it came, may have several lines
    std::chrono::nanoseconds started_at{};  ///< by the daemon's clock, since 1970
  };

  /// Something that is told once and stays on the screen.
  struct Warning {
    std::string text;
    std::string detail;  ///< lines, as they came
  };
  struct Restarted {
    uint32_t attempt = 0;
    std::string reason;
  };
  using Report = std::variant<Vertex, Warning, Restarted>;

  struct Totals {
    uint32_t done = 0;  ///< with the cached ones
    uint32_t cached = 0;
    uint32_t failed = 0;
    uint64_t bytes_up = 0;  ///< uploads that came to their end
  };

  /// `now` is the time of the terminal, from which running vertices are timed.
  void Apply(const v1::RunEvent& event, TimePoint now);
  /// Events that the daemon could not keep for us.
  void Dropped(uint64_t events) { dropped_ += events; }

  /// In the order in which they began.
  const std::vector<std::unique_ptr<Vertex>>& running() const { return running_; }
  /// What ended or was said since the last call.
  std::vector<Report> TakeReports();
  /// The last line of the daemon itself; may be empty.
  const std::string& message() const { return message_; }
  const Totals& totals() const { return totals_; }
  uint64_t dropped() const { return dropped_; }

 private:
  Vertex* Find(const std::string& id);
  void Start(const v1::RunEvent& event, TimePoint now);
  void Log(const v1::VertexLog& log);
  void Count(const v1::VertexProgress& progress);
  void Finish(const v1::RunEvent& event);
  void Restart(const v1::AttemptStarted& attempt);

  std::vector<std::unique_ptr<Vertex>> running_;
  std::vector<Report> reports_;
  std::string message_;
  Totals totals_;
  uint64_t dropped_ = 0;
};

}  // namespace slipway::cli
