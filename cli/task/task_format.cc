#include "cli/task/task_format.h"

#include <fmt/format.h>

#include <vector>

#include "cli/enum_text.h"
#include "cli/run_format.h"
#include "cli/task/task_step.h"
#include "cli/text_width.h"

namespace slipway::cli {

namespace {

using Rows = std::vector<std::vector<std::string>>;

bool Enabled(v1::TaskStatus status) { return status != v1::TASK_STATUS_DISABLED; }
std::string StatusText(v1::TaskStatus status) { return Enabled(status) ? "Enabled" : "Disabled"; }

std::string PlatformsOf(const v1::Task& task) {
  v1::Run shown;  // the text is that of runs
  if (task.has_docker_build()) *shown.mutable_platforms() = task.docker_build().platforms();
  if (task.has_file_task() && task.file_task().has_platform()) *shown.add_platforms() = task.file_task().platform();
  if (task.has_encoded_task() && task.encoded_task().has_platform()) {
    *shown.add_platforms() = task.encoded_task().platform();
  }
  return PlatformText(shown);
}

// Sorted; only what can start it.
std::string TriggersOf(const v1::Task& task) {
  std::vector<std::string_view> names;
  if (task.has_base_image_trigger() && Enabled(task.base_image_trigger().status())) names.emplace_back("BASE_IMAGE");
  for (const v1::SourceTrigger& source : task.source_triggers()) {
    if (Enabled(source.status()) && (names.empty() || names.back() != "SOURCE")) names.emplace_back("SOURCE");
  }
  for (const v1::TimerTrigger& timer : task.timer_triggers()) {
    if (Enabled(timer.status()) && (names.empty() || names.back() != "TIMER")) names.emplace_back("TIMER");
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

std::string TimeOrNothing(bool there, const google::protobuf::Timestamp& time) {
  return there ? WholeSeconds(time) : "";
}

}  // namespace

std::string TaskTable(std::span<const v1::Task> tasks) {
  Rows rows = {{"NAME", "PLATFORM", "STATUS", "SOURCE REPOSITORY", "TRIGGERS"}};
  for (const v1::Task& task : tasks) {
    const std::string& source = SourceOf(task);
    rows.push_back({task.name(), PlatformsOf(task), StatusText(task.status()), source == "/dev/null" ? "" : source,
                    TriggersOf(task)});
  }
  return Table(rows);
}

std::string TimerTable(const v1::Task& task) {
  Rows rows = {{"NAME", "SCHEDULE", "STATUS", "TIME ZONE", "NEXT TIME"}};
  for (const v1::TimerTrigger& timer : task.timer_triggers()) {
    rows.push_back({timer.name(), timer.schedule(), StatusText(timer.status()),
                    timer.time_zone().empty() ? "UTC" : timer.time_zone(),
                    TimeOrNothing(timer.has_next_time(), timer.next_time())});
  }
  return Table(rows);
}

std::string CredentialTable(const v1::Task& task) {
  Rows rows = {{"LOGIN SERVER", "USERNAME"}};
  for (const v1::RegistryCredential& one : task.credentials()) rows.push_back({one.login_server(), one.username()});
  return Table(rows);
}

std::string DeliveryTable(std::span<const v1::Delivery> deliveries) {
  Rows rows = {
      {"DELIVERY", "RECEIVED", "FROM", "EVENT", "REFERENCE", "TASK", "TRIGGER", "VERDICT", "RUN ID", "REASON"}};
  for (const v1::Delivery& one : deliveries) {
    rows.push_back({one.delivery_id(), TimeOrNothing(one.has_receive_time(), one.receive_time()), one.sender(),
                    one.event(), one.reference(), one.task(), one.trigger(), EnumText(one.verdict()), one.run_id(),
                    one.reason()});
  }
  return Table(rows);
}

std::string WebhookText(const v1::Task& task, const std::string& public_url) {
  std::string text;
  for (const v1::SourceTrigger& source : task.source_triggers()) {
    if (source.webhook_path().empty()) continue;
    std::string base = public_url.empty() ? "http://THE-DAEMON'S-HTTP-ADDRESS" : public_url;
    while (base.ends_with('/')) base.pop_back();
    text += fmt::format("Webhook of '{}':\n  Address: {}{}\n", Harmless(source.name()), Harmless(base),
                        Harmless(source.webhook_path()));
    if (source.secret().empty() || source.secret() == "***") {
      text += "  Secret:  the one that was set before\n";
    } else {
      text += fmt::format("  Secret:  {}\n", Harmless(source.secret()));
    }
  }
  if (text.empty()) return "";
  return text + "Enter both at the git host, with JSON as content type. The secret is shown this once only.\n";
}

}  // namespace slipway::cli
