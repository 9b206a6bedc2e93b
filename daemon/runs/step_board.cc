#include "daemon/runs/step_board.h"

#include <algorithm>

namespace slipway::runs {

namespace {

store::Step* Find(StepBoard::Snapshot& runs, const std::string& run_id, const std::string& step_id) {
  const auto run = runs.find(run_id);
  if (run == runs.end()) return nullptr;
  const auto step = std::find_if(run->second.begin(), run->second.end(),
                                 [&step_id](const store::Step& one) { return one.id == step_id; });
  return step == run->second.end() ? nullptr : &*step;
}

}  // namespace

store::Step PlannedStep(const task::Step& step) {
  store::Step out;
  out.id = step.id;
  out.kind = static_cast<int>(step.what.index()) + 1;
  out.when = step.when;
  out.run_on = std::string(task::RunOnName(step.run_on));
  return out;
}

void FillResult(const engine::StepResult& result, store::Step* step) {
  step->state = static_cast<int>(result.state);
  step->exit_code = result.exit_code;
  step->start = result.start;
  step->finish = result.finish;
  step->attempts = result.attempts;
  step->error = result.status.message();
  step->errors_ignored = result.errors_ignored;
}

void StepBoard::Begin(const std::string& run_id, const task::Task& task) {
  std::vector<store::Step> steps;
  for (const task::Step& step : task.steps) steps.push_back(PlannedStep(step));
  (*runs_.Lock())[run_id] = std::move(steps);
}

void StepBoard::Started(const std::string& run_id, const std::string& step_id, SystemTime now) {
  auto runs = runs_.Lock();
  store::Step* step = Find(*runs, run_id, step_id);
  if (step == nullptr) return;
  step->state = static_cast<int>(engine::StepState::kInProgress);
  step->start = now;
}

void StepBoard::Finished(const std::string& run_id, const engine::StepResult& result, const std::string& error) {
  auto runs = runs_.Lock();
  store::Step* step = Find(*runs, run_id, result.id);
  if (step == nullptr) return;
  FillResult(result, step);
  step->error = error;
}

std::vector<store::Step> StepBoard::Of(const std::string& run_id) const {
  auto runs = runs_.Lock();
  const auto found = runs->find(run_id);
  return found == runs->end() ? std::vector<store::Step>() : found->second;
}

void BoardObserver::OnStepStarted(const task::Step& step) {
  board_.Started(run_id_, step.id, clock_.System());
  recorder_.OnStepStarted(step);
}

void BoardObserver::OnStepFinished(const task::Step& step, const engine::StepResult& result) {
  board_.Finished(run_id_, result, recorder_.Mask(result.status.message()));
  recorder_.OnStepFinished(step, result);
}

}  // namespace slipway::runs
