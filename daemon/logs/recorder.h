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
  void OnStepFinished(const task::Step& step, const Status& status, std::chrono::nanoseconds elapsed) override;

  /// A line of the daemon.
  void Line(std::string_view text);
  /// Text that goes into the log as it is (masked).
  void Raw(std::string_view text);
  /// The run was begun anew.
  void AttemptStarted(int attempt, std::string_view reason);
  /// Writes all to the files. Nothing may come after it.
  Status Close();

  std::string Mask(std::string_view text) const { return masker_->Mask(text); }

 private:
  Recorder(std::shared_ptr<RunFeed> feed, Flusher& flusher, std::shared_ptr<const secrets::Masker> masker,
           RecorderLimits limits, uint64_t sequence)
      : feed_(std::move(feed)), flusher_(flusher), masker_(std::move(masker)), limits_(limits), sequence_(sequence) {}

  struct Vertex {
    uint64_t number = 0;
    std::map<int, secrets::MaskStream> streams;
  };

  Vertex& At(const ProgressEvent& event);
  void Log(const ProgressEvent& event);
  void LogMasked(RunEvent event, std::string_view text);
  void Finish(const ProgressEvent& event);
  // Numbers the event and writes it to the log and the record.
  void Put(RunEvent event);
  void Record(RunEvent event);

  const std::shared_ptr<RunFeed> feed_;
  Flusher& flusher_;
  const std::shared_ptr<const secrets::Masker> masker_;
  const RecorderLimits limits_;

  std::mutex mutex_;
  LogText text_;  // guarded by mutex_, as all below
  std::map<std::string, Vertex> vertices_;
  uint64_t sequence_;  // of the last event
  uint64_t log_bytes_ = 0;
  uint64_t event_bytes_ = 0;
  uint64_t dropped_ = 0;
  bool cut_ = false;  // the log has been told that it is cut
  bool closed_ = false;
};

}  // namespace slipway::logs
