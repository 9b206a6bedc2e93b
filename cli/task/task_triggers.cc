#include "cli/task/task_triggers.h"

#include <algorithm>
#include <set>
#include <vector>

#include "cli/enum_text.h"
#include "cli/task/task_step.h"

namespace slipway::cli {

namespace {

constexpr std::string_view kSourceName = "defaultSourceTriggerName";
constexpr std::string_view kBaseName = "defaultBaseimageTriggerName";

void Assign(const std::vector<std::string>& from, google::protobuf::RepeatedPtrField<std::string>* to) {
  if (from.empty()) return;
  to->Clear();
  for (const std::string& text : from) *to->Add() = text;
}

// Values that the command line has checked.
template <typename Enum>
Enum Known(const std::string& text) {
  return ParseEnum<Enum>(text).value();
}

void SetEvents(const TriggerWords& words, v1::SourceTrigger* source) {
  std::set<std::string> events(source->events().begin(), source->events().end());
  const auto put = [&](const std::optional<bool>& wanted, const char* name) {
    if (!wanted) return;
    if (*wanted) {
      events.insert(name);
    } else {
      events.erase(name);
    }
  };
  put(words.commit, "commit");
  put(words.pull_request, "pullrequest");
  if (!words.commit && !words.pull_request) return;
  // One without events would be one of pushes: it is kept as it was, with its address and secret, and rests.
  source->set_status(events.empty() ? v1::TASK_STATUS_DISABLED : v1::TASK_STATUS_ENABLED);
  if (events.empty()) return;
  source->clear_events();
  for (const std::string& event : events) source->add_events(event);
}

void SetSource(const TaskWords& words, v1::SourceTrigger* source) {
  const TriggerWords& triggers = words.triggers;
  SetEvents(triggers, source);
  Assign(triggers.branches, source->mutable_branches());
  Assign(triggers.tags, source->mutable_tags());
  Assign(triggers.paths, source->mutable_paths());
  if (triggers.forks) source->set_forks(Known<v1::ForkPolicy>(*triggers.forks));
  if (triggers.cancel_previous) source->set_cancel_previous(*triggers.cancel_previous);
  if (words.step.git_access_token) source->set_status_token(*words.step.git_access_token);
}

void SetBaseImage(const TriggerWords& words, v1::BaseImageTrigger* base) {
  if (base->name().empty()) base->set_name(std::string(kBaseName));
  if (words.base_name) base->set_name(*words.base_name);
  if (words.base_enabled) {
    base->set_status(*words.base_enabled ? v1::TASK_STATUS_ENABLED : v1::TASK_STATUS_DISABLED);
  }
  if (words.base_type) base->set_base_image_trigger_type(Known<v1::BaseImageTriggerType>(*words.base_type));
  if (words.endpoint) base->set_update_trigger_endpoint(*words.endpoint);
  if (words.payload_type) base->set_update_trigger_payload_type(*words.payload_type);
  if (words.rebase) base->set_rebase(Known<v1::RebasePolicy>(*words.rebase));
}

Status AddTimers(const TriggerWords& words, v1::Task* task) {
  if (words.schedules.empty() && (words.time_zone || words.missed)) {
    return InvalidArgument("--time-zone and --missed say how a --schedule is meant, and none is given");
  }
  for (size_t i = 0; i < words.schedules.size(); ++i) {
    v1::TimerTrigger timer = ParseSchedule(words.schedules[i], fmt::format("t{}", i + 1));
    timer.set_time_zone(words.time_zone.value_or(""));
    if (words.missed) timer.set_missed(Known<v1::MissedTimer>(*words.missed));
    auto* timers = task->mutable_timer_triggers();
    const auto same =
        std::find_if(timers->begin(), timers->end(), [&](const auto& old) { return old.name() == timer.name(); });
    if (same == timers->end()) {
      *timers->Add() = std::move(timer);
      continue;
    }
    timer.set_status(same->status());
    if (!words.time_zone) timer.set_time_zone(same->time_zone());
    if (!words.missed) timer.set_missed(same->missed());
    *same = std::move(timer);
  }
  return {};
}

Status NoSource(const v1::Task& task) {
  return InvalidArgument(
      "'{}' is no source that pushes could come from: a source trigger needs a git repository as context",
      SourceOf(task));
}

// The trigger that the words are about: the one they name, the only one, or a new one.
Result<v1::SourceTrigger*> ChosenSource(const TriggerWords& words, v1::Task* task) {
  auto* sources = task->mutable_source_triggers();
  const bool one = !words.source_name && sources->size() == 1;
  if (one) return sources->Mutable(0);
  if (!words.source_name && sources->size() > 1) {
    std::vector<std::string> names;
    for (const v1::SourceTrigger& source : *sources) names.push_back(source.name());
    return InvalidArgument("the task has several source triggers; name one with --source-trigger-name: {}",
                           fmt::join(names, ", "));
  }
  const std::string name = words.source_name.value_or(std::string(kSourceName));
  for (v1::SourceTrigger& source : *sources) {
    if (source.name() == name) return &source;
  }
  if (!IsGitSource(SourceOf(*task))) return NoSource(*task);
  v1::SourceTrigger* added = sources->Add();
  added->set_name(name);
  if (!words.commit && !words.pull_request) added->add_events("commit");
  return added;
}

}  // namespace

v1::TimerTrigger ParseSchedule(std::string_view text, std::string_view name) {
  v1::TimerTrigger timer;
  // A schedule holds no colon.
  if (const size_t colon = text.find(':'); colon != std::string_view::npos) {
    name = text.substr(0, colon);
    text.remove_prefix(colon + 1);
  }
  timer.set_name(std::string(name));
  timer.set_schedule(std::string(text));
  return timer;
}

Status FillTriggers(const TaskWords& words, v1::Task* task) {
  const TriggerWords& triggers = words.triggers;
  const bool git = IsGitSource(SourceOf(*task));
  const bool commit = triggers.commit.value_or(git);
  const bool pull_request = triggers.pull_request.value_or(false);
  if (!git && (commit || pull_request)) return NoSource(*task);
  if (commit || pull_request) {
    TaskWords whole = words;
    whole.triggers.commit = commit;
    v1::SourceTrigger* source = task->add_source_triggers();
    source->set_name(triggers.source_name.value_or(std::string(kSourceName)));
    SetSource(whole, source);
  } else if (!triggers.branches.empty() || !triggers.tags.empty() || !triggers.paths.empty() || triggers.forks ||
             triggers.cancel_previous) {
    return InvalidArgument(
        "--branch, --tag-filter, --path-filter, --forks and --cancel-previous belong to a source trigger, and the task "
        "has none");
  }
  SLIPWAY_RETURN_IF_ERROR(AddTimers(triggers, task));
  if (!triggers.base_enabled.value_or(true)) return {};
  v1::BaseImageTrigger* base = task->mutable_base_image_trigger();
  base->set_base_image_trigger_type(v1::BASE_IMAGE_TRIGGER_TYPE_RUNTIME);
  SetBaseImage(triggers, base);
  return {};
}

Status ChangeTriggers(const TaskWords& words, const v1::Task& was, v1::UpdateTaskRequest* request) {
  v1::Task* task = request->mutable_task();
  auto* mask = request->mutable_update_mask();
  const TriggerWords& triggers = words.triggers;
  const bool token = words.step.git_access_token && was.source_triggers_size() > 0;
  if (triggers.of_source() || token) {
    *task->mutable_source_triggers() = was.source_triggers();
    if (triggers.of_source()) {
      v1::Task changed = was;  // with the source that it will have
      SLIPWAY_ASSIGN_OR_RETURN(v1::SourceTrigger* const chosen, ChosenSource(triggers, &changed));
      SetSource(words, chosen);
      *task->mutable_source_triggers() = changed.source_triggers();
    } else {
      for (v1::SourceTrigger& source : *task->mutable_source_triggers()) {
        source.set_status_token(*words.step.git_access_token);
      }
    }
    mask->add_paths("source_triggers");
  }
  if (!triggers.schedules.empty() || triggers.time_zone || triggers.missed) {
    *task->mutable_timer_triggers() = was.timer_triggers();
    SLIPWAY_RETURN_IF_ERROR(AddTimers(triggers, task));
    mask->add_paths("timer_triggers");
  }
  if (triggers.of_base_image()) {
    if (was.has_base_image_trigger()) *task->mutable_base_image_trigger() = was.base_image_trigger();
    SetBaseImage(triggers, task->mutable_base_image_trigger());
    mask->add_paths("base_image_trigger");
  }
  return {};
}

}  // namespace slipway::cli
