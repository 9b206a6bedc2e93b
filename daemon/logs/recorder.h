// Recorder: writes down what a run does: the observer of its engine on one side, its feed on the other. Secrets are
// masked here, before anything is stored or shown.
//
// One for each attempt of a run; thread-safe.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "daemon/logs/flusher.h"
#include "daemon/logs/log_text.h"
#include "daemon/logs/run_feed.h"
#include "daemon/secrets/masker.h"
#include "steps/engine/engine.h"

namespace slipway::logs {

struct RecorderLimits {
  /// Output of programs in the log; more is cut, which the log says.
  uint64_t max_log_bytes = 256ULL << 20;
  /// Output of programs among the events; more is in the log only.
  uint64_t max_event_bytes = 16ULL << 20;
};

class Recorder : public engine::Observer {
 public:
  /// Goes on where the files of an earlier attempt end; what a crash left half written is cut off or ended.
  static Result<std::unique_ptr<Recorder>> Open(std::shared_ptr<RunFeed> feed, Flusher& flusher,
                                                std::shared_ptr<const secrets::Masker> masker,
                                                RecorderLimits limits = {});
  ~Recorder() override;

  void OnEvent(const ProgressEvent& event) override;
  void OnStepStarted(const task::Step& step) override;
  void OnStepEvent(const task::Step& step, const ProgressEvent& event) override;
  void OnStepFinished(const task::Step& step, const engine::StepResult& result) override;

  /// From now on lines say of which step they are, and vertices are told apart by step: for tasks with steps of a
  /// user's choice. To be called before the first event.
  void NameSteps();
  /// Bytes of the log between the first and the last line of a step that has begun; others may have written in between.
  struct LogRange {
    uint64_t begin = 0;
    uint64_t end = 0;
  };
  std::map<std::string, LogRange> step_ranges() const;

  /// A line of the daemon.
  void Line(std::string_view text);
  /// Text that goes into the log as it is (masked).
  void Raw(std::string_view text);
  /// The run was begun anew.
  void AttemptStarted(int attempt, std::string_view reason);
  /// Writes all to the files. Nothing may come after it.
  Status Close();

  /// Further values that must not be seen from now on. Vertices that have begun keep to what was hidden then.
  void Hide(std::vector<std::string> values);
  std::string Mask(std::string_view text) const;

 private:
  Recorder(std::shared_ptr<RunFeed> feed, Flusher& flusher, std::shared_ptr<const secrets::Masker> masker,
           RecorderLimits limits, uint64_t sequence, uint64_t log_end)
      : feed_(std::move(feed)),
        flusher_(flusher),
        limits_(limits),
        masker_(std::move(masker)),
        sequence_(sequence),
        log_end_(log_end) {}

  // Where an event happened.
  struct Place {
    std::string step;
    std::string vertex;  // unique in the run
  };
  struct Vertex {
    uint64_t number = 0;
    std::map<int, secrets::MaskStream> streams;
  };

  void Take(const std::string& step, const ProgressEvent& event);
  Vertex& At(const Place& place, const ProgressEvent& event);
  void Log(const Place& place, const ProgressEvent& event);
  void LogMasked(RunEvent event, std::string_view text);
  void Finish(const Place& place, const ProgressEvent& event);
  // Numbers the event and writes it to the log and the record.
  void Put(RunEvent event);
  void Record(RunEvent event);
  void AppendLog(std::string_view text);
  // Says that output was lost, if some was, and goes on where the file ends.
  void NoteLoss();

  const std::shared_ptr<RunFeed> feed_;
  Flusher& flusher_;
  const RecorderLimits limits_;

  mutable std::mutex mutex_;
  std::shared_ptr<const secrets::Masker> masker_;  // guarded by mutex_, as all below
  LogText text_;
  std::map<std::string, Vertex> vertices_;
  std::map<std::string, LogRange> ranges_;
  bool named_ = false;
  uint64_t sequence_;  // of the last event
  uint64_t log_end_;   // bytes of the log, written or not yet; with those that were lost until NoteLoss
  uint64_t log_bytes_ = 0;
  uint64_t event_bytes_ = 0;
  uint64_t dropped_ = 0;
  bool cut_ = false;  // the log has been told that it is cut
  bool closed_ = false;
};

}  // namespace slipway::logs
