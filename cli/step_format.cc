#include "cli/step_format.h"

#include <algorithm>
#include <array>
#include <chrono>

#include <nlohmann/json.hpp>

#include "cli/run_format.h"
#include "cli/text_width.h"
#include "executor/base/clock.h"

namespace slipway::cli {

namespace {

std::string StatusOf(const v1::RunStep& step) {
  const std::string status(StepStatusText(step.status()));
  return step.errors_ignored() ? status + " (errors ignored)" : status;
}

std::string DurationText(const v1::RunStep& step) {
  if (!step.has_start_time()) return "";
  const auto nanos = [](const google::protobuf::Timestamp& time) {
    return std::chrono::seconds(time.seconds()) + std::chrono::nanoseconds(time.nanos());
  };
  const std::chrono::nanoseconds end =
      step.has_finish_time() ? nanos(step.finish_time()) : Clock::Real().System().time_since_epoch();
  return FormatDuration(std::max(std::chrono::nanoseconds(0), end - nanos(step.start_time())));
}

std::string Joined(const google::protobuf::RepeatedPtrField<std::string>& texts) {
  std::string out;
  for (const std::string& text : texts) out += (out.empty() ? "" : ", ") + text;
  return out;
}

void AppendDependencies(const v1::Run& run, std::string* out) {
  for (const v1::ImageDependencies& entry : run.dependencies()) {
    *out += fmt::format("- image: {}\n", entry.has_image() ? Harmless(ImageText(entry.image(), true)) : "null");
    if (entry.has_runtime_dependency()) {
      *out += fmt::format("  runtime-dependency: {}\n", Harmless(ImageText(entry.runtime_dependency(), true)));
    }
    if (entry.buildtime_dependencies_size() > 0) *out += "  buildtime-dependency:\n";
    for (const v1::ImageDescriptor& image : entry.buildtime_dependencies()) {
      *out += fmt::format("  - {}\n", Harmless(ImageText(image, true)));
    }
    if (entry.git_head_revision().empty()) {
      *out += "  git: {}\n";
    } else {
      *out += fmt::format("  git:\n    git-head-revision: {}\n", Harmless(entry.git_head_revision()));
    }
  }
}

}  // namespace

std::string_view StepKindText(v1::StepKind kind) {
  constexpr std::array<std::string_view, 4> kNames = {"", "build", "push", "cmd"};
  const auto index = static_cast<size_t>(kind);
  return index < kNames.size() ? kNames[index] : "";
}

std::string_view StepStatusText(v1::StepStatus status) {
  // One without a status has not begun.
  constexpr std::array<std::string_view, 6> kNames = {"queued",     "skipped", "in progress",
                                                      "successful", "failed",  "canceled"};
  const auto index = static_cast<size_t>(status);
  return index < kNames.size() ? kNames[index] : "";
}

std::string StepsText(const v1::Run& run) {
  if (run.steps().empty() || run.has_docker_build()) return "";
  std::vector<std::vector<std::string>> rows = {
      {"STEP", "KIND", "STATUS", "STARTED", "EXIT CODE", "ATTEMPTS", "DURATION", "ERROR"}};
  for (const v1::RunStep& step : run.steps()) {
    rows.push_back({step.step_id(), std::string(StepKindText(step.kind())), StatusOf(step),
                    step.has_start_time() ? WholeSeconds(step.start_time()) : "",
                    step.has_exit_code() ? std::to_string(step.exit_code()) : "",
                    step.attempts() > 0 ? std::to_string(step.attempts()) : "", DurationText(step),
                    step.error_message().substr(0, step.error_message().find('\n'))});
  }
  std::string out = "\n" + Table(rows);
  if (run.dependencies_size() > 0) out += "\nDependencies:\n";
  AppendDependencies(run, &out);
  return out;
}

std::string PlanText(const v1::RenderTaskResponse& plan) {
  std::string out;
  for (const std::string& warning : plan.warnings()) out += fmt::format("WARNING: {}\n", Harmless(warning));
  for (const std::string& line : HarmlessLines(plan.rendered())) out += line + "\n";
  std::vector<std::vector<std::string>> rows = {{"STEP", "KIND", "WAITS FOR", "RUNS ON", "WHAT"}};
  for (const v1::RunStep& step : plan.steps()) {
    rows.push_back(
        {step.step_id(), std::string(StepKindText(step.kind())), Joined(step.when()), step.run_on(), step.summary()});
  }
  return out + "\n" + Table(rows);
}

std::string PlanJson(const v1::RenderTaskResponse& plan) {
  nlohmann::ordered_json json = {{"rendered", plan.rendered()},
                                 {"steps", nlohmann::ordered_json::array()},
                                 {"warnings", nlohmann::ordered_json::array()}};
  for (const v1::RunStep& step : plan.steps()) {
    nlohmann::ordered_json when = nlohmann::ordered_json::array();
    for (const std::string& id : step.when()) when.push_back(id);
    json["steps"].push_back({{"stepId", step.step_id()},
                             {"kind", std::string(StepKindText(step.kind()))},
                             {"when", std::move(when)},
                             {"runOn", step.run_on()},
                             {"summary", step.summary()}});
  }
  for (const std::string& warning : plan.warnings()) json["warnings"].push_back(warning);
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace slipway::cli
