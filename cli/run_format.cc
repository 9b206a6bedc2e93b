#include "cli/run_format.h"

#include <fmt/format.h>
#include <google/protobuf/util/json_util.h>
#include <strings.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include <nlohmann/json.hpp>

#include "cli/step_format.h"
#include "cli/text_width.h"
#include "executor/base/clock.h"
#include "executor/base/near_miss.h"

namespace slipway::cli {

namespace {

constexpr std::array<std::string_view, 8> kStatusNames = {"Queued", "Started",  "Running", "Succeeded",
                                                          "Failed", "Canceled", "Error",   "Timeout"};

SystemTime TimeOf(const google::protobuf::Timestamp& time) {
  return SystemTime(std::chrono::duration_cast<SystemTime::duration>(std::chrono::seconds(time.seconds()) +
                                                                     std::chrono::nanoseconds(time.nanos())));
}

std::chrono::nanoseconds DurationOf(const v1::Run& run) {
  if (!run.has_start_time()) return {};
  const SystemTime end = run.has_finish_time() ? TimeOf(run.finish_time()) : Clock::Real().System();
  return std::max<std::chrono::nanoseconds>(end - TimeOf(run.start_time()), std::chrono::nanoseconds(0));
}

std::string PlatformText(const v1::Platform& platform) {
  std::string text = platform.os();
  if (!platform.architecture().empty()) text += "/" + platform.architecture();
  if (!platform.variant().empty()) text += "/" + platform.variant();
  return text;
}

// As ACR has it: what a stored task does is told from what somebody asks for once.
std::string_view RunTypeText(const v1::Run& run) {
  const bool of_task = !run.task().empty();
  if (run.run_type() == v1::RUN_TYPE_QUICK_BUILD) return of_task ? "AutoBuild" : "QuickBuild";
  if (run.run_type() == v1::RUN_TYPE_QUICK_RUN) return of_task ? "AutoRun" : "QuickRun";
  return "";
}

nlohmann::ordered_json ToJson(const v1::Run& run) {
  std::string text;
  google::protobuf::util::JsonPrintOptions options;
  if (!google::protobuf::util::MessageToJsonString(run, &text, options).ok()) return nullptr;
  auto json = nlohmann::ordered_json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return nullptr;
  if (json.contains("status")) json["status"] = StatusText(run.status());
  if (json.contains("runType")) {
    json["runType"] = RunTypeText(run);
  }
  for (int i = 0; i < run.steps_size() && json.contains("steps"); ++i) {
    json["steps"][static_cast<size_t>(i)]["kind"] = StepKindText(run.steps(i).kind());
    json["steps"][static_cast<size_t>(i)]["status"] = StepStatusText(run.steps(i).status());
  }
  return json;
}

}  // namespace

std::string_view StatusText(v1::RunStatus status) {
  const auto index = static_cast<size_t>(status) - 1;
  return index < kStatusNames.size() ? kStatusNames[index] : "Unknown";
}

Result<v1::RunStatus> ParseRunStatus(std::string_view text) {
  for (size_t i = 0; i < kStatusNames.size(); ++i) {
    const std::string_view name = kStatusNames[i];
    if (name.size() == text.size() && ::strncasecmp(name.data(), text.data(), name.size()) == 0) {
      return static_cast<v1::RunStatus>(i + 1);
    }
  }
  std::string hint = DidYouMean(text, kStatusNames);
  if (hint.empty()) hint = fmt::format("; there are {}", fmt::join(kStatusNames, ", "));
  return InvalidArgument("status '{}' is unknown{}", text, hint);
}

std::string WholeSeconds(const google::protobuf::Timestamp& time) {
  google::protobuf::Timestamp whole;
  whole.set_seconds(time.seconds());
  return FormatTime(TimeOf(whole));
}

bool IsFinal(v1::RunStatus status) { return status >= v1::RUN_STATUS_SUCCEEDED; }

std::string_view OutcomeText(v1::RunStatus status) {
  if (status == v1::RUN_STATUS_SUCCEEDED) return "was successful";
  if (status == v1::RUN_STATUS_CANCELED) return "was canceled";
  if (status == v1::RUN_STATUS_TIMEOUT) return "timed out";
  return "failed";
}

std::string DurationText(const v1::Run& run) {
  if (!run.has_start_time()) return "";
  const int64_t seconds = std::chrono::duration_cast<std::chrono::seconds>(DurationOf(run)).count();
  return fmt::format("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
}

std::string TookText(const v1::Run& run) { return FormatDuration(DurationOf(run)); }

std::string PlatformText(const v1::Run& run) {
  std::string text;
  for (const v1::Platform& platform : run.platforms()) {
    if (!text.empty()) text += ",";
    text += PlatformText(platform);
  }
  return text;
}

std::string_view TriggerText(const v1::Run& run) {
  if (run.has_source_trigger()) {
    return run.source_trigger().event_type() == "pullrequest" ? "Pull Request" : "Commit";
  }
  if (run.has_timer_trigger()) return "Timer";
  if (run.has_image_update_trigger()) return "Image Update";
  return "Manual";
}

std::string ImageText(const v1::ImageDescriptor& image, bool with_digest) {
  std::string text = image.registry().empty() ? image.repository() : image.registry() + "/" + image.repository();
  if (!image.tag().empty()) text += ":" + image.tag();
  if (with_digest && !image.digest().empty()) text += "@" + image.digest();
  return text;
}

std::string Table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], Columns(Harmless(row[i])));
  }
  std::string out;
  const auto append = [&](const std::vector<std::string>& row) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) line += Fit(Harmless(row[i]), widths[i] + 2);
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  };
  for (size_t i = 0; i < rows.size(); ++i) {
    append(rows[i]);
    if (i > 0) continue;
    std::vector<std::string> rule;
    for (const size_t width : widths) rule.emplace_back(width, '-');
    append(rule);
  }
  return out;
}

std::string RunTable(std::span<const v1::Run> runs) {
  std::vector<std::vector<std::string>> rows = {
      {"RUN ID", "TASK", "PLATFORM", "STATUS", "TRIGGER", "STARTED", "DURATION"}};
  for (const v1::Run& run : runs) {
    rows.push_back({run.run_id(), run.task(), PlatformText(run), std::string(StatusText(run.status())),
                    std::string(TriggerText(run)), run.has_start_time() ? WholeSeconds(run.start_time()) : "",
                    DurationText(run)});
  }
  return Table(rows);
}

// What is known of the event that started a run of a task.
std::string TriggerDetails(const v1::Run& run) {
  std::string text(TriggerText(run));
  if (run.has_source_trigger()) {
    const v1::SourceTriggerInfo& source = run.source_trigger();
    if (!source.pull_request_id().empty()) text += " #" + source.pull_request_id();
    const std::string& branch = source.tag_name().empty() ? source.branch_name() : source.tag_name();
    if (!branch.empty()) text += " on " + branch;
    if (source.is_from_fork()) text += " from a fork";
    text += fmt::format(" ({})", source.trigger_name());
  } else if (run.has_timer_trigger()) {
    text += fmt::format(" {}, due {}", run.timer_trigger().timer_trigger_name(),
                        WholeSeconds(run.timer_trigger().schedule_occurrence()));
  } else if (run.has_image_update_trigger()) {
    for (const v1::ImageDescriptor& image : run.image_update_trigger().images()) {
      text += " " + ImageText(image, true);
    }
  }
  return text;
}

std::string RunDetails(const v1::Run& run) {
  std::vector<std::pair<std::string, std::string>> facts = {{"Run ID", run.run_id()},
                                                            {"Status", std::string(StatusText(run.status()))}};
  const auto add = [&](std::string name, std::string value) {
    if (value.empty()) return;
    for (std::string& line : HarmlessLines(value)) facts.emplace_back(std::exchange(name, ""), std::move(line));
  };
  if (!run.task().empty()) {
    add("Task", run.task());
    add("Trigger", TriggerDetails(run));
  }
  if (run.is_archive_enabled()) add("Archived", "yes");
  if (run.cancel_requested() && !IsFinal(run.status())) add("Cancel", "requested");
  if (run.has_queue_position()) add("Before it", Counted(run.queue_position(), "run"));
  if (run.has_create_time()) add("Created", WholeSeconds(run.create_time()));
  if (run.has_start_time()) add("Started", WholeSeconds(run.start_time()));
  if (run.has_finish_time()) add("Finished", WholeSeconds(run.finish_time()));
  add("Duration", DurationText(run));
  add("Platform", PlatformText(run));
  add("Source", run.has_docker_build() ? run.docker_build().source_location()
                : run.has_file_task()  ? run.file_task().source_location()
                                       : run.encoded_task().source_location());
  if (run.has_file_task()) add("Task file", run.file_task().task_file_path());
  if (run.has_encoded_task()) add("Task file", run.encoded_task().task_name() + " (sent along)");
  add("Revision", run.revision());
  if (run.attempt() > 1) add("Attempt", std::to_string(run.attempt()));
  add("Error", run.run_error_message());
  add("Error code", run.run_error_code());
  add("Failed step", run.failed_step_id());
  for (const v1::ImageDescriptor& image : run.output_images()) add("Image", ImageText(image, true));
  for (const v1::BaseImage& base : run.base_images()) {
    add(base.is_runtime() ? "Base image" : "Build-time base", ImageText(base.image(), true));
  }
  if (run.has_summary()) {
    const v1::RunSummary& summary = run.summary();
    add("Digest", summary.digest());
    add("Steps", fmt::format("{}, {} cached", summary.vertices(), summary.cached()));
    add("Layers", fmt::format("{} pushed, {} mounted, {} there already", summary.layers_pushed(),
                              summary.layers_mounted(), summary.layers_there()));
  }
  std::string out;
  for (const auto& [name, value] : facts) {
    out += fmt::format("{:<16} {}\n", name.empty() ? "" : name + ":", Harmless(value));
  }
  out += StepsText(run);
  return out;
}

std::string RunJson(const v1::Run& run) {
  return ToJson(run).dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

std::string RunListJson(std::span<const v1::Run> runs) {
  auto list = nlohmann::ordered_json::array();
  for (const v1::Run& run : runs) list.push_back(ToJson(run));
  return list.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace slipway::cli
