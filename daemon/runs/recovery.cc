#include "daemon/runs/recovery.h"

#include "executor/base/log.h"

namespace slipway::runs {

namespace {

using store::Run;
using store::RunState;

// Writes to the log of a run that is not being executed. A log that cannot be written keeps no run from recovery.
class LogNote {
 public:
  LogNote(const Parts& parts, const std::string& run_id)
      : recorder_(parts.archive.Record(run_id, std::make_shared<const secrets::Masker>(std::vector<std::string>()))) {
    if (!recorder_.ok()) log::ForRun(run_id)->warn("log: {}", recorder_.status().message());
  }
  void Line(std::string_view text) {
    if (recorder_.ok()) (*recorder_)->Line(text);
  }
  void Raw(std::string_view text) {
    if (recorder_.ok()) (*recorder_)->Raw(text);
  }

 private:
  Result<std::unique_ptr<logs::Recorder>> recorder_;
};

Status End(const Parts& parts, const Run& run, RunState state, Code code, std::string message) {
  store::RunResult result;
  result.error_code = CodeName(code);
  result.error_message = std::move(message);
  const SystemTime now = parts.clock.System();
  {
    LogNote note(parts, run.id);
    note.Raw(LastLine(run.id, state, result, now - run.start_time.value_or(now)));
  }
  SLIPWAY_ASSIGN_OR_RETURN(const Run ended, parts.store.Finish(run.id, state, result, now));
  if (parts.on_run) parts.on_run(ended);
  parts.archive.Close(run.id);
  log::ForRun(run.id)->warn("{}: {}", StateName(state), result.error_message);
  return Status();
}

// Whether it is queued now.
Result<bool> RecoverOne(const Parts& parts, Run& run, int max_crashes) {
  if (run.cancel_requested) {
    SLIPWAY_RETURN_IF_ERROR(End(parts, run, RunState::kCanceled, Code::kCancelled, "canceled by request"));
    return false;
  }
  if (run.state == RunState::kQueued) return true;
  if (run.crashes >= max_crashes) {
    SLIPWAY_RETURN_IF_ERROR(End(
        parts, run, RunState::kError, Code::kAborted,
        fmt::format("the daemon has died {} times while this run was active; it is not begun anew", run.crashes + 1)));
    return false;
  }
  SLIPWAY_ASSIGN_OR_RETURN(run, parts.store.Requeue(run.id, true, parts.clock.System()));
  LogNote(parts, run.id)
      .Line(fmt::format("The daemon died while this run was active; it is queued again as attempt {}", run.attempt));
  log::ForRun(run.id)->warn("queued again as attempt {}, the daemon had died", run.attempt);
  return true;
}

}  // namespace

Result<std::vector<Run>> Recover(const Parts& parts, int max_crashes) {
  SLIPWAY_ASSIGN_OR_RETURN(std::vector<Run> runs, parts.store.Unfinished());
  std::vector<Run> queued;
  for (Run& run : runs) {
    SLIPWAY_ASSIGN_OR_RETURN(const bool waits, RecoverOne(parts, run, max_crashes));
    if (!waits) continue;
    parts.archive.Expect(run.id);
    queued.push_back(std::move(run));
  }
  return queued;
}

}  // namespace slipway::runs
