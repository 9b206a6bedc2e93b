#include "daemon/services/convert_tasks.h"

#include <google/protobuf/util/field_mask_util.h>

#include <algorithm>
#include <array>
#include <set>

#include "daemon/services/convert.h"
#include "daemon/services/convert_task.h"
#include "daemon/services/timeout.h"
#include "daemon/tasks/task_check.h"
#include "executor/base/near_miss.h"
#include "executor/base/utf8.h"

namespace slipway::services {

namespace {

using tasks::kHidden;

std::string Text(std::string_view text) { return utf8::Repair(text); }
std::string Hidden(bool there) { return there ? std::string(kHidden) : ""; }
std::vector<std::string> List(const google::protobuf::RepeatedPtrField<std::string>& list) {
  return {list.begin(), list.end()};
}

v1::TaskStatus StatusOf(bool enabled) { return enabled ? v1::TASK_STATUS_ENABLED : v1::TASK_STATUS_DISABLED; }
bool IsEnabled(v1::TaskStatus status) { return status != v1::TASK_STATUS_DISABLED; }

// Reads a task; secrets go into the draft under the names that TaskSecrets tells.
class TaskReader {
 public:
  TaskReader(const v1::Task& message, const tasks::TaskSecrets& known, task::FieldErrors* errors)
      : message_(message), known_(known), errors_(*errors) {}

  TaskDraft Read(std::chrono::seconds default_timeout) && {
    draft_.secrets = known_;
    store::Task& task = draft_.task;
    task.name = message_.name();
    task.enabled = IsEnabled(message_.status());
    ReadStep(default_timeout);
    ReadTimers();
    ReadSources();
    if (message_.has_base_image_trigger()) ReadBaseImage(message_.base_image_trigger());
    ReadLogins();
    task.tags = {message_.tags().begin(), message_.tags().end()};
    draft_.secrets.Retain([this](const std::string& name) {
      const bool listed = name.starts_with("trigger:") || name.starts_with("credential:");
      return !listed || kept_.contains(name);
    });
    return std::move(draft_);
  }

 private:
  void Add(std::string field, std::string why) { errors_.push_back({std::move(field), std::move(why)}); }

  // "***" keeps what is there, "" removes it.
  void Secret(const std::string& field, const std::string& name, const std::string& value) {
    kept_.insert(name);
    if (value != kHidden) return draft_.secrets.Set(name, value);
    MustBeKnown(field, name, value);
  }
  void MustBeKnown(const std::string& field, const std::string& name, std::string_view value) {
    if (value != kHidden || known_.Has(name)) return;
    Add(field, "is '***', which stands for a secret that the task has; it has none here");
  }

  void ReadStep(std::chrono::seconds default_timeout) {
    store::Task& task = draft_.task;
    task::FieldErrors timeout;
    switch (message_.step_case()) {
      case v1::Task::kDockerBuild:
        task.step = ToQuickBuild(message_.docker_build());
        task.timeout = ReadTimeout(message_.docker_build(), default_timeout, &timeout);
        break;
      case v1::Task::kFileTask:
        task.step = ToFileTask(message_.file_task());
        task.timeout = ReadTimeout(message_.file_task(), default_timeout, &timeout);
        break;
      case v1::Task::kEncodedTask:
        task.step = ToFileTask(message_.encoded_task());
        task.timeout = ReadTimeout(message_.encoded_task(), default_timeout, &timeout);
        break;
      case v1::Task::STEP_NOT_SET:
        Add("step", "is not set; set docker_build, file_task or encoded_task");
        task.timeout = default_timeout;
        return;
    }
    const std::string step(tasks::StepField(task.step));
    for (task::FieldError& error : timeout) Add(fmt::format("{}.{}", step, error.field), std::move(error.message));
    CheckHidden(step);
    tasks::TakeSecrets(&task.step, &draft_.secrets);
    // A token of its own counts before one that stands in the source's address.
    const std::string& token = message_.context_access_token();
    if (!token.empty()) Secret("context_access_token", "context", token);
    const bool in_address = task::SecretOfUrl(store::SourceOf(task)) == kHidden;
    if (token.empty() && !in_address) draft_.secrets.Set("context", "");
    task.has_context_token = draft_.secrets.Has("context");
  }

  void CheckHidden(const std::string& step) {
    if (const auto* build = std::get_if<task::QuickBuild>(&draft_.task.step)) {
      CheckHidden(step + ".arguments", "arg:", build->arguments);
      for (size_t i = 0; i < build->inputs.secrets.size(); ++i) {
        const builder::Secret& secret = build->inputs.secrets[i];
        MustBeKnown(fmt::format("{}.secrets[{}].value", step, i), "secret:" + secret.id, secret.value);
      }
      for (const auto& [name, location] : build->inputs.build_contexts) {
        MustBeKnown(fmt::format("{}.build_contexts[{}]", step, name), "named-context:" + name,
                    task::SecretOfUrl(location));
      }
    } else {
      CheckHidden(step + ".values", "value:", std::get<task::FileTask>(draft_.task.step).values);
    }
    if (message_.context_access_token().empty()) {
      MustBeKnown(step + ".source_location", "context", task::SecretOfUrl(store::SourceOf(draft_.task)));
    }
  }

  void CheckHidden(const std::string& list, const std::string& prefix, const std::vector<builder::NamedValue>& values) {
    for (size_t i = 0; i < values.size(); ++i) {
      if (!values[i].secret) continue;
      MustBeKnown(fmt::format("{}[{}].value", list, i), prefix + values[i].name, values[i].value);
    }
  }

  // "t1", "t2" …: the first that no other timer has.
  std::string NextTimerName() const {
    const auto taken = [this](const std::string& name) {
      const auto of_name = [&name](const auto& timer) { return timer.name() == name; };
      const auto made = [&name](const store::TimerTrigger& timer) { return timer.name == name; };
      return std::any_of(message_.timer_triggers().begin(), message_.timer_triggers().end(), of_name) ||
             std::any_of(draft_.task.timers.begin(), draft_.task.timers.end(), made);
    };
    size_t number = 1;
    while (taken(fmt::format("t{}", number))) ++number;
    return fmt::format("t{}", number);
  }

  void ReadTimers() {
    for (const v1::TimerTrigger& timer : message_.timer_triggers()) {
      draft_.task.timers.push_back(
          {.name = timer.name().empty() ? NextTimerName() : timer.name(),
           .schedule = timer.schedule(),
           .time_zone = timer.time_zone(),
           .enabled = IsEnabled(timer.status()),
           .missed = timer.missed() == v1::MISSED_TIMER_SKIP ? store::MissedTimer::kSkip : store::MissedTimer::kOnce});
    }
  }

  void ReadSources() {
    for (int i = 0; i < message_.source_triggers_size(); ++i) {
      ReadSource(fmt::format("source_triggers[{}]", i), message_.source_triggers(i));
    }
  }

  void ReadSource(const std::string& field, const v1::SourceTrigger& message) {
    store::SourceTrigger source;
    source.name = message.name().empty() ? "defaultSourceTriggerName" : message.name();
    source.enabled = IsEnabled(message.status());
    source.on_commit = message.events().empty();
    for (int i = 0; i < message.events_size(); ++i) {
      const std::string& event = message.events(i);
      source.on_commit |= event == "commit";
      source.on_pull_request |= event == "pullrequest";
      if (event == "commit" || event == "pullrequest") continue;
      Add(fmt::format("{}.events[{}]", field, i),
          fmt::format("'{}' is neither 'commit' nor 'pullrequest'", event.substr(0, 60)));
    }
    source.repository_url = message.repository_url();
    source.branches = List(message.branches());
    source.tags = List(message.tags());
    source.paths = List(message.paths());
    source.api_url = message.api_url();
    source.forks = message.forks() == v1::FORK_POLICY_UNSPECIFIED ? store::ForkPolicy::kWithoutSecrets
                                                                  : static_cast<store::ForkPolicy>(message.forks());
    source.cancel_previous = message.cancel_previous();
    const std::string secrets = "trigger:" + source.name;
    Secret(field + ".secret", secrets + ":secret", message.secret());
    Secret(field + ".status_token", secrets + ":token", message.status_token());
    source.has_status_token = draft_.secrets.Has(secrets + ":token");
    draft_.task.sources.push_back(std::move(source));
  }

  void ReadBaseImage(const v1::BaseImageTrigger& message) {
    draft_.task.base_image = {.name = message.name().empty() ? "defaultBaseimageTriggerName" : message.name(),
                              .enabled = IsEnabled(message.status()),
                              .all_stages = message.base_image_trigger_type() == v1::BASE_IMAGE_TRIGGER_TYPE_ALL,
                              .endpoint = message.update_trigger_endpoint(),
                              .payload_type = message.update_trigger_payload_type().empty()
                                                  ? "Default"
                                                  : message.update_trigger_payload_type(),
                              .rebase = message.rebase() == v1::REBASE_POLICY_WHEN_SAFE ? store::RebasePolicy::kWhenSafe
                                                                                        : store::RebasePolicy::kNever};
  }

  void ReadLogins() {
    for (int i = 0; i < message_.credentials_size(); ++i) {
      const v1::RegistryCredential& login = message_.credentials(i);
      draft_.task.logins.push_back({.server = login.login_server(), .username = login.username()});
      Secret(fmt::format("credentials[{}].password", i), "credential:" + login.login_server(), login.password());
    }
  }

  const v1::Task& message_;
  const tasks::TaskSecrets& known_;
  task::FieldErrors& errors_;
  std::set<std::string> kept_;  // names of secrets of triggers and logins that the message has
  TaskDraft draft_;
};

void FillStep(const store::Task& task, const tasks::TaskSecrets& secrets, v1::Task* out) {
  const auto hide = [&secrets](const std::string& prefix, auto* values) {
    for (v1::Argument& value : *values) {
      if (value.is_secret()) value.set_value(Hidden(secrets.Has(prefix + value.name())));
    }
  };
  if (const auto* build = std::get_if<task::QuickBuild>(&task.step)) {
    v1::DockerBuildRequest* to = out->mutable_docker_build();
    FillRequest(*build, task.timeout, to);
    hide("arg:", to->mutable_arguments());
    for (v1::BuildSecret& secret : *to->mutable_secrets()) {
      secret.set_value(Hidden(secrets.Has("secret:" + secret.id())));
    }
    return;
  }
  const auto& file = std::get<task::FileTask>(task.step);
  if (file.content) {
    FillRequest(file, task.timeout, out->mutable_encoded_task());
    hide("value:", out->mutable_encoded_task()->mutable_values());
  } else {
    FillRequest(file, task.timeout, out->mutable_file_task());
    hide("value:", out->mutable_file_task()->mutable_values());
  }
}

void FillSource(const store::Task& task, const store::SourceTrigger& source, const tasks::TaskSecrets& secrets,
                v1::SourceTrigger* out) {
  out->set_name(source.name);
  out->set_status(StatusOf(source.enabled));
  if (source.on_commit) out->add_events("commit");
  if (source.on_pull_request) out->add_events("pullrequest");
  out->set_repository_url(Text(source.repository_url));
  for (const std::string& glob : source.branches) out->add_branches(Text(glob));
  for (const std::string& glob : source.tags) out->add_tags(Text(glob));
  for (const std::string& glob : source.paths) out->add_paths(Text(glob));
  out->set_secret(Hidden(secrets.Has(fmt::format("trigger:{}:secret", source.name))));
  out->set_status_token(Hidden(source.has_status_token));
  out->set_api_url(Text(source.api_url));
  out->set_forks(static_cast<v1::ForkPolicy>(source.forks));
  out->set_cancel_previous(source.cancel_previous);
  out->set_webhook_path(fmt::format("/webhooks/git/{}/{}", task.name, source.name));
}

void FillBaseImage(const store::BaseImageTrigger& trigger, v1::BaseImageTrigger* out) {
  out->set_name(trigger.name);
  out->set_status(StatusOf(trigger.enabled));
  out->set_base_image_trigger_type(trigger.all_stages ? v1::BASE_IMAGE_TRIGGER_TYPE_ALL
                                                      : v1::BASE_IMAGE_TRIGGER_TYPE_RUNTIME);
  out->set_update_trigger_endpoint(Text(trigger.endpoint));
  out->set_update_trigger_payload_type(trigger.payload_type);
  out->set_rebase(static_cast<v1::RebasePolicy>(trigger.rebase));
}

// What a mask may name, besides parts of the step.
constexpr std::array<std::string_view, 11> kMaskable = {"status",
                                                        "step",
                                                        "docker_build",
                                                        "file_task",
                                                        "encoded_task",
                                                        "context_access_token",
                                                        "timer_triggers",
                                                        "source_triggers",
                                                        "base_image_trigger",
                                                        "credentials",
                                                        "tags"};

const google::protobuf::FieldDescriptor* StepOf(const v1::Task& task) {
  return task.GetReflection()->GetOneofFieldDescriptor(task, task.GetDescriptor()->FindOneofByName("step"));
}

// The path that FieldMaskUtil knows for one of a request's mask; "" and what is wrong if it may not be named.
std::string RealPath(const std::string& path, const v1::Task& change, const v1::Task& task, std::string* error) {
  const auto* given = StepOf(change);
  const auto refuse = [error](std::string why) {
    *error = std::move(why);
    return std::string();
  };
  if (path.starts_with("step.")) {
    const std::string member = path.substr(5);
    const auto* known = StepOf(task);
    if (given != known) return refuse(fmt::format("the task's step is {}; name 'step' to replace it", known->name()));
    std::vector<std::string_view> names;
    for (int i = 0; i < known->message_type()->field_count(); ++i) {
      names.push_back(known->message_type()->field(i)->name());
    }
    if (known->message_type()->FindFieldByName(member) == nullptr) {
      return refuse(fmt::format("{} has no '{}'{}", known->name(), member.substr(0, 60), DidYouMean(member, names)));
    }
    return fmt::format("{}.{}", known->name(), member);
  }
  if (std::find(kMaskable.begin(), kMaskable.end(), path) == kMaskable.end()) {
    if (path == "name") return refuse("a task cannot be renamed");
    return refuse(fmt::format("names '{}', which is nothing that can be changed{}", path.substr(0, 60),
                              DidYouMean(path, kMaskable)));
  }
  const bool step = path == "step" || path == "docker_build" || path == "file_task" || path == "encoded_task";
  if (!step) return path;
  if (given == nullptr) return refuse("names the step, but none is given");
  if (path != "step" && path != given->name())
    return refuse(fmt::format("names {}, but {} is given", path, given->name()));
  return given->name();
}

}  // namespace

TaskDraft ToTask(const v1::Task& message, const tasks::TaskSecrets& known, std::chrono::seconds default_timeout,
                 task::FieldErrors* errors) {
  return TaskReader(message, known, errors).Read(default_timeout);
}

v1::Task ToMessage(const store::Task& task, const tasks::TaskSecrets& secrets, const NextTime& next_time) {
  v1::Task out;
  out.set_name(task.name);
  out.set_status(StatusOf(task.enabled));
  FillTime(task.create_time, out.mutable_create_time());
  FillTime(task.update_time, out.mutable_last_updated_time());
  out.set_etag(task.etag);
  FillStep(task, secrets, &out);
  // One that stands in the source's address is shown there.
  const bool in_address = task::SecretOfUrl(store::SourceOf(task)) == kHidden;
  out.set_context_access_token(Hidden(task.has_context_token && !in_address));
  for (const store::TimerTrigger& timer : task.timers) {
    v1::TimerTrigger* to = out.add_timer_triggers();
    to->set_name(timer.name);
    to->set_schedule(Text(timer.schedule));
    to->set_time_zone(Text(timer.time_zone));
    to->set_status(StatusOf(timer.enabled));
    to->set_missed(static_cast<v1::MissedTimer>(timer.missed));
    if (const auto next = next_time(timer.name)) FillTime(*next, to->mutable_next_time());
  }
  for (const store::SourceTrigger& source : task.sources) FillSource(task, source, secrets, out.add_source_triggers());
  if (task.base_image) FillBaseImage(*task.base_image, out.mutable_base_image_trigger());
  for (const store::RegistryLogin& login : task.logins) {
    v1::RegistryCredential* to = out.add_credentials();
    to->set_login_server(Text(login.server));
    to->set_username(Text(login.username));
    to->set_password(Hidden(true));
  }
  for (const store::BaseImage& base : task.bases) FillBase(base, out.add_base_image_dependencies());
  for (const auto& [key, value] : task.tags) (*out.mutable_tags())[Text(key)] = Text(value);
  return out;
}

void Merge(const v1::Task& change, const google::protobuf::FieldMask& mask, v1::Task* task, task::FieldErrors* errors) {
  using google::protobuf::util::FieldMaskUtil;
  if (mask.paths().empty()) errors->push_back({"update_mask", "names nothing that is to be changed"});
  google::protobuf::FieldMask real;
  for (const std::string& path : mask.paths()) {
    std::string why;
    std::string known = RealPath(path, change, *task, &why);
    if (known.empty()) {
      errors->push_back({"update_mask", std::move(why)});
    } else {
      real.add_paths(std::move(known));
    }
  }
  if (!errors->empty()) return;
  FieldMaskUtil::MergeOptions replace;
  replace.set_replace_message_fields(true);
  replace.set_replace_repeated_fields(true);
  FieldMaskUtil::MergeMessageTo(change, real, replace, task);
}

tasks::TaskOverrides ToOverrides(const v1::TaskOverrides& message, task::FieldErrors* errors) {
  tasks::TaskOverrides out;
  out.source_location = message.source_location();
  out.file = message.file();
  out.target = message.target();
  for (const v1::Argument& value : message.arguments()) {
    out.arguments.push_back({.name = value.name(), .value = value.value(), .secret = value.is_secret()});
  }
  for (const v1::Argument& value : message.values()) {
    out.values.push_back({.name = value.name(), .value = value.value(), .secret = value.is_secret()});
  }
  out.update_trigger_token = message.update_trigger_token();
  if (message.has_timeout()) out.timeout = ReadTimeout(message, {}, errors);
  return out;
}

v1::Delivery ToMessage(const store::Delivery& delivery) {
  v1::Delivery out;
  out.set_delivery_id(store::DeliveryId(delivery.number));
  out.set_task(Text(delivery.task));
  out.set_trigger(Text(delivery.trigger));
  out.set_sender(Text(delivery.sender));
  out.set_event(Text(delivery.event));
  FillTime(delivery.receive_time, out.mutable_receive_time());
  out.set_verdict(static_cast<v1::DeliveryVerdict>(delivery.verdict));
  out.set_reason(Text(delivery.reason));
  out.set_run_id(delivery.run_id);
  out.set_revision(Text(delivery.revision));
  out.set_reference(Text(delivery.reference));
  return out;
}

}  // namespace slipway::services
