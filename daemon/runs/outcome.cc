#include "daemon/runs/outcome.h"

#include "daemon/runs/step_board.h"

namespace slipway::runs {

namespace {

using store::RunState;

RunState StateFor(Code code) {
  switch (code) {
    case Code::kInvalidArgument:
    case Code::kNotFound:
    case Code::kFailedPrecondition:
    case Code::kUnauthenticated:
    case Code::kPermissionDenied:
    case Code::kAlreadyExists:
    case Code::kOutOfRange:
    case Code::kUnimplemented: return RunState::kFailed;
    case Code::kOk: return RunState::kSucceeded;
    case Code::kCancelled:
    case Code::kUnknown:
    case Code::kDeadlineExceeded:
    case Code::kResourceExhausted:
    case Code::kAborted:
    case Code::kInternal:
    case Code::kUnavailable:
    case Code::kDataLoss: return RunState::kError;
  }
  return RunState::kError;
}

// "1m9s", "18s" as ACR Tasks prints it; finer below a second.
std::string WholeSeconds(std::chrono::nanoseconds elapsed) {
  const int64_t seconds = std::chrono::round<std::chrono::seconds>(elapsed).count();
  if (elapsed < std::chrono::seconds(1)) return FormatDuration(elapsed);
  if (seconds < 60) return fmt::format("{}s", seconds);
  if (seconds < 3600) return fmt::format("{}m{}s", seconds / 60, seconds % 60);
  return fmt::format("{}h{}m{}s", seconds / 3600, seconds / 60 % 60, seconds % 60);
}

store::Image ToImage(const oci::Reference& name, const Digest& digest) {
  return {.registry = name.host, .repository = name.repository, .tag = name.tag, .digest = digest.ToString()};
}

store::Summary ToSummary(const action::Report& report) {
  return {.vertices = static_cast<uint32_t>(report.vertices),
          .cached = static_cast<uint32_t>(report.cached),
          .layers_pushed = static_cast<uint32_t>(report.layers_pushed),
          .layers_mounted = static_cast<uint32_t>(report.layers_mounted),
          .layers_there = static_cast<uint32_t>(report.layers_there),
          .digest = report.digest.ToString()};
}

std::vector<store::Dependencies> ToDependencies(const action::Report& report) {
  std::vector<store::Dependencies> out;
  for (size_t i = 0; i < report.builds.size(); ++i) {
    store::Dependencies entry{.image = {}, .runtime = {}, .buildtime = {}, .revision = report.builds[i].revision};
    for (const builder::BuiltImage::Base& base : report.builds[i].bases) {
      if (base.runtime) {
        entry.runtime = ToImage(base.reference, base.digest);
      } else {
        entry.buildtime.push_back(ToImage(base.reference, base.digest));
      }
    }
    const size_t before = out.size();
    for (const action::Report::Output& output : report.outputs) {
      if (output.build != i) continue;
      out.push_back(entry);
      out.back().image = ToImage(output.name, output.digest);
    }
    if (out.size() == before) out.push_back(std::move(entry));
  }
  return out;
}

}  // namespace

std::optional<RunState> Judge(const engine::Outcome& outcome, StopCause cause) {
  if (outcome.status.ok()) return RunState::kSucceeded;
  if (cause == StopCause::kUser) return RunState::kCanceled;
  if (cause == StopCause::kShutdown) return std::nullopt;
  if (outcome.run_timed_out) return RunState::kTimeout;
  if (outcome.step_timed_out) return RunState::kFailed;
  return StateFor(outcome.status.code());
}

std::vector<store::Step> MakeSteps(const task::Task& task, const engine::Outcome& outcome,
                                   const std::map<std::string, logs::Recorder::LogRange>& ranges) {
  std::vector<store::Step> out;
  for (size_t i = 0; i < std::min(task.steps.size(), outcome.steps.size()); ++i) {
    const task::Step& step = task.steps[i];
    const engine::StepResult& result = outcome.steps[i];
    out.push_back(PlannedStep(step));
    FillResult(result, &out.back());
    if (const auto range = ranges.find(result.id); range != ranges.end()) {
      out.back().log_begin = range->second.begin;
      out.back().log_end = range->second.end;
    }
  }
  return out;
}

store::RunResult MakeResult(RunState state, const engine::Outcome& outcome, std::chrono::seconds timeout) {
  store::RunResult result;
  if (state != RunState::kSucceeded) {
    result.error_code = CodeName(outcome.status.code());
    result.error_message = outcome.status.message();
    result.failed_step = outcome.failed_step;
  }
  if (state == RunState::kCanceled) {
    result.error_code = CodeName(Code::kCancelled);
    result.error_message = "canceled by request";
  } else if (state == RunState::kTimeout) {
    result.error_code = CodeName(Code::kDeadlineExceeded);
    result.error_message = fmt::format("the run took longer than its timeout of {} s", timeout.count());
  }
  const action::Report& report = outcome.report;
  // A push that failed may have made some of the images; only those count then.
  for (const action::Report::Output& output : report.outputs) {
    if (state == RunState::kSucceeded || output.pushed) {
      if (output.pushed) result.pushed.push_back(result.output_images.size());
      result.output_images.push_back(ToImage(output.name, output.digest));
    }
  }
  if (report.vertices > 0) result.summary = ToSummary(report);
  result.revision = report.revision;
  for (const action::Report::Build& build : report.builds) {
    for (const builder::BuiltImage::Base& base : build.bases) {
      result.base_images.push_back({.image = ToImage(base.reference, base.digest), .is_runtime = base.runtime});
    }
  }
  result.dependencies = ToDependencies(report);
  return result;
}

std::string LastLine(const std::string& run_id, RunState state, const store::RunResult& result,
                     std::chrono::nanoseconds elapsed) {
  const std::string after = WholeSeconds(elapsed);
  switch (state) {
    case RunState::kSucceeded: return fmt::format("Run ID: {} was successful after {}\n", run_id, after);
    case RunState::kCanceled: return fmt::format("Run ID: {} was canceled after {}\n", run_id, after);
    case RunState::kTimeout: return fmt::format("Run ID: {} timed out after {}\n", run_id, after);
    case RunState::kFailed:
    case RunState::kError:
    case RunState::kQueued:
    case RunState::kStarted:
    case RunState::kRunning: break;
  }
  return fmt::format("Run ID: {} failed after {}. Error: {}\n", run_id, after, result.error_message);
}

}  // namespace slipway::runs
