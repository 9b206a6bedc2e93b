#include "daemon/tasks/task_check.h"

#include <algorithm>
#include <set>
#include <variant>

#include "daemon/trigger/cron.h"
#include "daemon/trigger/source_filter.h"
#include "daemon/trigger/time_zone.h"
#include "executor/http/url.h"
#include "executor/oci/reference.h"
#include "executor/source/git_url.h"
#include "steps/task/field_checks.h"
#include "steps/task/quick_build.h"

namespace slipway::tasks {

namespace {

constexpr size_t kMostGlobs = 64;
constexpr size_t kMaxSecret = 64 << 10;
constexpr size_t kMaxAllSecrets = 4 << 20;
constexpr size_t kMaxTag = 256;
constexpr std::string_view kWordRule = "is 1 to 50 letters, digits, '-' and '_'";

class Checker : private task::FieldChecks {
 public:
  Checker(const store::Task& task, const TaskSecrets& secrets, const task::QuickBuildRules& rules)
      : task_(task), secrets_(secrets), rules_(rules) {}

  task::FieldErrors Run() && {
    if (!store::IsTaskName(task_.name)) {
      Add("name", fmt::format("'{}' is no name of a task: 5 to 50 letters, digits, '-' and '_'", Shown(task_.name)));
    }
    CheckStep();
    CheckToken();
    CheckTimers();
    CheckSources();
    if (task_.base_image) CheckBaseImage(*task_.base_image);
    CheckLogins();
    CheckTags();
    CheckSecrets();
    return std::move(errors_);
  }

 private:
  static std::string Shown(const std::string& text) { return text.substr(0, 60); }

  void CheckStep() {
    store::TaskStep step = task_.step;
    PutSecrets(secrets_, &step);  // which have bounds too
    const auto* build = std::get_if<task::QuickBuild>(&step);
    task::FieldErrors found =
        build != nullptr ? task::Check(*build, rules_) : task::Check(std::get<task::FileTask>(step));
    const std::string_view field = StepField(step);
    for (task::FieldError& error : found) Add(fmt::format("{}.{}", field, error.field), std::move(error.message));
    if (store::SourceOf(task_).starts_with(task::kUploadPrefix)) {
      Add(fmt::format("{}.source_location", field),
          "is an upload, which is not kept for later runs; name a git repository or an archive");
    }
    if (build == nullptr) return;
    if (!task::UploadsOf(build->inputs).empty()) {
      Add("docker_build.build_contexts", "name an upload, which is not kept for later runs");
    }
    if (!build->inputs.ssh.empty()) {
      Add("docker_build.ssh", "a stored task has no client whose agent could answer");
    }
  }

  void CheckToken() {
    if (!secrets_.Has("context")) return;
    const std::string& source = store::SourceOf(task_);
    // Without the password of its own that it may have.
    if (SourceTakesToken(source)) return;
    Add("context_access_token",
        fmt::format("'{}' is not fetched over https, where alone a token is sent", Shown(task::WithoutSecret(source))));
  }

  static bool SourceTakesToken(const std::string& source) {
    return source.starts_with("https://") || source.starts_with("http://") || source.starts_with("github.com/");
  }

  // Whether the name is one, and no other of its list.
  void CheckName(const std::string& field, const std::string& name, std::set<std::string>* names) {
    if (!store::IsTriggerName(name)) {
      Add(field, fmt::format("'{}' is no name: it {}", Shown(name), kWordRule));
    } else if (!names->insert(name).second) {
      Add(field, fmt::format("'{}' is given twice", name));
    }
  }

  void CheckTimers() {
    if (!Count("timer_triggers", task_.timers.size(), kMostTimers)) return;
    std::set<std::string> names;
    for (size_t i = 0; i < task_.timers.size(); ++i) {
      const store::TimerTrigger& timer = task_.timers[i];
      const std::string field = fmt::format("timer_triggers[{}]", i);
      CheckName(field + ".name", timer.name, &names);
      if (Text(field + ".schedule", timer.schedule, kMaxName)) {
        const auto schedule = trigger::CronSchedule::Parse(timer.schedule);
        if (!schedule.ok()) Add(field + ".schedule", schedule.status().message());
      }
      if (Text(field + ".time_zone", timer.time_zone, kMaxName)) {
        const auto zone = trigger::TimeZone::Find(timer.time_zone);
        if (!zone.ok()) Add(field + ".time_zone", zone.status().message());
      }
    }
  }

  void CheckSources() {
    if (!Count("source_triggers", task_.sources.size(), kMostSources)) return;
    std::set<std::string> names;
    for (size_t i = 0; i < task_.sources.size(); ++i) {
      const std::string field = fmt::format("source_triggers[{}]", i);
      CheckName(field + ".name", task_.sources[i].name, &names);
      CheckSource(field, task_.sources[i]);
    }
  }

  void CheckSource(const std::string& field, const store::SourceTrigger& source) {
    CheckRepository(field + ".repository_url", source.repository_url);
    const bool bounded = Texts(field + ".branches", source.branches) && Texts(field + ".tags", source.tags) &&
                         Texts(field + ".paths", source.paths);
    if (bounded) {
      CheckGlobs(field + ".branches", {.branches = source.branches});
      CheckGlobs(field + ".tags", {.tags = source.tags});
      CheckGlobs(field + ".paths", {.paths = source.paths});
    }
    if (!source.api_url.empty()) CheckUrl(field + ".api_url", source.api_url);
  }

  void CheckRepository(const std::string& field, const std::string& url) {
    if (!Text(field, url, kMaxPath)) return;
    const std::string& source = store::SourceOf(task_);
    if (source == "/dev/null") {
      return Add(field, "the task has no source ('/dev/null'), and so no repository whose events could start it");
    }
    if (!url.empty()) {
      if (const auto parsed = source::GitUrl::Parse(url); !parsed.ok()) Add(field, parsed.status().message());
      if (!task::SecretOfUrl(url).empty()) Add(field, "holds a password; give it as status_token, or not at all");
      return;
    }
    const Result<source::ContextSpec> context = task::ParseSourceLocation(source);
    if (context.ok() && !std::holds_alternative<source::GitContext>(*context)) {
      Add(field, fmt::format("the source '{}' is no git repository; name one whose events start the task",
                             Shown(task::WithoutSecret(source))));
    }
  }

  bool Texts(const std::string& field, const std::vector<std::string>& texts) {
    if (!Count(field, texts.size(), kMostGlobs)) return false;
    bool fit = true;
    for (size_t i = 0; i < texts.size(); ++i) {
      const std::string element = fmt::format("{}[{}]", field, i);
      if (texts[i].empty()) Add(element, "is empty");
      fit &= !texts[i].empty() && Text(element, texts[i], kMaxName);
    }
    return fit;
  }

  void CheckGlobs(const std::string& field, trigger::SourceConditions conditions) {
    const auto made = trigger::SourceFilter::Make(std::move(conditions));
    if (!made.ok()) Add(field, made.status().message());
  }

  void CheckUrl(const std::string& field, const std::string& text) {
    if (!Text(field, text, kMaxPath)) return;
    if (const auto url = http::Url::Parse(text); !url.ok()) {
      Add(field, url.status().message());
    } else if (!url->userinfo.empty()) {
      Add(field, "holds a user or password, which would not be kept secret there");
    }
  }

  void CheckBaseImage(const store::BaseImageTrigger& trigger) {
    std::set<std::string> none;
    CheckName("base_image_trigger.name", trigger.name, &none);
    if (!trigger.endpoint.empty()) CheckUrl("base_image_trigger.update_trigger_endpoint", trigger.endpoint);
    if (trigger.payload_type != "Default" && trigger.payload_type != "Token") {
      Add("base_image_trigger.update_trigger_payload_type",
          fmt::format("'{}' is neither 'Default' nor 'Token'", Shown(trigger.payload_type)));
    }
  }

  void CheckLogins() {
    if (!Count("credentials", task_.logins.size(), kMostLogins)) return;
    std::set<std::string> servers;
    for (size_t i = 0; i < task_.logins.size(); ++i) {
      const store::RegistryLogin& login = task_.logins[i];
      const std::string field = fmt::format("credentials[{}]", i);
      if (!Text(field + ".login_server", login.server, kMaxName)) continue;
      const auto name = oci::Reference::Parse(login.server + "/x");
      if (!name.ok() || name->host != login.server) {
        Add(field + ".login_server",
            fmt::format("'{}' is no host of a registry, as in 'registry.example.com:5000'", Shown(login.server)));
      } else if (!servers.insert(login.server).second) {
        Add(field + ".login_server", fmt::format("'{}' is given twice", login.server));
      }
      Text(field + ".username", login.username, kMaxName);
      const std::string password = "credential:" + login.server;
      if (!secrets_.Has(password)) Add(field + ".password", "is empty");
      Secret(field + ".password", secrets_.Get(password));
    }
  }

  void CheckTags() {
    if (!Count("tags", task_.tags.size(), kMostTags)) return;
    for (const auto& [key, value] : task_.tags) {
      if (key.empty()) {
        Add("tags", "a key is empty");
      } else if (Text("tags", key, kMaxTag)) {
        Text(fmt::format("tags[{}]", key), value, kMaxTag);
      }
    }
  }

  // They are sealed as one text.
  void CheckSecrets() {
    size_t all = 0;
    for (const auto& [name, value] : secrets_.values()) {
      all += value.size();
      const bool of_step = name.starts_with("arg:") || name.starts_with("value:") || name.starts_with("secret:");
      // Those of the step have bounds of their own where the step is.
      if (!of_step && value.size() > kMaxSecret) {
        Add("secrets", fmt::format("'{}' has more than {} bytes", Shown(name), kMaxSecret));
      }
    }
    if (all > kMaxAllSecrets) Add("secrets", fmt::format("have more than {} bytes together", kMaxAllSecrets));
  }

  const store::Task& task_;
  const TaskSecrets& secrets_;
  const task::QuickBuildRules& rules_;
};

}  // namespace

std::string_view StepField(const store::TaskStep& step) {
  if (std::holds_alternative<task::QuickBuild>(step)) return "docker_build";
  return std::get<task::FileTask>(step).content ? "encoded_task" : "file_task";
}

task::FieldErrors Check(const store::Task& task, const TaskSecrets& secrets, const task::QuickBuildRules& rules) {
  return Checker(task, secrets, rules).Run();
}

}  // namespace slipway::tasks
