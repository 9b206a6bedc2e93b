#include "daemon/tasks/task_secrets.h"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "daemon/tasks/pinned_source.h"
#include "executor/http/url.h"

namespace slipway::tasks {

namespace {

using Json = nlohmann::json;

std::string Purpose(const store::Task& task) { return "task:" + task.name; }

constexpr std::string_view kSource = "context";
constexpr std::array<std::string_view, 4> kOfSteps = {"arg:", "value:", "secret:", "named-context:"};

// Gathers what a step keeps secret.
class Taker {
 public:
  explicit Taker(TaskSecrets* secrets) : secrets_(*secrets) {}

  void Value(std::string_view prefix, const std::string& name, std::string* value) {
    Keep(fmt::format("{}{}", prefix, name), std::exchange(*value, {}));
  }
  void Password(const std::string& name, std::string* address) {
    const std::string password = task::SecretOfUrl(*address);
    if (password.empty()) return;
    Keep(name, password == kHidden ? password : http::PercentDecode(password));
    *address = task::WithoutSecret(*address);
  }
  void Finish() {
    secrets_.Retain([](const std::string& name) {
      return std::none_of(kOfSteps.begin(), kOfSteps.end(),
                          [&name](std::string_view prefix) { return name.starts_with(prefix); });
    });
    for (auto& [name, value] : kept_) secrets_.Put(name, std::move(value));
  }

 private:
  void Keep(std::string name, std::string value) {
    if (value == kHidden) value = secrets_.Get(name);
    kept_[std::move(name)] = std::move(value);
  }

  TaskSecrets& secrets_;
  std::map<std::string, std::string> kept_;
};

}  // namespace

Result<TaskSecrets> TaskSecrets::Open(const store::Task& task, const secrets::Sealer& sealer) {
  TaskSecrets out;
  if (task.sealed.empty()) return out;
  SLIPWAY_ASSIGN_OR_RETURN(const std::string plain,
                           sealer.Unseal(task.sealed, Purpose(task)).With("secrets of the task"));
  try {
    const Json json = Json::from_cbor(plain);
    for (const auto& [name, value] : json.items()) out.values_[name] = value.get<std::string>();
  } catch (const Json::exception&) {
    return DataLoss("the secrets of task '{}' cannot be read", task.name);
  }
  return out;
}

Status TaskSecrets::Seal(const secrets::Sealer& sealer, store::Task* task) const {
  task->sealed.clear();
  if (values_.empty()) return Status();
  Json json = Json::object();
  for (const auto& [name, value] : values_) json[name] = value;
  const std::vector<uint8_t> bytes = Json::to_cbor(json);
  SLIPWAY_ASSIGN_OR_RETURN(task->sealed,
                           sealer.Seal({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, Purpose(*task)));
  return Status();
}

std::string TaskSecrets::Get(std::string_view name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? "" : found->second;
}

void TaskSecrets::Set(const std::string& name, std::string value) {
  if (value.empty()) {
    values_.erase(name);
  } else {
    values_[name] = std::move(value);
  }
}

void TakeSecrets(store::TaskStep* step, TaskSecrets* secrets) {
  Taker taker(secrets);
  const std::string source(kSource);
  if (auto* build = std::get_if<task::QuickBuild>(step)) {
    taker.Password(source, &build->source_location);
    for (builder::NamedValue& value : build->arguments) {
      if (value.secret) taker.Value("arg:", value.name, &value.value);
    }
    for (builder::Secret& secret : build->inputs.secrets) taker.Value("secret:", secret.id, &secret.value);
    for (auto& [name, location] : build->inputs.build_contexts) taker.Password("named-context:" + name, &location);
  } else {
    auto& file = std::get<task::FileTask>(*step);
    taker.Password(source, &file.source_location);
    for (builder::NamedValue& value : file.values) {
      if (value.secret) taker.Value("value:", value.name, &value.value);
    }
  }
  taker.Finish();
}

void PutSecrets(const TaskSecrets& secrets, store::TaskStep* step) {
  if (auto* build = std::get_if<task::QuickBuild>(step)) {
    for (builder::NamedValue& value : build->arguments) {
      if (value.secret) value.value = secrets.Get("arg:" + value.name);
    }
    for (builder::Secret& secret : build->inputs.secrets) secret.value = secrets.Get("secret:" + secret.id);
    for (auto& [name, location] : build->inputs.build_contexts) {
      if (task::SecretOfUrl(location) != kHidden) continue;
      location = SourceWithToken(location, secrets.Get("named-context:" + name));
    }
    return;
  }
  for (builder::NamedValue& value : std::get<task::FileTask>(*step).values) {
    if (value.secret) value.value = secrets.Get("value:" + value.name);
  }
}

}  // namespace slipway::tasks
