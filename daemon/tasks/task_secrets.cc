#include "daemon/tasks/task_secrets.h"

#include <nlohmann/json.hpp>

namespace slipway::tasks {

namespace {

using Json = nlohmann::json;

std::string Purpose(const store::Task& task) { return "task:" + task.name; }

// The list of arguments or values of a step, and how its secrets are called.
std::pair<std::vector<builder::NamedValue>*, std::string> ValuesOf(store::TaskStep* step) {
  if (auto* build = std::get_if<task::QuickBuild>(step)) return {&build->arguments, "arg:"};
  return {&std::get<task::FileTask>(*step).values, "value:"};
}

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
  const auto [values, prefix] = ValuesOf(step);
  std::map<std::string, std::string> kept;
  for (builder::NamedValue& value : *values) {
    if (!value.secret) continue;
    const std::string name = prefix + value.name;
    kept[name] = value.value == kHidden ? secrets->Get(name) : value.value;
    value.value.clear();
  }
  secrets->Retain([&prefix](const std::string& name) { return !name.starts_with(prefix); });
  for (auto& [name, value] : kept) secrets->Set(name, std::move(value));
}

void PutSecrets(const TaskSecrets& secrets, store::TaskStep* step) {
  const auto [values, prefix] = ValuesOf(step);
  for (builder::NamedValue& value : *values) {
    if (value.secret) value.value = secrets.Get(prefix + value.name);
  }
}

}  // namespace slipway::tasks
