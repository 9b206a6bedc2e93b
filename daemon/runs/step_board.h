// StepBoard: how far the steps of runs are that are under way. In memory only: what became of them is stored with the
// end of the run, and a run that the daemon dies with begins anew. Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "daemon/logs/recorder.h"
#include "daemon/store/run.h"
#include "executor/base/clock.h"
#include "executor/base/guarded.h"
#include "steps/engine/engine.h"

namespace slipway::runs {

/// A step of the task as the record has it, before it has begun.
store::Step PlannedStep(const task::Step& step);
/// Puts what became of it into the record.
void FillResult(const engine::StepResult& result, store::Step* step);

class StepBoard {
 public:
  /// No step has begun.
  void Begin(const std::string& run_id, const task::Task& task);
  void Started(const std::string& run_id, const std::string& step_id, SystemTime now);
  /// `error` is what may be shown of why it failed.
  void Finished(const std::string& run_id, const engine::StepResult& result, const std::string& error);
  void End(const std::string& run_id) { runs_.Lock()->erase(run_id); }

  /// Of the runs that are under way.
  using Snapshot = std::map<std::string, std::vector<store::Step>>;
  Snapshot All() const { return *runs_.Lock(); }
  /// Empty if the run is not under way.
  std::vector<store::Step> Of(const std::string& run_id) const;

 private:
  mutable Guarded<Snapshot> runs_;
};

/// Passes everything on to the recorder, and steps to the board too.
class BoardObserver : public engine::Observer {
 public:
  /// All must outlive it.
  BoardObserver(StepBoard& board, logs::Recorder& recorder, const Clock& clock, std::string run_id,
                const task::Task& task)
      : board_(board), recorder_(recorder), clock_(clock), run_id_(std::move(run_id)) {
    board_.Begin(run_id_, task);
  }

  void OnEvent(const ProgressEvent& event) override { recorder_.OnEvent(event); }
  void OnStepStarted(const task::Step& step) override;
  void OnStepEvent(const task::Step& step, const ProgressEvent& event) override { recorder_.OnStepEvent(step, event); }
  void OnStepFinished(const task::Step& step, const engine::StepResult& result) override;

 private:
  StepBoard& board_;
  logs::Recorder& recorder_;
  const Clock& clock_;
  const std::string run_id_;
};

}  // namespace slipway::runs
