// slipway task timer add, update, remove, list.
#include <algorithm>
#include <memory>

#include <nlohmann/json.hpp>

#include "cli/enum_text.h"
#include "cli/task/commands.h"
#include "cli/task/task_format.h"
#include "cli/task/task_json.h"
#include "cli/task/task_part.h"
#include "cli/task/task_words.h"
#include "executor/base/near_miss.h"

namespace slipway::cli {

namespace {

using Timers = google::protobuf::RepeatedPtrField<v1::TimerTrigger>;

struct Words : PartWords {
  std::string timer;
  std::optional<std::string> schedule, time_zone, missed;
  std::optional<bool> enabled;
};

void SetTimer(const Words& words, v1::TimerTrigger* timer) {
  if (words.schedule) timer->set_schedule(*words.schedule);
  if (words.time_zone) timer->set_time_zone(*words.time_zone);
  if (words.missed) timer->set_missed(ParseEnum<v1::MissedTimer>(*words.missed).value());
  if (words.enabled) timer->set_status(*words.enabled ? v1::TASK_STATUS_ENABLED : v1::TASK_STATUS_DISABLED);
}

Timers::iterator Find(const std::string& name, Timers* timers) {
  return std::find_if(timers->begin(), timers->end(), [&](const auto& timer) { return timer.name() == name; });
}

Status NoTimer(const std::string& name, const Timers& timers) {
  std::vector<std::string_view> names;
  for (const v1::TimerTrigger& timer : timers) names.push_back(timer.name());
  return NotFound("the task has no timer trigger '{}'{}", name, DidYouMean(name, names));
}

Status Add(const Words& words, Timers* timers) {
  if (Find(words.timer, timers) != timers->end()) {
    return AlreadyExists("the task has a timer trigger '{}' already; 'slipway task timer update' changes it",
                         words.timer);
  }
  v1::TimerTrigger* added = timers->Add();
  added->set_name(words.timer);
  added->set_status(v1::TASK_STATUS_ENABLED);
  SetTimer(words, added);
  return {};
}

Status Update(const Words& words, Timers* timers) {
  const auto found = Find(words.timer, timers);
  if (found == timers->end()) return NoTimer(words.timer, *timers);
  SetTimer(words, &*found);
  return {};
}

Status Remove(const Words& words, Timers* timers) {
  const auto found = Find(words.timer, timers);
  if (found == timers->end()) return NoTimer(words.timer, *timers);
  timers->erase(found);
  return {};
}

void PrintTimers(const FormChoice& form, const v1::Task& task) {
  auto json = nlohmann::ordered_json::array();
  for (const v1::TimerTrigger& timer : task.timer_triggers()) json.push_back(TimerJson(timer));
  PrintList(form, json, TimerTable(task));
}

constexpr TaskPart<v1::TimerTrigger> kTimers{
    .field = "timer_triggers", .list = &v1::Task::mutable_timer_triggers, .print = &PrintTimers};

using Change = Status (*)(const Words&, Timers*);

void AddTimerOptions(CLI::App& command, Words* words, bool is_new) {
  command.add_option("--schedule", words->schedule, "'minute hour day month weekday'")
      ->type_name("CRON")
      ->required(is_new);
  AddSwitch(command, "--enabled", &words->enabled, "Whether it starts anything (true)");
  command.add_option("--time-zone", words->time_zone, "Time zone of the schedule, as Europe/Berlin (UTC)")
      ->type_name("ZONE");
  command
      .add_option("--missed", words->missed,
                  "What became due while the daemon was down runs 'once' (the default), or 'skip'")
      ->type_name("HOW")
      ->check([](const std::string& text) {
        const auto value = ParseEnum<v1::MissedTimer>(text);
        return value.ok() ? std::string() : value.status().message();
      });
}

void AddChange(CLI::App& group, CommandLine& line, const char* name, const char* help, Change change) {
  auto words = std::make_shared<Words>();
  CLI::App* command = AddPartCommand(group, words.get(), name, help);
  command->add_option("--timer-name", words->timer, "Name of the timer")->type_name("NAME")->required();
  if (change != &Remove) AddTimerOptions(*command, words.get(), change == &Add);
  OnPartChosen(*command, line, words, [words, change](Connection& connection) {
    return ChangeTaskPart(connection, *words, kTimers, [&](Timers* timers) { return change(*words, timers); });
  });
}

}  // namespace

void AddTaskTimer(CLI::App& group, CommandLine& line) {
  CLI::App* timer = group.add_subcommand("timer", "Timers of a task");
  timer->require_subcommand(1);
  AddChange(*timer, line, "add", "Add a timer", &Add);
  AddChange(*timer, line, "update", "Change what is given of a timer", &Update);
  AddChange(*timer, line, "remove", "Remove a timer", &Remove);
  auto words = std::make_shared<PartWords>();
  CLI::App* list = AddPartCommand(*timer, words.get(), "list", "List the timers of a task");
  OnPartChosen(*list, line, words,
               [words](Connection& connection) { return PrintTaskPart(connection, *words, &PrintTimers); });
}

}  // namespace slipway::cli
